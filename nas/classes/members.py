"""The classes of a data set that have photos enough to be clustered together."""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nas.data import Record

LEAST = 2  # photos of a class
ALL_PHOTOS = "all photos"  # the class of a data set that has none of so many
SHOWN = 30  # names in an error message


def photos_by_class(records: Sequence[Record], names: Sequence[str] | None, dataset: str) -> dict[str, list[Record]]:
    """Photos of each class that is to be clustered, by its name: that of a class or a super-class.

    A line on stderr tells of names of no class, since they may be of another data set. Where no name is one, every
    class of two photos or more is taken; where there is no such class, all photos are one, even a single photo.

    Parameters: `names`, None for every class of the records.

    Raises
    ------
    ValueError : two names for one folder
    """
    found = members(records, names)
    wrong = lacking(records, names or [], dataset)
    if wrong:
        print(f"{wrong}; {'skipped' if found else 'every class is taken'}", file=sys.stderr)
    found = found or members(records, None)
    found = found or {ALL_PHOTOS: list(records)}
    folders = [folder_name(name) for name in found]
    for name, folder in zip(found, folders, strict=True):
        if folders.count(folder) > 1:
            raise ValueError(f"classes.names has {name!r} and another name for the folder {folder!r}: leave one out")
    return found


def members(records: Sequence[Record], names: Sequence[str] | None) -> dict[str, list[Record]]:
    """Photos of each class or super-class, by its name. Names of fewer than two photos are left out."""
    if names is None:
        names = list(dict.fromkeys(record.class_name for record in records if record.class_name))
    found = {name: [record for record in records if name in (record.class_name, record.super_class)] for name in names}
    return {name: photos for name, photos in found.items() if len(photos) >= LEAST}


def lacking(records: Sequence[Record], names: Sequence[str], dataset: str) -> str:
    """One line about the names that are no class of a data set, and the classes that it has; "" if there is none."""
    photos = Counter(name for record in records for name in {record.class_name, record.super_class} if name)
    wrong = [f"{name!r} ({photos[name]} photos)" for name in names if photos[name] < LEAST]
    known = sorted(name for name, n in photos.items() if n >= LEAST)
    shown = ", ".join(known[:SHOWN]) + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")
    if not wrong:
        return ""
    return (
        f"classes.names has {', '.join(wrong)}: allowed are classes and super-classes of {dataset} with at least "
        f"{LEAST} photos, {shown or 'but there is none'}"
    )


def folder_name(name: str) -> str:
    """Name of a class as a folder: lower case, other than letters, digits, dots and underscores become hyphens."""
    return re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-.") or "class"


def clusters_fingerprint(
    photos: Sequence[Record], network: Mapping[str, Any], depths: Sequence[int], interpolation: str
) -> str:
    """Short hash of what the clusters of a class are made from, where names and numbers of settings do not tell.

    That is the photos in their order, and the maps at the depths used: the weights' sha256, the nodes, arithmetic and
    precision, see `nas.networks.Activations.network`. It is of these inputs and not of the clusters, whose last
    bits differ between machines.
    """
    nodes = [network["depths"][str(depth)] for depth in sorted(depths)]
    made = [network[key] for key in ("classifier", "sha256", "arithmetic", "precision")]
    content = [[[photo.id, photo.sha256] for photo in photos], made, nodes, interpolation]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
