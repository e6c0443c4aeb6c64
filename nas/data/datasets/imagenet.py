"""ImageNet (ILSVRC 2012, Russakovsky et al. 2015), the validation photos: class, boxes, and masks of some."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from nas.data.about import About
from nas.data.imagenet_s import FOLDER, SMALLER, find_masks, read_mask, synsets
from nas.data.native import REPAIR, Listed, Place, class_index, clip_box, numbers, with_mask, with_photo
from nas.data.pascal_xml import read_objects
from nas.data.records import Record
from nas.data.wsolevaluation import folder_of, read_items

ABOUT = About(
    title="ImageNet ILSVRC 2012, validation photos",
    licence="ImageNet's terms of access: for non-commercial research and education",
    citation="Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge, International Journal of "
    "Computer Vision 115",
    used_for="localization against boxes, relevance curves; the networks' own classes; with ImageNet-S also agreement "
    "of superpixels with masks",
    by_hand="after registration, unpack ILSVRC2012_img_val.tar to ROOT/val and the validation boxes (XML) to "
    "ROOT/Annotations/CLS-LOC/val; give ROOT",
    size=6_744_924_160,
    photos={"val": 50_000},
    beside=(FOLDER, *SMALLER),
)
PHOTO_FOLDERS = ("Data/CLS-LOC/val", "val", "")
BOX_FOLDERS = ("Annotations/CLS-LOC/val", "val", "")
PATTERN = "ILSVRC2012_val_*.JPEG"
TEXT = "<photo>,<x0>,<y0>,<x1>,<y1>"


class Boxed(NamedTuple):
    """A box as a file gives it, and the place there in words."""

    where: str
    corners: Sequence[float]


@cache
def class_names() -> Sequence[str]:
    """Names of the classes in words, in the order of their indices."""
    from torchvision.models import MobileNet_V2_Weights

    return list(MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"])


def photos(place: Place, split: str) -> list[Listed]:
    """The validation photos, all or some of them, in the order of their names.

    Parameters
    ----------
    place : its root holds the photos in Data/CLS-LOC/val, in val, or itself: flat, or in folders of their synsets.
        Class and boxes are those of the text files of wsolevaluation (in metadata/test, test or the root), or of
        XML files in Annotations/CLS-LOC/val or beside the photos. Folders of synsets need no boxes.
    split : "val"

    Boxes are as the files give them, cut to the photo, as in the localization protocol of Choe et al. 2020. Masks are
    those of ImageNet-S, where there are some, see `nas.data.imagenet_s`.

    Raises
    ------
    ValueError : a photo without class, a file that is missing or not as it must be
    """
    text, masks = folder_of(place.root, "test"), find_masks(place)
    listed = _by_xml(place, masks) if text is None else _by_text(place, text, masks)
    if not listed:
        folders = ", ".join(str(place.root / folder) for folder in PHOTO_FOLDERS)
        raise ValueError(f"{place.root}: no photo {PATTERN} in {folders}; give the folder that holds val/")
    return listed


def _by_text(place: Place, text: Path, masks: Mapping[str, Path]) -> list[Listed]:
    listed = []
    for path, where, label, rows in read_items(text, TEXT):
        index = class_index(label.fields[1], len(class_names()), label.where)
        boxes = [Boxed(row.where, numbers(row.fields[1:], row.where)) for row in rows]
        listed.append(_listed(place.root / path, index, boxes, where, place, masks))
    return listed


def _by_xml(place: Place, masks: Mapping[str, Path]) -> list[Listed]:
    listed = []
    for path in _files(place.root):
        annotation = _annotation(place.root, path)
        where = str(annotation or path)
        objects = [] if annotation is None else read_objects(annotation)
        names = {found.name for found in objects} | ({path.parent.name} & set(synsets()))
        if len(names) != 1 or not names <= set(synsets()):
            raise ValueError(
                f"{where}: {path.name} has the classes {', '.join(sorted(names)) or 'none'}, must have one of the "
                f"{len(synsets())} synsets, by its XML file or by its folder; {REPAIR}"
            )
        boxes = [Boxed(where, found.corners) for found in objects]
        listed.append(_listed(path, synsets()[names.pop()], boxes, where, place, masks))
    return listed


def _files(root: Path) -> list[Path]:
    """The photos of the first folder that holds some, sorted by name."""
    for folder in PHOTO_FOLDERS:
        found = [*(root / folder).glob(PATTERN), *(root / folder).glob(f"n*/{PATTERN}")]
        if found:
            return sorted(found, key=lambda path: path.name)
    return []


def _annotation(root: Path, photo: Path) -> Path | None:
    candidates = [root / folder / f"{photo.stem}.xml" for folder in BOX_FOLDERS] + [photo.with_suffix(".xml")]
    return next((path for path in candidates if path.is_file()), None)


def _listed(path: Path, index: int, boxes: list[Boxed], where: str, place: Place, masks: Mapping[str, Path]) -> Listed:
    mask = masks.get(path.stem)
    return Listed(record_of(path, index), partial(_complete, boxes=boxes, where=where, place=place, mask=mask))


def record_of(path: Path, index: int) -> Record:
    """A validation photo of a class."""
    return Record(
        id=path.stem,
        image=path,
        sha256="",
        class_index=index,
        class_name=class_names()[index],
        imagenet_index=index,
        label_source="ImageNet",
        split="val",
    )


def _complete(record: Record, boxes: list[Boxed], where: str, place: Place, mask: Path | None) -> Record:
    record = with_photo(record, place, where)
    record = replace(record, boxes=tuple(clip_box(box.corners, record.size, box.where) for box in boxes))
    return masked(record, mask, where, place)


def masked(record: Record, mask: Path | None, where: str, place: Place) -> Record:
    """The record with a mask of ImageNet-S, if there is one that shows its class."""
    if mask is None or record.imagenet_index is None:
        return record
    labels = read_mask(mask, record.imagenet_index, record.size, where, place.left_out)
    return record if labels is None else with_mask(record, labels, place)
