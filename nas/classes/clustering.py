"""One clustering over all photos of a class, and how it agrees with each photo's own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from nas.classes.agreement import KINDS, MEASURES, clustering_agreement
from nas.classes.members import clusters_fingerprint
from nas.classes.stored import CENTERS, CLASS
from nas.data import Record
from nas.networks import StoredMaps
from nas.store import Progress, Row, Shard, engine, finished, write_bytes
from nas.superpixels import Hypercolumns, NeuroActivatedSuperpixels, Variant

PARALLEL = 64  # photos from which on more processes are worth their start
FOLDS = 5  # parts of a class, each held against the clusters of the others; of fewer photos, each alone


@dataclass(frozen=True)
class ClassClustering:
    """How the photos of a class are clustered.

    Attributes
    ----------
    variant : of NAS; its k is that of the class
    own_clusters : k of each photo's own clusterings
    interpolation, seed : of NAS
    """

    variant: Variant
    own_clusters: tuple[int, ...]
    interpolation: str
    seed: int

    def model(self, n_clusters: int, scope: str) -> NeuroActivatedSuperpixels:
        """NAS with k clusters, of an image or of the collection."""
        model = self.variant.estimator(self.interpolation, self.seed)
        model.n_clusters, model.scope = n_clusters, scope
        return model


class Clusters(NamedTuple):
    """The centers of a class.

    centers : (K, n_features), of all photos
    held_out : for each fold (folds, K, n_features), of the photos outside it; None for a single photo
    folds : the fold of each photo by id
    """

    centers: NDArray[Any]
    held_out: NDArray[Any] | None
    folds: dict[str, int]


class Maps:
    """The activations of some photos, read anew in every pass, one photo at a time."""

    def __init__(self, stored: StoredMaps, ids: Sequence[str], description: str = "") -> None:
        self._stored = stored
        self._ids = ids
        self._description = description
        self._passes = 0

    def __iter__(self) -> Iterator[Mapping[int, Tensor]]:
        self._passes += 1
        title = f"{self._description}, pass {self._passes}"
        for photo in Progress(self._ids, desc=title, unit="photo", leave=False, disable=None):
            yield self._stored.read([photo])


def cluster_class(
    name: str, photos: Sequence[Record], activations: Path, settings: ClassClustering, scratch: Path
) -> Path:
    """Cluster the photos of a class together and each alone; the folder with the result, which is there when whole.

    What a photo's own clusters are held against is fitted without it, on the photos of the other folds. A run that was
    killed goes on from the last pass of k-means, or from the last photo.
    """
    stored = StoredMaps(activations, tuple(sorted(settings.variant.depths)))
    n_clusters, ids = int(settings.variant.clusters), [photo.id for photo in photos]

    def make(work: Path) -> None:
        def fitted(photos: Sequence[str], checkpoint: str) -> NDArray[Any]:
            model = settings.model(n_clusters, "collection")
            model.fit(Maps(stored, photos, f"classes {name}"), checkpoint=work / checkpoint)
            return np.asarray(model.cluster_centers_.numpy())

        folds = folds_of(ids)
        others = [[i for i in ids if folds[i] != fold] for fold in range(max(folds.values()) + 1)]
        centers = fitted(ids, "k-means")
        held_out = [fitted(each, f"k-means {fold}") for fold, each in enumerate(others) if each]
        write_bytes(work / "done" / CENTERS, save({"centers": centers}))
        clusters = Clusters(centers, np.stack(held_out) if held_out else None, folds)
        engine.run(
            partial(cluster_photos, name=name, maps=stored, settings=settings, clusters=clusters),
            photos,
            work / "done",
            scratch=work / "photos",
            workers=0 if len(photos) >= PARALLEL else 1,
            description=f"classes {name}",
        )

    return finished(make, scratch, photos, cluster_photos, name, stored, settings)


def folds_of(ids: Sequence[str]) -> dict[str, int]:
    """The fold of each photo of a class, in turn."""
    return {photo: number % min(FOLDS, len(ids)) for number, photo in enumerate(ids)}


def cluster_photos(
    records: Sequence[Record], name: str, maps: StoredMaps, settings: ClassClustering, clusters: Clusters
) -> Shard:
    """Class-level and own label maps of a few photos, and how far their own agree with those fitted without them."""
    ids = [record.id for record in records]
    arrays: dict[str, list[NDArray[Any]]] = {}
    rows: list[Row] = []
    for photo, of_photo in zip(ids, Maps(maps, ids), strict=True):
        columns = settings.model(len(clusters.centers), "collection").columns(of_photo)
        of_class = _labels(clusters.centers, columns, settings)
        arrays.setdefault(CLASS, []).append(of_class)
        held_out = None
        if clusters.held_out is not None:
            held_out = _labels(clusters.held_out[clusters.folds[photo]], columns, settings)
        for k in settings.own_clusters:
            own = settings.model(k, "image").fit_predict(columns)[0].numpy()
            arrays.setdefault(f"own_k{k}", []).append(own)
            present = len(np.unique(of_class))
            agreement = dict.fromkeys(MEASURES, np.nan) if held_out is None else measure(own, held_out)
            rows.append({"id": photo, "class": name, "own_k": k, **agreement, "class_clusters": present})
    return Shard(ids, {key: np.stack(each).astype(np.uint8) for key, each in arrays.items()}, rows)


def _labels(centers: NDArray[Any], columns: Hypercolumns, settings: ClassClustering) -> NDArray[Any]:
    """The nearest of the centers (K, n_features) at each location of a photo, (h, w)."""
    model = settings.model(len(centers), "collection")
    model.cluster_centers_ = torch.from_numpy(centers)
    return np.asarray(model.predict(columns)[0].numpy())


def measure(own: NDArray[Any], of_class: NDArray[Any]) -> Row:
    """Each measure, its mean over all circular shifts, what it is above that, and the share of shifts that reach it."""
    row: Row = {}
    for name, found in clustering_agreement(own, of_class).items():
        values = (found.value, found.chance, found.value - found.chance, found.reached)
        row |= {f"{name}{kind}": value for kind, value in zip(KINDS, values, strict=True)}
    return row


def clusters_settings(
    name: str, photos: Sequence[Record], dataset: str, network: Mapping[str, Any], settings: ClassClustering
) -> dict[str, Any]:
    """What the clusters of a class are made with, as `ClassClusters.settings` has it.

    Parameters: `network`, what the maps come from, `Activations.network`.
    """
    depths = sorted(settings.variant.depths)
    return {
        "dataset": dataset,
        "network": network["classifier"],
        "class": name,
        "depths": depths,
        "k": int(settings.variant.clusters),
        "seed": settings.seed,
        "grid": "first",
        "weighting": settings.variant.weighting,
        "fingerprint": clusters_fingerprint(photos, network, depths, settings.interpolation),
    }
