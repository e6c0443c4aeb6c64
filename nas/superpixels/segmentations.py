"""Photos segmented by NAS and its rivals, in several variants, and held against masks and edges."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data import Record, resize_labels
from nas.networks import Activations
from nas.store import Row, Shard
from nas.superpixels import regions
from nas.superpixels.measures import measures, strongest_edges
from nas.superpixels.rivals import felzenszwalb, slic
from nas.superpixels.variants import Segmenting, Variant

MEASURES = [
    "achievable_segmentation_accuracy",
    "undersegmentation_error",
    "boundary_recall",
    "boundary_precision",
    "n_regions",
]
RATIOS = {"edge_adherence": ("edge_excess", "edge_room")}  # ratios of two means over photos


def segment_photos(
    records: Sequence[Record],
    pieces: Sequence[str],
    activations: Path,
    variants: Mapping[str, Variant],
    settings: Segmenting,
) -> dict[str, Shard]:
    """Label maps METHOD.VARIANT (B, H, W) uint16 of a few photos, and their measures, for the variants `pieces`."""
    stored, ids = Activations(activations), [record.id for record in records]
    photos = stored.read(ids, ["view"])["view"]
    maps = stored.maps(ids, sorted({depth for name in pieces for depth in variants[name].depths}))
    size = photos.shape[1], photos.shape[2]
    truths = [record.truth(size) for record in records]
    edges = [strongest_edges(photo, settings.edge_quantile) for photo in photos]
    found = {}
    for name in pieces:
        model = variants[name].estimator(settings.interpolation, settings.seed).fit(maps, size)
        arrays: dict[str, list[NDArray[Any]]] = {}
        rows: list[Row] = []
        clusters = resize_labels(model.labels_.numpy(), size)
        for i, photo, labels, k, truth, strong in zip(
            ids, photos, clusters, model.n_clusters_, truths, edges, strict=True
        ):
            for method, segmented in segment(photo, labels, settings):
                arrays.setdefault(f"{method}.{name}", []).append(segmented.astype(np.uint16))
                row: Row = {"id": i, "variant": name, "method": method, "k": int(k)}
                row["n_regions"] = int(segmented.max()) + 1
                row |= measures(segmented, truth, strong, settings.tolerance)
                rows.append(row | variants[name].columns())
        found[name] = Shard(ids, {key: np.stack(each) for key, each in arrays.items()}, rows)
    return found


def segment(photo: NDArray[Any], clusters: NDArray[Any], settings: Segmenting) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each of `SEGMENTATIONS` of a photo (H, W, 3), from its NAS clusters (H, W)."""
    components = regions.components(clusters)
    n_regions = int(components.max()) + 1
    yield "nas_clusters", clusters
    yield "nas_components", components
    yield "slic", slic(photo, n_regions, **settings.slic)
    yield "felzenszwalb", felzenszwalb(photo, n_regions, **settings.felzenszwalb)
