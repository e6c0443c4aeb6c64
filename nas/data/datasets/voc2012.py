"""PASCAL VOC 2012 (Everingham et al. 2010), the photos with segmentations: class, boxes, instance masks with void."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.about import About, Archive
from nas.data.label_maps import IGNORED, shows_object
from nas.data.native import (
    REPAIR,
    Listed,
    Place,
    below,
    check_size,
    clip_box,
    read_levels,
    read_table,
    with_mask,
    with_photo,
)
from nas.data.pascal_xml import read_objects
from nas.data.records import Record
from nas.data.sources import Https

FOLDERS = ("ImageSets/Segmentation", "JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject")
ABOUT = About(
    title="PASCAL VOC 2012",
    licence="the photos are under Flickr's terms of use; none is published for the annotations",
    citation="Everingham, Van Gool, Williams, Winn and Zisserman 2010, The PASCAL Visual Object Classes (VOC) "
    "Challenge, International Journal of Computer Vision 88",
    used_for="agreement of superpixels with masks, localization, semantic evaluation",
    by_hand="unpack VOCtrainval_11-May-2012.tar and give the folder VOCdevkit/VOC2012",
    size=1_999_639_040,
    photos={"val": 1_449, "train": 1_464},
    archives=(
        Archive(
            Https(
                "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
                sha256="e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
                md5="6cd6e144f989b92b3379bac3b3de84fd",
                size=1_999_639_040,
            ),
            members=tuple(f"VOCdevkit/VOC2012/{folder}" for folder in FOLDERS),
        ),
    ),
)
VOID_AROUND = "pixels, with a band of void around objects"
CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


def photos(place: Place, split: str) -> list[Listed]:
    """The photos of the segmentation task, in the order of ImageSets/Segmentation.

    A photo can show several classes; its class is that of its largest object, by pixels. Boxes are of the objects
    of that class, and objects of other classes are ignored (255), as is void.

    Parameters
    ----------
    place : its root is the folder VOC2012, VOCdevkit, or the one that holds it
    split : "train", "val" or "all"

    Raises
    ------
    ValueError : a file that is missing or not as it must be, a photo without objects
    """
    root = below(place.root, FOLDERS[0], "VOC2012", "VOCdevkit/VOC2012")
    listed = []
    for part in ("train", "val"):
        if split in (part, "all"):
            for row in read_table(root / FOLDERS[0] / f"{part}.txt", "<photo>"):
                where, (name,) = row.where, row.fields
                index, _ = _instances(root, name, where)
                record = Record(
                    id=name,
                    image=root / "JPEGImages" / f"{name}.jpg",
                    sha256="",
                    class_index=index,
                    class_name=CLASSES[index],
                    label_source="VOC2012",
                    split=part,
                )
                listed.append(Listed(record, partial(_complete, root=root, where=where, place=place)))
    return listed


def _complete(record: Record, root: Path, where: str, place: Place) -> Record:
    record = with_photo(record, place, where)
    _, labels = _instances(root, record.id, where)
    check_size(labels.shape, record.size, where)
    annotation = root / "Annotations" / f"{record.id}.xml"
    boxes = tuple(
        # the XML counts pixels from 1
        clip_box([corner - 1 for corner in found.corners], record.size, str(annotation))
        for found in read_objects(annotation)
        if found.name == record.class_name
    )
    if not boxes:
        raise ValueError(f"{annotation}: has no object {record.class_name!r}, which the masks show; {REPAIR}")
    return replace(with_mask(record, labels, place), boxes=boxes, coarse=VOID_AROUND)


def _instances(root: Path, name: str, where: str) -> tuple[int, NDArray[np.uint8]]:
    """Class index of the largest object, and the label map of the objects of its class; others and void are 255."""
    objects = read_levels(root / "SegmentationObject" / f"{name}.png", where)
    classes = read_levels(root / "SegmentationClass" / f"{name}.png", where)
    check_size(objects.shape, (classes.shape[0], classes.shape[1]), where)
    inside = shows_object(objects) & (classes > 0) & (classes <= len(CLASSES))
    if not inside.any():
        raise ValueError(f"{where}: the masks of {name} show no object of the {len(CLASSES)} classes; {REPAIR}")
    largest = _mode(objects[inside])
    index = _mode(classes[inside & (objects == largest)]) - 1
    labels = np.where(inside & (classes == index + 1), objects, IGNORED)
    labels[(objects == 0) & (classes == 0)] = 0
    return index, labels.astype(np.uint8)


def _mode(values: NDArray[Any]) -> int:
    """The commonest value, the least of equals."""
    return int(np.bincount(values).argmax())
