"""Photos segmented by NAS and its rivals, in several variants, and held against masks and edges."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data import Record, resize_labels
from nas.store import Row, Shard, Stored
from nas.superpixels import regions
from nas.superpixels.inputs import VariantOf, maps_of
from nas.superpixels.measures import measures, strongest_edges
from nas.superpixels.rivals import felzenszwalb, slic
from nas.superpixels.variants import Segmenting


def segment_photos(
    records: Sequence[Record], pieces: Mapping[str, VariantOf], views: Stored, settings: Segmenting
) -> dict[str, Shard]:
    """Label maps METHOD.VARIANT (B, H, W) uint16 of a few photos, and their measures, for the variants `pieces`."""
    ids = [record.id for record in records]
    photos, maps = views.read(ids)["view"], maps_of(pieces, ids)
    size = photos.shape[1], photos.shape[2]
    truths = [record.truth(size) for record in records]
    edges = [strongest_edges(photo, settings.edge_quantile) for photo in photos]
    found = {}
    for name, (variant, _) in pieces.items():
        model = variant.estimator(settings.interpolation, settings.seed).fit(maps, size)
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
                rows.append(row | variant.columns())
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
