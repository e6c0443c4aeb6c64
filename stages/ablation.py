"""NAS over depths, numbers of clusters, grids and weightings: data/ablation/DATASET/CLASSIFIER.

Writes one row per photo and setting, the label maps on their own grids for figure 3, and a summary with intervals.
"""

import sys
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from nas import agreement, engine, regions
from nas.activations import Activations
from nas.datasets import Record, read_records
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, join_tables, write_table
from nas.superpixels import NeuroActivatedSuperpixels
from nas.tables import summarize
from params import SCRATCH, Ablation, Parameters, Superpixels, run

SETTING = ["depths", "clusters", "size", "weighting"]
MEASURES = [
    "inertia_per_location",
    "n_components",
    "achievable_segmentation_accuracy",
    "undersegmentation_error",
    "achievable_segmentation_accuracy_clusters",
    "undersegmentation_error_clusters",
    "boundary_recall",
    "boundary_precision",
    "edge_share",
]
RATIOS = {"edge_adherence": ("edge_excess", "edge_room")}


class Columns(NamedTuple):
    """What the hypercolumns depend on; settings that differ in k share them."""

    depths: tuple[int, ...]
    size: str | int
    weighting: str


def settings(ablation: Ablation, default: Superpixels) -> dict[Columns, list[int | str]]:
    """Depth sets by numbers of clusters on the recipe's grid, and grids by weightings at the default depths and k."""
    chosen: dict[Columns, list[int | str]] = {}
    for depths in ablation.depths:
        chosen[Columns(tuple(sorted(depths)), "first", default.weighting)] = list(ablation.clusters)
    for size in ablation.sizes:
        for weighting in ablation.weighting:
            clusters = chosen.setdefault(Columns(tuple(sorted(default.depths)), size, weighting), [])
            if default.clusters not in clusters:
                clusters.append(default.clusters)
    return chosen


def compute(records: Sequence[Record], activations: Path, ablation: Ablation, default: Superpixels, seed: int) -> Shard:
    """Label maps and measures of a few photos at every setting."""
    stored = Activations(activations)
    arrays: dict[str, list[NDArray[Any]]] = {}
    rows: list[Row] = []
    for record in records:
        found = stored.read([record.id])
        photo, size = found["view"][0], found["view"].shape[1:3]
        maps = {int(name[5:]): torch.from_numpy(m) for name, m in found.items() if name.startswith("depth")}
        truth, strong = record.truth(size), agreement.strongest_edges(photo, default.edge_quantile)
        for columns, clusters in settings(ablation, default).items():
            model = NeuroActivatedSuperpixels(
                depths=columns.depths,
                weighting=None if columns.weighting == "none" else columns.weighting,
                size=columns.size,
                interpolation=default.interpolation,
                random_state=seed,
            )
            hypercolumns = model.columns(maps, size)
            for k in clusters:
                model.n_clusters = k
                model.fit(hypercolumns)
                labels = model.labels_[0].numpy()
                name = "/".join(["-".join(map(str, columns.depths)), str(columns.size), columns.weighting, f"k{k}"])
                arrays.setdefault(name, []).append(labels.astype(np.uint8))
                rows.append(
                    {
                        "id": record.id,
                        "depths": "-".join(map(str, columns.depths)),
                        "clusters": str(k),
                        "size": str(columns.size),
                        "weighting": columns.weighting,
                        "k": int(model.n_clusters_[0]),
                        "inertia_per_location": float(model.inertia_[0]) / labels.size,
                        "n_iter": int(model.n_iter_[0]),
                        **measure(regions.resize(labels, size), truth, strong, default.tolerance),
                    }
                )
    return Shard([record.id for record in records], {name: np.stack(each) for name, each in arrays.items()}, rows)


def measure(clusters: NDArray[Any], truth: NDArray[Any] | None, strong: NDArray[Any], tolerance: int) -> Row:
    """Measures of the connected components; `_clusters` marks those that differ for the clusters themselves."""
    components = regions.components(clusters)
    row: Row = {"n_components": int(components.max()) + 1}
    row |= agreement.measures(components, truth, strong, tolerance)
    if truth is not None:
        row |= agreement.scores(components, truth, tolerance)
        row["achievable_segmentation_accuracy_clusters"] = agreement.achievable_segmentation_accuracy(clusters, truth)
        row["undersegmentation_error_clusters"] = agreement.undersegmentation_error(clusters, truth)
    return row


def main(parameters: Parameters, dataset: str, classifier: str) -> None:
    activations = Path("data/activations", dataset, classifier)
    target = Path("data/ablation", dataset, classifier)
    ablation, default, seed = parameters.ablation, parameters.superpixels, parameters.seed
    engine.run(
        partial(compute, activations=activations, ablation=ablation, default=default, seed=seed),
        read_records(Path("data/raw", dataset)),
        target,
        key=[ablation.model_dump(), default.model_dump(), seed, Activations(activations).fingerprint],
        scratch=SCRATCH / "ablation" / dataset / classifier,
        workers=0,
        description=f"ablation {dataset} {classifier}",
    )
    carried: dict[str, Any] = {"dataset": dataset, "network": classifier, "method": "nas", "seed": seed}
    join_tables([target / TABLE], target / TABLE, carried, MEASURES)
    table = Shards(target).table([*SETTING, *MEASURES, *chain(*RATIOS.values())])
    level, n_resamples = parameters.statistics.level, parameters.statistics.resamples
    summary = summarize(table, SETTING, MEASURES, ratios=RATIOS, level=level, n_resamples=n_resamples, seed=seed)
    write_table(summary.assign(**carried), target / SUMMARY)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
