"""STL-10 (Coates et al. 2011): ten classes, 96 x 96 pixels, as torchvision.datasets.STL10 reads it.

Its objects are those that Yagli 2025 marked, by squares of 6 x 6 pixels.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.about import About, Archive
from nas.data.native import REPAIR, Listed, Place, below, png, read_table, with_mask
from nas.data.records import Record
from nas.data.sources import Https
from nas.data.squares import GRID, Squares, draw, read_squares
from nas.store import sha256_of, write_bytes

TABLES = "STL10_Segmentation"
MARKED = "https://raw.githubusercontent.com/semihyagli/STL10_Segmentation/8f852c8e1a1253719fa8f8030c304071639b8c06"
BLOBS = {  # of the tables of the photos to test, as git names them
    "airplane": "72a1b024a5f8dc668ddd3fdbb45e702edaf45c95",
    "bird": "0e789e104c8022ed4013724a4511b940a25d5c42",
    "car": "eab61f264a588531156c15f6fe7cc8c87697cd0c",
    "cat": "427f20091f72244c12de99f781c0d6f86d9e5450",
    "deer": "194828efa1c117a5e0cd91119a1a047d6d94eb9f",
    "dog": "d32734518896592a8e58de747db38913ccf84368",
    "horse": "400ba09b3fd9f6d2403c206eb702ade7c6f43bfa",
    "monkey": "55f10eee34e3b6bed5fa1af59c640034b09ec95f",
    "ship": "7e2cd02c462a606d482a42ad2060688d1fa07bb5",
    "truck": "66cfa447433bb4858673f905014b7972e6d1529d",
}
ABOUT = About(
    title="STL-10",
    licence="none published of the photos, which are ImageNet's: for non-commercial research and education; MIT of the "
    "squares",
    citation="Coates, Lee and Ng 2011, An Analysis of Single-Layer Networks in Unsupervised Feature Learning, AISTATS; "
    "squares: Yagli 2025, STL10_Segmentation, technical report AIDataLabel TR-2025-0001",
    used_for="the photos of figure 1, class-level clusterings; localization and semantic evaluation against coarse "
    "masks",
    by_hand="unpack stl10_binary.tar.gz and, for masks, put the tables stl10_*.json of STL10_Segmentation beside its "
    "files; give the folder stl10_binary",
    size=2_640_397_119,
    photos={"test": 8_000, "train": 5_000},
    archives=(
        Archive(
            Https(
                "https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
                sha256="f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
                md5="91f7769df0f17e558f3565bffb0c7dfb",
                size=2_640_397_119,
                mirrors=("https://cs.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
            ),
            members=tuple(
                f"stl10_binary/{name}"
                for name in ("class_names.txt", "train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin")
            ),
        ),
        *(
            Archive(Https(f"{MARKED}/stl10_test_{name}.json", git_blob=blob), place=f"{TABLES}/stl10_test_{name}.json")
            for name, blob in BLOBS.items()
        ),
    ),
    rules=("squares",),
)
SIDE = 96
PHOTO_BYTES = 3 * SIDE * SIDE
STEP = SIDE // GRID  # of the squares, in pixels
SQUARES = f"squares of {STEP} x {STEP} pixels"


def photos(place: Place, split: str) -> list[Listed]:
    """The labelled photos of STL-10, each written as photos/SPLIT-NUMBER.png when it is read.

    Parameters
    ----------
    place : its root is the folder stl10_binary or the one that holds it; tables of squares stl10_SPLIT_CLASS.json are
        taken from both, and from a folder STL10_Segmentation in them, where there are some
    split : "train", "test" or "all"

    A mask is what squares show; a photo that its table does not name has none. Boxes are those of its instances.

    Raises
    ------
    ValueError : a file that is missing, cut short, or has other labels than the ten classes; a table of squares that
        is none, or of photos of another class or split
    """
    root = below(place.root, "class_names.txt", "stl10_binary")
    names = [row.fields[0] for row in read_table(root / "class_names.txt", "<class>")]
    listed = []
    for part in ("train", "test"):
        if split in (part, "all"):
            pixels, labels = _read(root, part, len(names))
            squares = _squares(
                [at / inside for at in (root, place.root) for inside in (".", TABLES)], part, names, labels
            )
            for number, index in enumerate(labels):
                record = Record(
                    id=f"{part}-{number:04d}",
                    image=place.target / "photos" / f"{part}-{number:04d}.png",
                    sha256="",
                    class_index=int(index),
                    class_name=names[index],
                    label_source="STL-10",
                    split=part,
                )
                complete = partial(_complete, pixels=pixels[number], squares=squares.get(number), place=place)
                listed.append(Listed(record, complete))
    return listed


def _squares(places: Iterable[Path], split: str, names: list[str], labels: NDArray[Any]) -> dict[int, Squares]:
    """The squares of the photos of a split, by the number of the photo; of a table that is not there, none."""
    tables: dict[str, Path] = {}
    found: dict[int, Squares] = {}
    for place in dict.fromkeys(places):
        for table in sorted(place.glob(f"stl10_{split}_*.json")):
            name = table.stem.removeprefix(f"stl10_{split}_")
            if name not in names:
                raise ValueError(f"{table}: is of no class; allowed are {', '.join(names)}")
            if name in tables:
                raise ValueError(f"{table}: is a second table of its class, beside {tables[name]}; take one out")
            tables[name] = table
            found |= read_squares(table, _checked(split, names, labels, names.index(name)))
    return found


def _checked(split: str, names: list[str], labels: NDArray[Any], index: int) -> Callable[[int], str]:
    """What is wrong with the number of a photo in the table of a class, "" where nothing is."""

    def check(number: int) -> str:
        if number >= len(labels):
            return f"{split}_X.bin has the photos 0 to {len(labels) - 1}"
        found = names[labels[number]]
        return "" if labels[number] == index else f"is a photo of the class {found} by {split}_y.bin"

    return check


def _read(root: Path, split: str, n_classes: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Photos (n, 3, column, row), left on the disk, and class indices from 0 (n,)."""
    photos_file, labels_file = root / f"{split}_X.bin", root / f"{split}_y.bin"
    for path in (photos_file, labels_file):
        if not path.is_file() or not path.stat().st_size:
            raise ValueError(f"{path}: is missing or empty; unpack stl10_binary.tar.gz anew")
    labels = np.fromfile(labels_file, np.uint8).astype(np.int64) - 1
    n_bytes, expected = photos_file.stat().st_size, len(labels) * PHOTO_BYTES
    if n_bytes != expected:
        raise ValueError(
            f"{photos_file}: has {n_bytes} bytes, must have {expected} for the {len(labels)} labels of "
            f"{labels_file.name}; unpack stl10_binary.tar.gz anew"
        )
    if labels.min() < 0 or labels.max() >= n_classes:
        wrong = int(np.flatnonzero((labels < 0) | (labels >= n_classes))[0])
        raise ValueError(
            f"{labels_file}, byte {wrong + 1}: has the class {labels[wrong] + 1}, allowed are 1 to {n_classes}; "
            f"{REPAIR}"
        )
    return np.memmap(photos_file, np.uint8, "r").reshape(-1, 3, SIDE, SIDE), labels


def _complete(record: Record, pixels: NDArray[np.uint8], squares: Squares | None, place: Place) -> Record:
    write_bytes(record.image, png(np.ascontiguousarray(pixels.transpose(2, 1, 0))))
    record = replace(record, sha256=sha256_of(record.image), size=(SIDE, SIDE))
    if squares is None:
        return record
    labels, boxes = draw(squares, record.class_name, place.rules.squares, STEP, place.left_out)
    record = replace(record, boxes=boxes)
    if labels is None:
        return record
    return with_mask(replace(record, coarse=SQUARES), np.kron(labels, np.ones((STEP, STEP), np.uint8)), place)
