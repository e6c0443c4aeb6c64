"""Caltech-UCSD Birds-200-2011 (Wah et al. 2011): class, box, mask, parts, official split."""

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.about import About, Archive
from nas.data.label_maps import IGNORED
from nas.data.mask_values import Values, read_values
from nas.data.native import (
    REPAIR,
    Line,
    Listed,
    Place,
    below,
    beside,
    by_key,
    check_size,
    class_index,
    clip_box,
    numbers,
    read_table,
    with_mask,
    with_photo,
)
from nas.data.records import Record
from nas.data.rules import Agreement
from nas.data.sources import Https

MASKS = "segmentations"  # folder
ABOUT = About(
    title="Caltech-UCSD Birds-200-2011",
    licence="none in the archives; the photos, from Flickr, belong to their photographers: for research",
    citation="Wah, Branson, Welinder, Perona and Belongie 2011, The Caltech-UCSD Birds-200-2011 Dataset, technical "
    "report CNS-TR-2011-001",
    used_for="localization against boxes and masks, class-level clusterings, semantic evaluation with parts",
    by_hand="unpack CUB_200_2011.tgz and, for masks, segmentations.tgz at one place; give the folder CUB_200_2011",
    size=1_150_585_339 + 39_272_883,
    photos={"test": 5_794, "train": 5_994},
    archives=(
        Archive(
            Https(
                "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
                sha256="0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
                md5="97eceeb196236b17998738112f37df78",
                size=1_150_585_339,
            ),
            members=("CUB_200_2011",),
        ),
        Archive(
            Https(
                "https://data.caltech.edu/records/w9d68-gec53/files/segmentations.tgz",
                sha256="dc77f6cffea0cbe2e41d4201115c8f29a6320ecb04fffd2444f51b8066e4b84f",
                md5="4d47ba1228eae64f2fa547c47bc65255",
                size=39_272_883,
            ),
            members=(MASKS,),
        ),
    ),
    rules=("agreement",),
    beside=(MASKS,),
)
Parts = dict[str, tuple[float, float]]
DISPUTED = "shares of annotators, with a band that they dispute around objects"


def photos(place: Place, split: str) -> list[Listed]:
    """The photos of CUB-200-2011, in the order of images.txt.

    Parameters
    ----------
    place : its root is the folder CUB_200_2011 or the one that holds it; masks are taken from a folder
        segmentations in it or beside it, where there is one
    split : "train", "test" or "all"

    Boxes are (x, y, x + width, y + height) cut to the photo, as in the localization protocol of Choe et al. 2020.
    The levels of a mask are shares of its annotators, read by `Rules.agreement`; where nowhere enough of them agree,
    they are shares of the most that do. Parts are the visible ones.

    Raises
    ------
    ValueError : a table, a photo or a mask that is missing or not as it must be
    """
    root = below(place.root, "images.txt", "CUB_200_2011")
    names = _class_names(root / "classes.txt")
    labels = _by_photo(root / "image_class_labels.txt", "<photo> <class>")
    boxes = _by_photo(root / "bounding_boxes.txt", "<photo> <x> <y> <width> <height>")
    splits = _by_photo(root / "train_test_split.txt", "<photo> <is_training_image>")
    parts, spots = _parts(root / "parts")
    masks = next((folder for folder in (root / MASKS, *beside(place, MASKS)) if folder.is_dir()), None)
    listed = []
    for row in read_table(root / "images.txt", "<photo> <name>"):
        where, (number, name) = row.where, row.fields
        for table, known in (("class", labels), ("box", boxes), ("split", splits)):
            if number not in known:
                raise ValueError(f"{where}: photo {number} has no {table} in the tables beside; {REPAIR}")
        known_split = _split(splits[number])
        if split in (known_split, "all"):
            index = class_index(labels[number].fields[1], len(names), labels[number].where, first=1)
            record = Record(
                id=Path(name).stem,
                image=root / "images" / name,
                sha256="",
                class_index=index,
                class_name=names[index],
                label_source="CUB-200-2011",
                super_class="bird",
                split=known_split,
            )
            named = partial(_named, parts, spots.get(number))
            complete = partial(_complete, where=where, box=boxes[number], parts=named, masks=masks, place=place)
            listed.append(Listed(record, complete))
    return listed


def _complete(
    record: Record, where: str, box: Line, parts: Callable[[], Parts | None], masks: Path | None, place: Place
) -> Record:
    original = record.image
    record = with_photo(record, place, where)
    x, y, width, height = numbers(box.fields[1:], box.where)
    corners = (x, y, x + width, y + height)
    record = replace(record, boxes=(clip_box(corners, record.size, box.where),), parts=parts())
    if masks is None:
        return record
    values = read_values(masks / original.parent.name / f"{original.stem}.png", where, turned=False)
    if not values.graded:
        raise ValueError(f"{where}: its mask has colours, and must have shares of its annotators in grey; {REPAIR}")
    check_size(values.levels.shape, record.size, where)
    agreement = place.rules.agreement
    labels = _agreed(values, agreement)
    if not (labels == 1).any():
        place.left_out["masks without an object"] += 1
    coarse = "" if agreement.background == agreement.object else DISPUTED
    return replace(with_mask(record, labels, place), coarse=coarse)


def _agreed(values: Values, agreement: Agreement) -> NDArray[np.uint8]:
    """A label map of shares of annotators; levels are whole numbers, so a share may be off by half of one.

    Where no pixel would be object, shares are of the most that agree anywhere.
    """
    most = int(values.levels.max())
    for full in (values.full, most):
        # what all of them drew is object in any case
        low = min(math.floor(agreement.background * full + 0.5), max(full - 1, 0))
        high = math.ceil(agreement.object * full - 0.5)
        inside = (values.levels > low) & (values.levels >= high)
        if inside.any():
            break
    labels = np.where(values.levels <= low, 0, IGNORED).astype(np.uint8)
    labels[inside] = 1
    return labels


def _class_names(table: Path) -> list[str]:
    names = []
    for number, row in enumerate(read_table(table, "<class> <name>"), start=1):
        found, name = row.fields
        if found != str(number):
            raise ValueError(f"{row.where}: has the class {found!r}, must be {number}; {REPAIR}")
        names.append(name)
    return names


def _split(row: Line) -> str:
    if row.fields[1] not in ("0", "1"):
        raise ValueError(f"{row.where}: has {row.fields[1]!r}, must be 1 (train) or 0 (test); {REPAIR}")
    return "train" if row.fields[1] == "1" else "test"


def _by_photo(table: Path, form: str) -> dict[str, Line]:
    return by_key(read_table(table, form))


def _parts(folder: Path) -> tuple[list[str], dict[str, "array[float]"]]:
    """The names of all parts; photo number to number, x and y of one visible part after the other, in little memory."""
    if not (folder / "part_locs.txt").is_file():
        return [], {}
    names = {part: row.fields[1] for part, row in by_key(read_table(folder / "parts.txt", "<part> <name>")).items()}
    place = {part: number for number, part in enumerate(names)}
    found: dict[str, array[float]] = {}
    for row in read_table(folder / "part_locs.txt", "<photo> <part> <x> <y> <visible>"):
        photo, part, *rest = row.fields
        x, y, visible = numbers(rest, row.where)
        if part not in names:
            raise ValueError(f"{row.where}: has the part {part!r}, allowed are those of parts.txt; {REPAIR}")
        if visible:
            found.setdefault(photo, array("d")).extend((place[part], x, y))
    return list(names.values()), found


def _named(names: Sequence[str], spots: "array[float] | None") -> Parts | None:
    """The visible parts of a photo by name."""
    if spots is None:
        return None
    return {names[int(part)]: (x, y) for part, x, y in zip(spots[::3], spots[1::3], spots[2::3], strict=True)}
