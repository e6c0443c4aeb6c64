"""NAS over depths, numbers of clusters, grids and weightings."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nas.data import Record, resize_labels
from nas.store import Row, Shard, Stored
from nas.superpixels import regions
from nas.superpixels.inputs import VariantOf, maps_of
from nas.superpixels.measures import (
    achievable_segmentation_accuracy,
    measures,
    strongest_edges,
    undersegmentation_error,
)
from nas.superpixels.variants import Segmenting, Variant


def ablated(
    depths: Sequence[Sequence[int]],
    clusters: Sequence[int | str],
    sizes: Sequence[str | int],
    weightings: Sequence[str],
    default: Variant,
) -> dict[str, Variant]:
    """Depth sets by numbers of clusters on the recipe's grid, and grids by weightings at the default depths and k.

    Returns: DEPTHS/SIZE/WEIGHTING/kK to the setting; those that differ in k only are next to each other.
    """
    chosen: dict[tuple[tuple[int, ...], str | int, str], list[int | str]] = {}
    for each in depths:
        chosen[tuple(sorted(each)), "first", default.weighting] = list(clusters)
    for size in sizes:
        for weighting in weightings:
            ks = chosen.setdefault((tuple(sorted(default.depths)), size, weighting), [])
            if default.clusters not in ks:
                ks.append(default.clusters)
    return {
        f"{'-'.join(map(str, used))}/{size}/{weighting}/k{k}": Variant(k, used, weighting, size)
        for (used, size, weighting), ks in chosen.items()
        for k in ks
    }


def ablate_photos(
    records: Sequence[Record],
    pieces: Mapping[str, VariantOf],
    views: Stored,
    settings: Segmenting,
) -> dict[str, Shard]:
    """Label maps uint16 of a few photos, on their own grids, and their measures, for the settings named `pieces`."""
    ids = [record.id for record in records]
    arrays: dict[str, list[NDArray[Any]]] = {name: [] for name in pieces}
    rows: dict[str, list[Row]] = {name: [] for name in pieces}
    for record in records:
        photo, maps = views.one(record.id), maps_of(pieces, [record.id])
        truth, strong = record.truth(photo.shape[:2]), strongest_edges(photo, settings.edge_quantile)
        for name, labels, fitted in _label_maps(pieces, maps, photo.shape[:2], settings):
            arrays[name].append(labels.astype(np.uint16))
            resized, drawn = resize_labels(labels, photo.shape[:2]), record.has_boundaries
            measured = measure(resized, truth, strong, settings.tolerance, boundaries=drawn)
            variant = pieces[name][0]
            size = {"size": str(variant.size)}
            rows[name].append({"id": record.id, **variant.columns(), **size, **fitted, **measured})
    return {name: Shard(ids, {name: np.stack(arrays[name])}, rows[name]) for name in pieces}


def _label_maps(
    pieces: Mapping[str, VariantOf],
    maps: Mapping[int, Tensor],
    size: tuple[int, int],
    settings: Segmenting,
) -> Any:
    """Name, label map and what the fit says, for one photo; settings that differ in k share hypercolumns."""
    for _, names in groupby(pieces, key=lambda name: name.rpartition("/")[0]):
        columns = None
        for name in names:
            model = pieces[name][0].estimator(settings.interpolation, settings.seed)
            columns = model.columns(maps, size) if columns is None else columns
            model.fit(columns)
            labels = model.labels_[0].numpy()
            fitted: Row = {"k": int(model.n_clusters_[0])}
            fitted |= {"inertia_per_location": float(model.inertia_[0]) / labels.size, "n_iter": int(model.n_iter_[0])}
            yield name, labels, fitted


def measure(
    clusters: NDArray[Any],
    truth: NDArray[Any] | None,
    strong: NDArray[Any],
    tolerance: int,
    *,
    boundaries: bool = True,
) -> Row:
    """Measures of the connected components; `_clusters` marks those that differ for the clusters themselves."""
    components = regions.components(clusters)
    row: Row = {"n_components": int(components.max()) + 1}
    row |= measures(components, truth, strong, tolerance, boundaries=boundaries)
    if truth is not None:
        row["achievable_segmentation_accuracy_clusters"] = achievable_segmentation_accuracy(clusters, truth)
        row["undersegmentation_error_clusters"] = undersegmentation_error(clusters, truth)
    return row
