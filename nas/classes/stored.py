"""The clusterings of classes as they are stored, by the stage `classes`.

data/classes/DATASET/NETWORK holds classes.json, a table of all classes, and a folder per class with
centers.safetensors and shards: of each photo `class_clusters` (h, w) uint8, the clustering of all photos of the
class together, and `own_kK` (h, w) uint8, that of the photo alone into K clusters.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from nas.classes.members import folder_name
from nas.store import TABLE, Shards, join_tables, link, read_json, reading, write_json

CLASSES = "classes.json"
CENTERS = "centers.safetensors"
CLASS = "class_clusters"


class ClassClusters(NamedTuple):
    """The class-level clustering of the photos of a class.

    Attributes
    ----------
    name, ids : of the class and its photos
    stored : shards with the label maps
    settings : dataset, network, class, depths, k, seed, grid, weighting and fingerprint, as tags have them, see
        `nas.semantics.write_tag_template`
    """

    name: str
    ids: list[str]
    stored: Shards
    settings: dict[str, Any]

    @property
    def n_clusters(self) -> int:
        return int(self.settings["k"])

    @property
    def own_clusters(self) -> list[int]:
        """Numbers of clusters of the photos' own clusterings."""
        return sorted(int(name.removeprefix("own_k")) for name in self.stored.names() if name.startswith("own_k"))

    def class_clusters(self, ids: Sequence[str]) -> NDArray[np.uint8]:
        """Class-level clusters of some photos: (n, h, w)."""
        return self.stored.read(ids, [CLASS])[CLASS]

    def own(self, ids: Sequence[str], k: int) -> NDArray[np.uint8]:
        """The photos' own clusters: (n, h, w)."""
        return self.stored.read(ids, [f"own_k{k}"])[f"own_k{k}"]

    def centers(self) -> NDArray[np.floating[Any]]:
        """Centers of the class-level clusters: (K, n_features)."""
        path = self.stored.folder / CENTERS
        with reading(path):
            return load_file(path)["centers"]


def store_classes(
    done: Mapping[str, Path], settings: Mapping[str, Mapping[str, Any]], target: Path, carried: Mapping[str, str | int]
) -> None:
    """Store the folders of all classes, by their names, and one table of theirs.

    Parameters: `done`, class to the folder that `cluster_class` made; `settings`, class to those of its clusters;
    `carried`, columns of the table.
    """
    shutil.rmtree(target, ignore_errors=True)
    for name, folder in done.items():
        for file in folder.iterdir():
            if file.name != TABLE:
                link(file, target / folder_name(name) / file.name)
    join_tables([folder / TABLE for folder in done.values()], target / TABLE, carried)
    write_json(target / CLASSES, dict(settings))


def read_class(root: Path, dataset: str, network: str, name: str) -> ClassClusters:
    """A class that the stage `classes` stored below `root`.

    Raises
    ------
    ValueError : the stage has not run, or there is no such class; one line that says which there are
    """
    folder, known = root / "data" / "classes" / dataset / network, _classes(root, dataset, network)
    if name not in known:
        raise ValueError(
            f"{folder}: has no class {name!r}, only {', '.join(known)}; take one of them, or edit classes.names"
        )
    stored = Shards(folder / folder_name(name))
    return ClassClusters(name, stored.ids, stored, known[name])


def class_names(root: Path, dataset: str, network: str) -> list[str]:
    """Names of the classes that the stage `classes` stored below `root`."""
    return list(_classes(root, dataset, network))


def pick_class(root: Path, dataset: str, network: str, name: str) -> ClassClusters:
    """The class of this name, or the first one where there is none.

    So a figure that names a class of one data set can be drawn of another.
    """
    names = class_names(root, dataset, network)
    return read_class(root, dataset, network, name if name in names else names[0])


def _classes(root: Path, dataset: str, network: str) -> dict[str, dict[str, Any]]:
    """Name of each class to the settings of its clusters."""
    path = root / "data" / "classes" / dataset / network / CLASSES
    if not path.is_file():
        raise ValueError(f"{path.parent}: holds no {CLASSES}; run the stage classes (dvc repro classes)")
    found: dict[str, dict[str, Any]] = read_json(path)
    return found
