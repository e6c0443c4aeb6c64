"""Exact k-means over every location of many images at once, in passes that hold a few images in memory.

Lloyd's algorithm needs of a pass only the sums and sizes of the clusters. They are added up in float64, image
after image, so that neither memory nor the result depends on how many images there are at once: on a CPU the
images are handled one by one, and their split into batches does not change a bit.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from nas.store import reading, write_bytes
from nas.superpixels.hypercolumns import Hypercolumns
from nas.superpixels.kmeans import Nearest, cluster_sums, draw, nearest

BATCH_ELEMENTS = 2**25  # on a GPU: of the K maps on the grid that are alive at once, over the images of a batch
Maps = Mapping[int, Tensor]


class CollectionClustering(NamedTuple):
    """Result of k-means on a collection.

    centers : (K, n_features), on the CPU, numbered by first appearance in the order of the images; empty clusters
        come last
    inertia : sum over all locations of the squared distance to the nearest center
    n_iter : iterations of Lloyd's algorithm
    """

    centers: Tensor
    inertia: float
    n_iter: int


class Collection:
    """The hypercolumns of many images, made anew in every pass.

    Parameters
    ----------
    activations : a mapping from depth to (B, C, h, w), hypercolumns, or an iterable of either that gives the same
        images each time it is iterated: a list, or an object whose `__iter__` reads them from disk
    columns : makes the hypercolumns of a mapping, and leaves hypercolumns as they are
    """

    def __init__(
        self,
        activations: Maps | Hypercolumns | Iterable[Maps],
        columns: Callable[[Maps | Hypercolumns], Hypercolumns],
    ) -> None:
        if isinstance(activations, Iterator):
            raise ValueError(
                f"activations is a {type(activations).__name__}, which is used up by one pass: give a mapping, a list "
                "of mappings, or an object whose __iter__ reads them anew"
            )
        self._parts: Iterable[Maps | Hypercolumns] = (
            [columns(activations)] if isinstance(activations, Mapping | Hypercolumns) else activations
        )
        self._columns = columns

    def batches(self, n_vectors: int) -> Iterator[Hypercolumns]:
        """One pass: the images in order, as many at once as K maps each are small."""
        for part in self._parts:
            for _, batch in batches(self._columns(part), n_vectors):
                yield batch

    def at(self, locations: Tensor) -> Tensor:
        """The hypercolumns of a few locations, counted through all images, in one pass: (K,) to (K, n_features)."""
        found: dict[int, Tensor] = {}
        start = 0
        for columns in self.batches(1):
            within = columns.n_images * columns.n_locations
            for position, location in enumerate(locations.tolist()):
                if start <= location < start + within:
                    image, offset = divmod(location - start, columns.n_locations)
                    found[position] = _at(columns, image, offset)
            start += within
        if len(found) < len(locations):
            raise ValueError(f"the locations {locations.tolist()} are not all there: the images have 0 to {start - 1}")
        return torch.stack([found[position] for position in range(len(locations))])


def _at(columns: Hypercolumns, image: int, location: int) -> Tensor:
    """One hypercolumn, (n_features,), on the CPU."""
    device = columns.squared_norms.device
    single = columns.select(torch.tensor([image], device=device))
    return single.at(torch.tensor([[location]], device=device))[0, 0].cpu()


def _nearest(columns: Hypercolumns, centers: Tensor) -> Nearest:
    """`nearest` of all images in one set of centers (K, n_features)."""
    return nearest(columns, centers.to(columns.squared_norms).expand(columns.n_images, -1, -1))


def batches(columns: Hypercolumns, n_clusters: int) -> Iterator[tuple[Tensor, Hypercolumns]]:
    """Images that are handled at once (indices), and their hypercolumns.

    One on a CPU, in memory of its own: batches gain nothing there, and kernels differ in last bits with the size
    of the batch and with alignment.
    """
    on_cpu = columns.squared_norms.device.type == "cpu"
    step = 1 if on_cpu else max(1, BATCH_ELEMENTS // (n_clusters * columns.n_locations))
    images = torch.arange(columns.n_images, device=columns.squared_norms.device)
    for batch in images.split(step):
        yield batch, columns if len(batch) == len(images) and not on_cpu else columns.select(batch)


def k_means(
    collection: Collection,
    *,
    uniforms: Sequence[float] = (),
    init: Tensor | None = None,
    max_iter: int = 300,
    tol: float = 1e-5,
    checkpoint: Path | None = None,
) -> CollectionClustering:
    """Lloyd's algorithm on all locations of a collection, with scikit-learn's stopping rules.

    It stops when no label changes, or when the centers move, in squared norm, by at most `tol` times the mean
    variance of the features. A cluster that runs empty takes the location of the whole collection that is
    farthest from its center. From the same start it is `sklearn.cluster.KMeans` on the stored columns.

    Parameters
    ----------
    uniforms : K random numbers in [0, 1) for a start by k-means++
    init : centers to start from instead, (K, n_features), on the CPU
    checkpoint : file that says after each pass how far the run is. A run that finds it goes on from there and ends
        with the same result; it must belong to the same images and settings.

    Raises
    ------
    ValueError : fewer locations than clusters
    """
    state = _State(init) if checkpoint is None or not checkpoint.exists() else _read(checkpoint)
    for uniform in uniforms[0 if state.centers is None else len(state.centers) :]:
        state = _save(_State(another_center(collection, state.centers, uniform)), checkpoint)
    while not state.finished:
        state = _save(_step(collection, state, max_iter, tol), checkpoint)
    survey = _survey(collection, state.found)
    order = survey.first.argsort(stable=True)
    return CollectionClustering(state.found[order], survey.inertia, state.n_iter)


def another_center(collection: Collection, centers: Tensor | None, uniform: float) -> Tensor:
    """The centers and one more, drawn as k-means++ does, in one pass: (K + 1, n_features).

    The first center is a location drawn uniformly, each further one is drawn with probability proportional to its
    squared distance to the nearest center (Arthur and Vassilvitskii 2007). The mass of an image is that of its
    locations: an image replaces the one held so far with probability its mass over all mass so far, and a
    location of the image held last is drawn by `uniform`, which also seeds the choice of the image.
    """
    generator = np.random.default_rng(int(uniform * 2**53))
    total, held = 0.0, None
    for columns in collection.batches(1 if centers is None else len(centers)):
        masses = _masses(columns, centers)
        for image, mass in enumerate(masses.sum(dim=1).tolist()):
            total += mass
            if held is None or generator.random() * total < mass:
                held = columns.select(torch.tensor([image], device=columns.squared_norms.device)), masses[image]
    if held is None:
        raise ValueError("activations holds no image: give at least one")
    chosen = draw(held[1][None], torch.tensor([[uniform]], dtype=torch.float64))
    center = _at(held[0], 0, int(chosen))[None]
    return center if centers is None else torch.cat([centers, center])


def _masses(columns: Hypercolumns, centers: Tensor | None) -> Tensor:
    """Squared distance of each location to the nearest center, or 1 without centers: (B, H * W) float64."""
    if centers is None:
        return torch.ones((columns.n_images, columns.n_locations), dtype=torch.float64)
    return _nearest(columns, centers).distances(columns).flatten(1).cpu().double()


class _State(NamedTuple):
    """Where a run stands after a pass: the centers so far, and the digest of the labels of the last iteration."""

    centers: Tensor | None = None
    n_iter: int = 0
    labels: str = ""
    finished: bool = False

    @property
    def found(self) -> Tensor:
        if self.centers is None:
            raise ValueError("no start is given: give uniforms or init")
        return self.centers


class _Far(NamedTuple):
    """The locations that are farthest from their centers, farthest first: each (at most K,)."""

    distances: Tensor
    locations: Tensor
    labels: Tensor


class _Survey(NamedTuple):
    """What one pass finds.

    sums, counts, first : of each cluster the sum of its hypercolumns, its size, the location where it first appears
    inertia, squared_norms : sums over all locations
    far : candidates for clusters that run empty
    labels : digest of all labels
    """

    sums: Tensor
    counts: Tensor
    first: Tensor
    inertia: float
    squared_norms: float
    far: _Far
    labels: str


def _survey(collection: Collection, centers: Tensor) -> _Survey:
    n_clusters = len(centers)
    sums, counts = torch.zeros_like(centers, dtype=torch.float64), torch.zeros(n_clusters, dtype=torch.int64)
    first = torch.full((n_clusters,), torch.iinfo(torch.int64).max)
    far = _Far(centers.new_zeros(0), counts[:0], counts[:0])
    inertia, squared_norms, start, digest = 0.0, 0.0, 0, hashlib.sha256()
    for columns in collection.batches(n_clusters):
        found = _nearest(columns, centers)
        of_batch, n_locations = cluster_sums(columns, found.members)
        sums += of_batch.cpu().double().sum(dim=0)
        counts += n_locations.cpu().sum(dim=0)
        labels, distances = found.labels().flatten().cpu(), found.distances(columns).flatten().cpu()
        inertia += distances.sum(dtype=torch.float64).item()
        squared_norms += columns.squared_norms.cpu().sum(dtype=torch.float64).item()
        locations = torch.arange(start, start + len(labels))
        first = first.scatter_reduce(0, labels, locations, reduce="amin")
        far = _farthest(far, _Far(distances, locations, labels), n_clusters)
        digest.update(labels.int().numpy().tobytes())
        start += len(labels)
    if start < n_clusters:
        raise ValueError(
            f"n_clusters is {n_clusters}: the images have {start} locations in all; take fewer clusters, a larger "
            "size or more images"
        )
    return _Survey(sums, counts, first, inertia, squared_norms, far, digest.hexdigest())


def _farthest(held: _Far, more: _Far, n: int) -> _Far:
    """The n farthest of both, of equals those held."""
    top = more.distances.topk(min(n, len(more.distances))).indices
    distances, locations, labels = (torch.cat([a, b[top]]) for a, b in zip(held, more, strict=True))
    order = distances.argsort(descending=True, stable=True)[:n]
    return _Far(distances[order], locations[order], labels[order])


def _step(collection: Collection, state: _State, max_iter: int, tol: float) -> _State:
    """One iteration of Lloyd's algorithm."""
    old = state.found
    survey = _survey(collection, old)
    new = _update(collection, survey, old)
    moved = (new.double() - old.double()).square().sum() > tol * _mean_variance(survey)
    going_on = bool(moved) and survey.labels != state.labels
    return _State(new, state.n_iter + 1, survey.labels, finished=not going_on or state.n_iter + 1 == max_iter)


def _mean_variance(survey: _Survey) -> float:
    """Variance over all locations, averaged over the features."""
    n_locations = survey.counts.sum()
    mean = survey.sums.sum(dim=0) / n_locations
    return float((survey.squared_norms / n_locations - mean.square().sum()).clamp_min(0) / len(mean))


def _update(collection: Collection, survey: _Survey, old: Tensor) -> Tensor:
    """New centers (K, n_features): means of the clusters, empty clusters moved to the farthest locations."""
    sums, counts = survey.sums, survey.counts
    empty = (counts == 0).nonzero()[:, 0]
    if len(empty):
        donors = survey.far.labels[: len(empty)]
        vectors = collection.at(survey.far.locations[: len(empty)]).double()
        sums = sums.index_add(0, donors, -vectors).index_copy(0, empty, vectors)
        counts = counts.index_add(0, donors, -torch.ones_like(donors)).index_fill(0, empty, 1)
    means = sums / counts.clamp_min(1)[:, None]
    return torch.where(counts[:, None] > 0, means.to(old), old)


def _save(state: _State, checkpoint: Path | None) -> _State:
    if checkpoint is not None:
        notes = {"n_iter": state.n_iter, "labels": state.labels, "finished": state.finished}
        write_bytes(checkpoint, save({"centers": state.found}, {"nas": json.dumps(notes)}))
    return state


def _read(checkpoint: Path) -> _State:
    with reading(checkpoint), safe_open(checkpoint, framework="pt") as file:
        return _State(file.get_tensor("centers"), **json.loads(file.metadata()["nas"]))
