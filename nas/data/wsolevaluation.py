"""Text files of the localization protocol of Choe et al. 2020 (the public code wsolevaluation), one split a folder.

image_ids.txt lists the photos by their path below the folder of the data set, class_labels.txt their classes, and
localization.txt their boxes or masks, several lines for a photo with several.
"""

from pathlib import Path
from typing import NamedTuple

from nas.data.native import Line, by_key, read_table

IDS, LABELS, LOCALIZATION = "image_ids.txt", "class_labels.txt", "localization.txt"


class Item(NamedTuple):
    """A photo: its path below the data set, its line in image_ids.txt, its class as written, its lines of truth."""

    path: str
    where: str
    label: Line
    truth: list[Line]


def folder_of(root: Path, split: str, marker: str = IDS) -> Path | None:
    """Where the text files of a split, `marker` among them, are: ROOT/metadata/SPLIT, ROOT/SPLIT or ROOT; or None."""
    candidates = (root / "metadata" / split, root / split, root)
    return next((folder for folder in candidates if (folder / marker).is_file()), None)


def read_items(folder: Path, form: str | None) -> list[Item]:
    """The photos of a split, in the order of image_ids.txt.

    Parameters
    ----------
    form : of the lines of localization.txt, see `read_table`; None where the split has no truth beyond the class

    Raises
    ------
    ValueError : a missing file, a line that is not as it must be, a photo without class or truth
    """
    labels = by_key(read_table(folder / LABELS, "<photo>,<class>"))
    truth: dict[str, list[Line]] = {}
    for row in read_table(folder / LOCALIZATION, form) if form else ():
        truth.setdefault(row.fields[0], []).append(row)
    items = []
    for row in read_table(folder / IDS, "<photo>"):
        where, (path,) = row.where, row.fields
        for name, known in ((LABELS, labels), (LOCALIZATION, truth if form else labels)):
            if path not in known:
                raise ValueError(f"{where}: {path} has no line in {name}; add it, or take the photo out")
        items.append(Item(path, where, labels[path], truth.get(path, [])))
    return items
