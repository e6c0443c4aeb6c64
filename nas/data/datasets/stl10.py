"""STL-10 (Coates et al. 2011): ten classes, 96 x 96 pixels, class only; as torchvision.datasets.STL10 reads it."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.about import About, Archive
from nas.data.native import REPAIR, Listed, Place, below, png, read_table
from nas.data.records import Record
from nas.data.sources import Https
from nas.store import sha256_of, write_bytes

ABOUT = About(
    title="STL-10",
    licence="none published; the photos are ImageNet's: for non-commercial research and education",
    citation="Coates, Lee and Ng 2011, An Analysis of Single-Layer Networks in Unsupervised Feature Learning, AISTATS",
    used_for="the photos of figure 1, class-level clusterings; it has no boxes and no masks",
    by_hand="unpack stl10_binary.tar.gz and give the folder stl10_binary",
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
    ),
)
SIDE = 96
PHOTO_BYTES = 3 * SIDE * SIDE


def photos(place: Place, split: str) -> list[Listed]:
    """The labelled photos of STL-10, each written as photos/SPLIT-NUMBER.png when it is read.

    Parameters
    ----------
    place : its root is the folder stl10_binary or the one that holds it
    split : "train", "test" or "all"

    Raises
    ------
    ValueError : a file that is missing, cut short, or has other labels than the ten classes
    """
    root = below(place.root, "class_names.txt", "stl10_binary")
    names = [row.fields[0] for row in read_table(root / "class_names.txt", "<class>")]
    listed = []
    for part in ("train", "test"):
        if split in (part, "all"):
            pixels, labels = _read(root, part, len(names))
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
                listed.append(Listed(record, partial(_complete, pixels=pixels[number])))
    return listed


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


def _complete(record: Record, pixels: NDArray[np.uint8]) -> Record:
    write_bytes(record.image, png(np.ascontiguousarray(pixels.transpose(2, 1, 0))))
    return replace(record, sha256=sha256_of(record.image), size=(SIDE, SIDE))
