"""Photos segmented by NAS and its rivals, in several variants, and held against masks and edges."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nas.data import Record, resize_labels
from nas.store import Row, Shard, Stored
from nas.superpixels import regions
from nas.superpixels.factors import deep_feature_factorization
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
    rivals = [
        Rivals(photo, {depth: of_depth[number] for depth, of_depth in maps.items()}, settings)
        for number, photo in enumerate(photos)
    ]
    found = {}
    for name, (variant, _) in pieces.items():
        model = variant.estimator(settings.interpolation, settings.seed).fit(maps, size)
        arrays: dict[str, list[NDArray[Any]]] = {}
        rows: list[Row] = []
        clusters = resize_labels(model.labels_.numpy(), size)
        for record, own, labels, k, truth, strong in zip(
            records, rivals, clusters, model.n_clusters_, truths, edges, strict=True
        ):
            for method, segmented in segment(labels, own, max(variant.depths)):
                arrays.setdefault(f"{method}.{name}", []).append(segmented.astype(np.uint16))
                row: Row = {"id": record.id, "variant": name, "method": method, "k": int(k)}
                row["n_regions"] = int(segmented.max()) + 1
                row |= measures(segmented, truth, strong, settings.tolerance, boundaries=record.has_boundaries)
                rows.append(row | variant.columns())
        found[name] = Shard(ids, {key: np.stack(each) for key, each in arrays.items()}, rows)
    return found


class Rivals:
    """The rivals of NAS and its control on one photo, each found once for a number of regions.

    Parameters: `photo` (H, W, 3); `maps` (C, h, w) by depth.
    """

    def __init__(self, photo: NDArray[Any], maps: Mapping[int, Tensor], settings: Segmenting) -> None:
        self.slic = cache(partial(slic, photo, **settings.slic))
        self.felzenszwalb = cache(partial(felzenszwalb, photo, **settings.felzenszwalb))
        size = photo.shape[0], photo.shape[1]
        self.dff = cache(lambda depth, n: deep_feature_factorization(maps[depth], n, size, settings.seed))
        digest = hashlib.sha256(np.ascontiguousarray(photo).tobytes()).digest()
        generator = np.random.default_rng([settings.seed, *digest])
        self.offset = tuple(int(generator.integers(-(-side // 4), 3 * side // 4 + 1)) for side in size)

    def moved(self, labels: NDArray[Any]) -> NDArray[np.int32]:
        """A label map moved around the rim, by a quarter to three quarters of each side: a partition of the same
        sizes and shapes that is of another image, drawn from the seed and the photo alone.
        """
        return regions.relabel(np.roll(labels, self.offset, axis=(0, 1)))


def segment(clusters: NDArray[Any], rivals: Rivals, deepest: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each of `SEGMENTATIONS` of a photo, from its NAS clusters (H, W); `deepest`, depth that these are made of."""
    components, n_clusters = regions.components(clusters), len(np.unique(clusters))
    yield "nas_clusters", clusters
    yield "nas_components", components
    for ending, n_regions in (("", int(components.max()) + 1), ("_few", n_clusters)):
        yield f"slic{ending}", rivals.slic(n_regions)
        yield f"felzenszwalb{ending}", rivals.felzenszwalb(n_regions)
    yield "dff", rivals.dff(deepest, n_clusters)
    yield "moved_clusters", rivals.moved(clusters)
    yield "moved_components", rivals.moved(components)
