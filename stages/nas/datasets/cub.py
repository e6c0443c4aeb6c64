"""Caltech-UCSD Birds-200-2011 (Wah et al. 2011) in the archive's own layout: class, box, parts, official split."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from nas.checksums import sha256_of
from nas.datasets import Record

TABLES = ("images.txt", "classes.txt", "image_class_labels.txt", "bounding_boxes.txt", "train_test_split.txt")


def prepare(
    root: Path, *, split: str | None = None, track: Callable[[Iterator[Any]], Iterable[Any]] = iter
) -> list[Record]:
    """The records of a copy of CUB_200_2011 that the user has, used in place.

    Parameters
    ----------
    root : folder with images.txt, images/ and the other tables of the archive
    split : "train", "test" or None for both
    track : wraps the iteration, for a progress bar

    Boxes are (x, y, x + width, y + height) cut to the photo, as in the localization protocol of Choe et al. 2020;
    parts are the visible ones.

    Raises
    ------
    ValueError : a table or a photo that is missing, a photo without class or box
    """
    missing = [name for name in TABLES if not (root / name).is_file()]
    if missing:
        raise ValueError(f"{root}: lacks {missing[0]}; give the folder CUB_200_2011 of the official archive")
    classes = dict(_read(root / "classes.txt"))
    labels, boxes, is_train = (dict(_read(root / name)) for name in TABLES[2:])
    parts = _parts(root / "parts")
    records = []
    for number, name in track(iter(_read(root / "images.txt"))):
        if split is not None and (is_train.get(number) == "1") != (split == "train"):
            continue
        photo = root / "images" / name
        if not photo.is_file() or number not in labels or number not in boxes:
            raise ValueError(f"{root}: photo {number} ({name}) lacks its file, class or box; unpack the archive anew")
        x, y, box_width, box_height = (float(value) for value in boxes[number].split())
        with Image.open(photo) as image:
            width, height = image.size
        records.append(
            Record(
                id=photo.stem,
                image=photo,
                sha256=sha256_of(photo),
                class_index=int(labels[number]) - 1,
                class_name=classes[labels[number]],
                label_source="CUB-200-2011",
                super_class="bird",
                boxes=((int(x), int(y), min(int(x + box_width), width), min(int(y + box_height), height)),),
                parts=parts.get(number),
            )
        )
    return records


def _read(table: Path) -> list[tuple[str, str]]:
    """Lines of a table as its first column and the rest."""
    lines = (line.split(maxsplit=1) for line in table.read_text().splitlines() if line.strip())
    return [(first, rest) for first, rest in lines]


def _parts(folder: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Photo number to its visible parts."""
    if not (folder / "part_locs.txt").is_file():
        return {}
    names = dict(_read(folder / "parts.txt"))
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for number, rest in _read(folder / "part_locs.txt"):
        part, x, y, visible = rest.split()
        if visible == "1":
            found.setdefault(number, {})[names[part]] = float(x), float(y)
    return found
