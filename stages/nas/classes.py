"""Groups of photos that show the same class, and the clusterings of them that the stage `classes` wrote.

data/classes/DATASET/CLASSIFIER holds groups.json, a table and a summary of all groups, and a folder per group with
centers.safetensors and shards: of each photo `class_clusters` (h, w) uint8, the clustering of all photos of the
group together, and `own_kK` (h, w) uint8, that of the photo alone into K clusters.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors.numpy import load_file

from nas.datasets import Record
from nas.rows import read_columns
from nas.semantics import IGNORED
from nas.shards import TABLE, Shards

GROUPS = "groups.json"
CENTERS = "centers.safetensors"
CLASS = "class_clusters"
OCCURS = 0.01  # of a photo
OFTEN = 0.9  # of the photos of the most frequent cluster
LEAST = 2  # photos that make a group
EVERYTHING = "all photos"  # the group of a data set that has no class of so many
SHOWN = 30  # names in an error message


def members(records: Sequence[Record], names: Sequence[str] | None) -> dict[str, list[Record]]:
    """Photos of each group, by its name: that of their class or super-class. Names of fewer than two are left out.

    `names` is None for every class of the records.
    """
    if names is None:
        names = list(dict.fromkeys(record.class_name for record in records if record.class_name))
    found = {name: [record for record in records if name in (record.class_name, record.super_class)] for name in names}
    return {name: photos for name, photos in found.items() if len(photos) >= LEAST}


def lacking(records: Sequence[Record], names: Sequence[str], dataset: str) -> str:
    """One line about the names that are no group of a data set, and the groups that it has; "" if there is none."""
    photos = Counter(name for record in records for name in {record.class_name, record.super_class} if name)
    wrong = [f"{name!r} ({photos[name]} photos)" for name in names if photos[name] < LEAST]
    groups = sorted(name for name, n in photos.items() if n >= LEAST)
    shown = ", ".join(groups[:SHOWN]) + (f" and {len(groups) - SHOWN} more" if len(groups) > SHOWN else "")
    if not wrong:
        return ""
    return (
        f"classes.groups has {', '.join(wrong)}: allowed are classes and super-classes of {dataset} with at least "
        f"{LEAST} photos, {shown or 'but there is none'}"
    )


def telling_cluster(clusters: ArrayLike, truth: ArrayLike | None, n_clusters: int) -> int:
    """The cluster to look at first: of those that occur in most photos, the one that lies most on the objects.

    A cluster occurs in a photo where it takes at least a hundredth of it, and in most photos where it occurs in nine
    tenths as many as the most frequent one. Without masks it is the cluster whose locations are nearest, on average,
    to the middle of the photos. The lowest number wins a tie.

    Parameters: `clusters` (n, h, w), integers below `n_clusters`; `truth` (n, h, w), masks of 0 for background, 1 to
    254 for objects, 255 ignored, or None.
    """
    labels = np.asarray(clusters)
    cells = labels + n_clusters * np.arange(len(labels))[:, None, None]
    shares = np.bincount(cells.ravel(), minlength=len(labels) * n_clusters).reshape(-1, n_clusters) / labels[0].size
    photos = (shares >= OCCURS).sum(axis=0)
    if truth is None:
        height, width = labels.shape[1:]
        y, x = np.ogrid[:height, :width]
        worth = np.broadcast_to(-np.hypot(y - (height - 1) / 2, x - (width - 1) / 2), labels.shape)
        known = np.ones(labels.shape, dtype=bool)
    else:
        worth, known = np.asarray(truth) != 0, np.asarray(truth) != IGNORED
    sizes = np.bincount(labels[known], minlength=n_clusters)
    mean = np.bincount(labels[known], weights=worth[known], minlength=n_clusters) / np.maximum(sizes, 1)
    return int(np.where((photos >= OFTEN * photos.max()) & (sizes > 0), mean, -np.inf).argmax())


def folder_name(group: str) -> str:
    """Name of a group as a folder: lower case, other than letters, digits, dots and underscores become hyphens."""
    return re.sub(r"[^a-z0-9._]+", "-", group.lower()).strip("-.") or "group"


def fingerprint(photos: Sequence[Record], network: Mapping[str, Any], depths: Sequence[int], interpolation: str) -> str:
    """Short hash of what the clusters of a group are made from, where names and numbers of settings do not tell.

    That is the photos in their order, and the maps at the depths used: the weights' sha256, the nodes, arithmetic and
    precision, see `nas.activations.Activations.network`. It is of these inputs and not of the clusters, whose last
    bits differ between machines.
    """
    nodes = [network["depths"][str(depth)] for depth in sorted(depths)]
    made = [network[key] for key in ("classifier", "sha256", "arithmetic", "precision")]
    content = [[[photo.id, photo.sha256] for photo in photos], made, nodes, interpolation]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


class Group(NamedTuple):
    """The class-level clustering of a group of photos.

    Attributes
    ----------
    name, ids : of the group and its photos
    stored : shards with the label maps
    settings : dataset, network, class, depths, k, seed, grid, weighting and fingerprint, as `nas.semantics` wants them
        of tags
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
        return load_file(self.stored.folder / CENTERS)["centers"]


def read_group(root: Path, dataset: str, classifier: str, group: str) -> Group:
    """A group that the stage `classes` wrote below `root`.

    Raises
    ------
    ValueError : the stage has not run, or there is no such group; one line that says which there are
    """
    folder = root / "data" / "classes" / dataset / classifier
    known = _groups(root, dataset, classifier)
    if group not in known:
        raise ValueError(
            f"{folder}: has no group {group!r}, only {', '.join(known)}; take one of them, or edit classes.groups"
        )
    table = read_columns(folder / TABLE, ["group", "depths", "clusters", "seed", "weighting"])
    carried = table[table["group"] == group].iloc[0]
    stored = Shards(folder / folder_name(group))
    settings = {
        "dataset": dataset,
        "network": classifier,
        "class": group,
        "depths": [int(depth) for depth in str(carried["depths"]).split("-")],
        "k": int(carried["clusters"]),
        "seed": int(carried["seed"]),
        "grid": "first",
        "weighting": str(carried["weighting"]),
        "fingerprint": known[group],
    }
    return Group(group, stored.ids, stored, settings)


def group_names(root: Path, dataset: str, classifier: str) -> list[str]:
    """Names of the groups that the stage `classes` wrote below `root`."""
    return list(_groups(root, dataset, classifier))


def _groups(root: Path, dataset: str, classifier: str) -> dict[str, str]:
    """Name of each group to its fingerprint."""
    path = root / "data" / "classes" / dataset / classifier / GROUPS
    if not path.is_file():
        raise ValueError(f"{path.parent}: holds no {GROUPS}; run the stage classes (dvc repro classes)")
    return {entry["group"]: entry["fingerprint"] for entry in json.loads(path.read_text())}


def pick_group(root: Path, dataset: str, classifier: str, group: str) -> Group:
    """The group of this name, or the first one where there is none.

    So a figure that names a class of one data set can be drawn of another.
    """
    names = group_names(root, dataset, classifier)
    return read_group(root, dataset, classifier, group if group in names else names[0])
