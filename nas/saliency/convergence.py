"""How far saliency maps have converged at their counts of steps, samples or masks.

A method that samples or sums is run with fewer and with more, and each map is compared with one of many more, drawn
with another seed: pixel by pixel, and by the AUROC that both have against the mask.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from nas.data import Record
from nas.networks import shared_classifier
from nas.saliency.contrast import auroc_against_mask
from nas.saliency.explaining import explain
from nas.saliency.methods import METHODS
from nas.saliency.photo_maps import Explaining
from nas.statistics import Estimate, Resampling, spearman, summarize
from nas.store import TABLE, Row, Shard, Shards

SETTING = ["method", "parameter", "factor", "count", "reference_count"]
CONVERGENCE_COLUMNS = ["id", *SETTING, "spearman", "auroc", "reference_auroc"]


def counted(methods: Sequence[str], parameters: dict[str, dict[str, Any]]) -> dict[str, int]:
    """The methods that sample or sum and whose count is set, with it."""
    return {
        method: int(parameters[method][METHODS[method].count])
        for method in methods
        if METHODS[method].count in parameters.get(method, {})
    }


def compare_counts(
    records: Sequence[Record],
    pieces: Sequence[str],
    counts: dict[str, int],
    factors: Sequence[float],
    reference: float,
    settings: Explaining,
) -> dict[str, Shard]:
    """Rank correlation of the maps of a few photos at each count with those at the reference's, and AUROC of both.

    Parameters: `pieces`, some of the methods of `counts`; `factors` and `reference`, times the count.
    """
    classifier = shared_classifier(settings.network, settings.weights, settings.head)
    rows: dict[str, list[Row]] = {method: [] for method in pieces}
    for record in records:
        seen = Shards(settings.activations).read([record.id], ["view", "logits"])
        regions = settings.region_maps([record.id])
        x, target = classifier.normalize(seen["view"]), torch.from_numpy(seen["logits"]).argmax(dim=1)
        truth = record.truth((x.shape[2], x.shape[3]))
        for method in pieces:
            entry = METHODS[method]
            least = 2 * int(regions.max()) if entry.needs_regions else 1
            count_of = {factor: max(least, round(factor * counts[method])) for factor in (*factors, reference)}
            draw = partial(explain, classifier, x, target, method, batch_size=settings.batch)
            draw = partial(draw, regions=regions) if entry.needs_regions else draw
            given = settings.given(method, settings.seed + 1) | {entry.count: count_of[reference]}
            best = draw(**given)[0].cpu().numpy()
            of_best = auroc_against_mask(best, truth)
            for factor in factors:
                found = draw(**settings.given(method, settings.seed) | {entry.count: count_of[factor]})[0].cpu().numpy()
                row: Row = {"id": record.id, "method": method, "parameter": entry.count, "factor": factor}
                row |= {"count": count_of[factor], "reference_count": count_of[reference]}
                row |= {"spearman": float(spearman(found.ravel(), best.ravel()))}
                rows[method].append(row | {"auroc": auroc_against_mask(found, truth), "reference_auroc": of_best})
    ids = [record.id for record in records]
    return {method: Shard(ids, rows=rows[method]) for method in pieces}


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """Summaries of what the stage `convergence` wrote into a folder: rank correlation, and distance in AUROC."""
    table = pd.read_parquet(folder / TABLE)
    columns = [*SETTING, "measure", *Estimate._fields]
    shifts = table.assign(auroc_shift=(table["auroc"] - table["reference_auroc"]).abs())
    return {
        "summary": summarize(table, SETTING, ["spearman"], resampling).reindex(columns=columns),
        "contrast": summarize(shifts, SETTING, ["auroc_shift"], resampling).reindex(columns=columns),
    }
