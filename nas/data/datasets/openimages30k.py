"""OpenImages30k (Choe et al. 2020), photos and masks of Open Images V5: class, masks, regions to be ignored."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.about import About
from nas.data.boxes import boxes_of
from nas.data.label_maps import IGNORED, resize_labels
from nas.data.masks import read_mask
from nas.data.native import Line, Listed, Place, Size, class_index, same_proportions, with_mask, with_photo
from nas.data.records import Record
from nas.data.wsolevaluation import IDS, folder_of, read_items

ABOUT = About(
    title="OpenImages30k",
    licence="photos CC BY 2.0, annotations CC BY 4.0 (Google LLC)",
    citation="Choe, Oh, Lee, Chun, Akata and Shim 2020, Evaluating Weakly Supervised Object Localization Methods "
    "Right, CVPR; Benenson, Popov and Ferrari 2019, Large-Scale Interactive Object Segmentation with Human "
    "Annotators, CVPR",
    used_for="localization against masks (PxAP)",
    by_hand="get photos and masks as the page of wsolevaluation says; put its metadata/OpenImages into ROOT/metadata; "
    "give ROOT, the folder that holds test/",
    size=None,
    photos={"test": 5_000, "val": 2_500, "train": 29_819},
)
CLASSES = 100
MOST_INSTANCES = 254
TEXT = "<photo>,<mask>,<ignore>"


def photos(place: Place, split: str) -> list[Listed]:
    """The photos of a split, in the order of its image_ids.txt.

    Ids are FOLDER-NAME, class names those of the folders, which are Open Images' class names without "/m/". The
    objects of one photo are instances 1 to n, later ones over earlier ones; what is to be ignored and not object is
    255, as in the protocol. The photos of the split "train" have no masks.

    Parameters
    ----------
    place : its root is the folder with the photos' paths of image_ids.txt below it; the text files of
        wsolevaluation are in metadata/SPLIT, SPLIT or the root
    split : "train", "val", "test" or "all"

    Raises
    ------
    ValueError : a file that is missing or not as it must be, a photo without class or mask
    """
    listed = []
    for part in ("train", "val", "test") if split == "all" else (split,):
        folder = folder_of(place.root, part)
        if folder is None:
            raise ValueError(
                f"{place.root}: holds no {IDS} in metadata/{part}, {part} or itself; put the text files of "
                "wsolevaluation's metadata/OpenImages there"
            )
        for path, where, label, rows in read_items(folder, None if part == "train" else TEXT):
            image = place.root / path
            record = Record(
                id=f"{image.parent.name}-{image.stem}",
                image=image,
                sha256="",
                class_index=class_index(label.fields[1], CLASSES, label.where),
                class_name=image.parent.name,
                label_source="Open Images",
                split=part,
            )
            listed.append(Listed(record, partial(_complete, where=where, rows=rows, place=place)))
    return listed


def _complete(record: Record, where: str, rows: list[Line], place: Place) -> Record:
    record = with_photo(record, place, where)
    if not rows:
        return record
    labels = _label_map(rows, place.root, record.size)
    return replace(with_mask(record, labels, place), boxes=boxes_of(resize_labels(labels, record.size)))


def _label_map(rows: list[Line], root: Path, photo_size: Size) -> NDArray[np.uint8]:
    """Of the size of the first mask, which may be another than the photo's: the protocol resizes each by itself."""
    masks = [_read(root / row.fields[1], photo_size, row.where) > 0 for row in rows]
    size = masks[0].shape[0], masks[0].shape[1]
    labels = np.zeros(size, np.uint8)
    for row in rows:
        if row.fields[2]:
            labels[resize_labels(_read(root / row.fields[2], photo_size, row.where), size) > 0] = IGNORED
    for number, mask in enumerate(masks, start=1):
        labels[resize_labels(mask, size)] = min(number, MOST_INSTANCES)
    return labels


def _read(path: Path, photo_size: Size, where: str) -> NDArray[np.uint8]:
    levels = read_mask(path, where, "object", turned=False)
    (height, width), (photo_height, photo_width) = levels.shape, photo_size
    if not same_proportions((height, width), photo_size):
        raise ValueError(
            f"{where}: {path} is {width} x {height} pixels, the photo {photo_width} x {photo_height}; "
            "give a mask of the photo's proportions"
        )
    return levels
