"""Segment every photo by NAS, SLIC and Felzenszwalb, and hold them against masks and image edges.

Writes data/superpixels/DATASET/CLASSIFIER: label maps at the classifier's input size, one row per photo, grid and
method, and a summary with bootstrap intervals.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from nas import agreement, engine, regions
from nas.activations import Activations
from nas.datasets import Record, read_records
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, join_tables, write_table
from nas.superpixels import NeuroActivatedSuperpixels
from nas.tables import summarize
from params import SCRATCH, Parameters, Superpixels, Variant, run

MEASURES = [
    "achievable_segmentation_accuracy",
    "undersegmentation_error",
    "boundary_recall",
    "boundary_precision",
    "n_regions",
]


RATIOS = {"edge_adherence": ("edge_excess", "edge_room")}


def compute(records: Sequence[Record], activations: Path, settings: Superpixels, seed: int) -> Shard:
    """Region maps and measures of a few photos."""
    stored = Activations(activations)
    ids = [record.id for record in records]
    names = [f"depth{depth}" for depth in sorted({depth for v in variants(settings).values() for depth in v.depths})]
    maps = {int(name[5:]): torch.from_numpy(m) for name, m in stored.read(ids, names).items()}
    photos = stored.read(ids, ["view"])["view"]
    size = photos.shape[1:3]
    arrays: dict[str, list[NDArray[Any]]] = {}
    rows: list[Row] = []
    for grid, variant in variants(settings).items():
        model = estimator(variant, settings.interpolation, seed).fit(maps, size)
        clusters = regions.resize(model.labels_.numpy(), size)
        for record, photo, labels, k in zip(records, photos, clusters, model.n_clusters_, strict=True):
            strong = agreement.strongest_edges(photo, settings.edge_quantile)
            for method, found in segment(photo, labels, settings):
                arrays.setdefault(f"{method}.{grid}", []).append(found.astype(np.uint16))
                row: Row = {"id": record.id, "size": grid, "method": method, "k": int(k)}
                row["n_regions"] = int(found.max()) + 1
                measured = agreement.measures(found, record.truth(size), strong, settings.tolerance)
                rows.append(row | measured | columns_of(variant))
    return Shard(ids, {name: np.stack(each) for name, each in arrays.items()}, rows)


def variants(settings: Superpixels) -> dict[str, Variant]:
    """The variants of NAS by name: the default on each grid, and `tuned` where it is set."""
    shared = settings.model_dump(include={"clusters", "depths", "weighting"})
    found = {str(size): Variant(size=size, **shared) for size in settings.sizes}
    return found if settings.tuned is None else {**found, "tuned": settings.tuned}


def estimator(variant: Variant, interpolation: str, seed: int) -> NeuroActivatedSuperpixels:
    """NAS with the settings of a variant."""
    return NeuroActivatedSuperpixels(
        variant.clusters,
        depths=variant.depths,
        weighting=None if variant.weighting == "none" else variant.weighting,
        size=variant.size,
        interpolation=interpolation,
        random_state=seed,
    )


def segment(photo: NDArray[Any], labels: NDArray[Any], settings: Superpixels) -> Iterator[tuple[str, NDArray[Any]]]:
    """NAS clusters and components, and the classics tuned to the number of components."""
    components = regions.components(labels)
    n_regions = int(components.max()) + 1
    yield "nas_clusters", labels
    yield "nas_components", components
    yield "slic", regions.slic(photo, n_regions, **settings.slic.model_dump())
    yield "felzenszwalb", regions.felzenszwalb(photo, n_regions, **settings.felzenszwalb.model_dump())


def columns_of(variant: Variant) -> Row:
    """The depths, the number of clusters and the weighting of a variant, as columns of a table."""
    return {
        "depths": "-".join(map(str, sorted(variant.depths))),
        "clusters": str(variant.clusters),
        "weighting": variant.weighting,
    }


def with_settings(summary: pd.DataFrame, settings: Superpixels) -> pd.DataFrame:
    """A summary with the columns of each row's variant."""
    found = {name: columns_of(variant) for name, variant in variants(settings).items()}
    return summary.join(pd.DataFrame([found[name] for name in summary["size"]], index=summary.index))


def main(parameters: Parameters, dataset: str, classifier: str) -> None:
    activations = Path("data/activations", dataset, classifier)
    target = Path("data/superpixels", dataset, classifier)
    settings, seed = parameters.superpixels, parameters.seed
    engine.run(
        partial(compute, activations=activations, settings=settings, seed=seed),
        read_records(Path("data/raw", dataset)),
        target,
        key=[settings.model_dump(), seed, Activations(activations).fingerprint],
        scratch=SCRATCH / "superpixels" / dataset / classifier,
        workers=0,
        description=f"superpixels {dataset} {classifier}",
    )
    carried: dict[str, Any] = {"dataset": dataset, "network": classifier, "seed": seed}
    join_tables([target / TABLE], target / TABLE, carried | parameters.statistics.model_dump(), MEASURES)
    table = Shards(target).table(["size", "method", *MEASURES, *chain(*RATIOS.values())])
    level, n_resamples = parameters.statistics.level, parameters.statistics.resamples
    summary = summarize(
        table, ["size", "method"], MEASURES, ratios=RATIOS, level=level, n_resamples=n_resamples, seed=seed
    )
    write_table(with_settings(summary, settings).assign(**carried), target / SUMMARY)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
