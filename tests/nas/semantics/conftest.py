"""Two classes of photos made up here: clusters, masks, saliency maps and label maps of random numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from plain import record_of, store

from nas.classes.stored import CLASS, ClassClusters
from nas.data.label_maps import resize_labels
from nas.data.records import Record
from nas.saliency.maps import resize_map
from nas.semantics.evaluation import Evaluation
from nas.store.shards import Shards

SIDE, GRID, K = 16, 4, 3
KINDS, METHODS = ("nas_clusters.first", "slic.first"), ("grad_cam", "lrp", "rise", "random")
CLASSES = {"bird": "abcd", "dog": "ef"}


def clusters_of(photo: str) -> NDArray[np.uint8]:
    return np.random.default_rng(list(photo.encode())).integers(0, K, (GRID, GRID), np.uint8)


def mask_of(photo: str) -> NDArray[np.uint8]:
    """Mostly, but not only, cluster 1; a column to ignore."""
    generator = np.random.default_rng(list(f"mask of {photo}".encode()))
    inside = (clusters_of(photo) == 1) ^ (generator.random((GRID, GRID)) < 0.2)
    mask = np.kron(inside, np.ones((10, 12))).astype(np.uint8)
    mask[:, 30:33] = 255
    return mask


def photo_of(photo: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Saliency maps and label maps."""
    generator = np.random.default_rng(list(photo.encode()))
    maps = {f"predicted/{method}": generator.normal(size=(SIDE, SIDE)).astype(np.float32) for method in METHODS}
    maps |= {"predicted/grad_cam": generator.random((2, 2), np.float32), "true/lrp": np.zeros((SIDE, SIDE))}
    kinds = {}
    for kind, n in zip(KINDS, (5, 9), strict=True):
        labels = generator.permutation(np.arange(16) % n).reshape(4, 4)
        kinds[kind] = np.kron(7 * labels + 3, np.ones((4, 4))).astype(np.uint16)
    return maps, kinds


class Made:
    """Photos of two classes, and what earlier stages stored of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photos = {photo: photo_of(photo) for photos in CLASSES.values() for photo in photos}
        store(folder / "saliency/made/net", {photo: maps for photo, (maps, _) in self.photos.items()})
        kinds = {photo: labels for photo, (_, labels) in self.photos.items()}
        store(folder / "superpixels/made/net", kinds)
        self.settings = Evaluation.of_data(folder, "made", "net", METHODS, KINDS)

    def records(self, name: str) -> list[Record]:
        return [record_of(self.folder / "masks", photo, mask_of(photo)) for photo in CLASSES[name]]

    def clusters(self, name: str) -> ClassClusters:
        folder = self.folder / name
        if not folder.exists():
            store(folder, {photo: {CLASS: clusters_of(photo)} for photo in CLASSES[name]})
        settings = {"dataset": "made", "network": "net", "class": name, "depths": [2], "k": K, "seed": 0}
        return ClassClusters(name, list(CLASSES[name]), Shards(folder), settings | {"fingerprint": "0123456789ab"})

    def labels(self, photo: str) -> NDArray[np.uint8]:
        return resize_labels(clusters_of(photo), (SIDE, SIDE))

    def truth(self, photo: str) -> NDArray[np.uint8]:
        return resize_labels(mask_of(photo), (SIDE, SIDE))

    def maps(self, photo: str) -> dict[tuple[str, str], NDArray[np.float64]]:
        """Method and regions to the map of the predicted class."""
        stored, labels = self.photos[photo]
        found = {}
        for method in METHODS:
            raw = found[method, "raw"] = resize_map(stored[f"predicted/{method}"], (SIDE, SIDE))
            for kind in KINDS:
                means = [raw[labels[kind] == label].mean() for label in labels[kind].ravel()]
                found[method, kind] = np.reshape(means, raw.shape).round(12)  # the same in a region
        return found


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("semantics"))


@pytest.fixture(scope="session")
def plain_tags(made: Made) -> Callable[[list[str]], list[bool]]:
    """A function that gives the tags which the masks of some photos vote for, pixel by pixel."""

    def vote(photos: list[str]) -> list[bool]:
        votes = [0] * K
        for photo in photos:
            for label, value in zip(made.labels(photo).ravel(), made.truth(photo).ravel(), strict=True):
                votes[label] += 0 if value == 255 else 1 if value else -1
        return [each > 0 for each in votes]

    return vote
