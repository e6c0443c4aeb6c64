"""How far saliency maps have converged at the counts of params.yaml: data/convergence/DATASET/CLASSIFIER.

A method that samples or sums is run with fewer and with more steps, samples or masks, and each map is compared
with one of many more, drawn with another seed: pixel by pixel, and by the AUROC that both have against the mask.
"""

import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from nas import engine
from nas.checksums import sha256_of
from nas.datasets import Record, read_records
from nas.heads import fingerprint, shared_classifier
from nas.saliency import METHODS, check_parameters, explain
from nas.saliency.costs import COUNTS
from nas.semantics import auroc
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, spread, write_table
from nas.statistics import Estimate, spearman
from nas.tables import summarize
from params import SCRATCH, Convergence, Parameters, Saliency, run

SETTING = ["method", "parameter", "factor", "count", "reference_count"]
COLUMNS = ["id", *SETTING, "spearman", "auroc", "reference_auroc"]
CONTRAST = "contrast.parquet"


def compute(
    records: Sequence[Record],
    name: str,
    weights: Path,
    head: Path,
    activations: Path,
    superpixels: Path,
    settings: Convergence,
    saliency: Saliency,
    seed: int,
) -> Shard:
    """Rank correlation of the maps of a few photos at each count with those at the reference's, and AUROC of both."""
    classifier = shared_classifier(name, weights, head)
    rows: list[Row] = []
    for record in records:
        found = Shards(activations).read([record.id], ["view", "logits"])
        labels = Shards(superpixels).read([record.id], [saliency.regions])[saliency.regions]
        regions = torch.from_numpy(labels.astype(np.int64))
        x, target = classifier.normalize(found["view"]), torch.from_numpy(found["logits"]).argmax(dim=1)
        draw = partial(explain, classifier, x, target, batch_size=saliency.batch)
        for method, parameter, default in counted(saliency):
            entry = METHODS[method]
            given: dict[str, Any] = dict(saliency.parameters[method])
            given |= {"regions": regions} if entry.needs_regions else {}
            least = 2 * int(regions.max()) if entry.needs_regions else 1
            count_of = {
                factor: max(least, round(factor * default)) for factor in (*settings.factors, settings.reference)
            }
            given[parameter] = count_of[settings.reference]
            reference = draw(method=method, **given | seeded(method, seed + 1))[0].cpu().numpy()
            of_reference = contrast(reference, record)
            for factor in settings.factors:
                given[parameter] = count_of[factor]
                found_map = draw(method=method, **given | seeded(method, seed))[0].cpu().numpy()
                row: Row = {"id": record.id, "method": method, "parameter": parameter, "factor": factor}
                row |= {"count": count_of[factor], "reference_count": count_of[settings.reference]}
                row |= {"spearman": float(spearman(found_map.ravel(), reference.ravel()))}
                rows.append(row | {"auroc": contrast(found_map, record), "reference_auroc": of_reference})
    return Shard([record.id for record in records], rows=rows)


def contrast(saliency: NDArray[Any], record: Record) -> float:
    """AUROC of a map (H, W) against the mask of its photo; NaN without a mask, an object or a background."""
    truth = record.truth((saliency.shape[0], saliency.shape[1]))
    if truth is None:
        return math.nan
    known = truth < 255
    return auroc(saliency[known], truth[known] > 0)


def counted(saliency: Saliency) -> list[tuple[str, str, int]]:
    """The methods that sample or sum, with the name of their count and its value in params.yaml."""
    return [
        (method, parameter, int(value))
        for method in saliency.methods
        for parameter, value in saliency.parameters.get(method, {}).items()
        if parameter in COUNTS
    ]


def seeded(method: str, seed: int) -> dict[str, int]:
    return {"seed": seed} if "seed" in METHODS[method].defaults else {}


def main(parameters: Parameters, dataset: str, name: str) -> None:
    weights, head = Path("data/weights", f"{name}.safetensors"), Path("data/heads", dataset, name)
    activations, superpixels = (Path("data", stage, dataset, name) for stage in ("activations", "superpixels"))
    target, settings, seed = Path("data/convergence", dataset, name), parameters.convergence, parameters.seed
    records = read_records(Path("data/raw", dataset))
    with engine.about("saliency.parameters"):
        check_parameters(parameters.saliency.parameters)
    if not counted(parameters.saliency):
        print(
            "saliency.parameters: has no n_steps, n_samples or n_masks of a method in saliency.methods, so that "
            "nothing converges; its tables are empty",
            file=sys.stderr,
        )
    engine.run(
        partial(
            compute,
            name=name,
            weights=weights,
            head=head,
            activations=activations,
            superpixels=superpixels,
            settings=settings,
            saliency=parameters.saliency,
            seed=seed,
        ),
        spread(records, settings.photos),
        target,
        key=[
            settings.model_dump(),
            parameters.saliency.model_dump(),
            seed,
            sha256_of(weights),
            fingerprint(head),
            Shards(activations).fingerprint,
            Shards(superpixels).fingerprint,
        ],
        scratch=SCRATCH / "convergence" / dataset / name,
        workers=1 if torch.cuda.is_available() else 0,
        description=f"convergence {dataset} {name}",
    )
    carried: dict[str, Any] = {"dataset": dataset, "network": name, "seed": seed}
    table = pd.read_parquet(target / TABLE) if (target / TABLE).exists() else pd.DataFrame(columns=COLUMNS)
    level, n_resamples = parameters.statistics.level, parameters.statistics.resamples
    found = summarize(table, SETTING, ["spearman"], level=level, n_resamples=n_resamples, seed=seed)
    summary = found.reindex(columns=[*SETTING, "measure", *Estimate._fields])
    shifts = table.assign(auroc_shift=(table["auroc"] - table["reference_auroc"]).abs())
    shifted = summarize(shifts, SETTING, ["auroc_shift"], level=level, n_resamples=n_resamples, seed=seed)
    write_table(table.assign(**carried), target / TABLE)
    write_table(summary.assign(**carried), target / SUMMARY)
    write_table(shifted.reindex(columns=summary.columns).assign(**carried), target / CONTRAST)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
