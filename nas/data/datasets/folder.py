"""A folder of the user's own photos, some with masks."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps

from nas.data.about import About
from nas.data.boxes import boxes_of
from nas.data.images import list_images
from nas.data.label_maps import IGNORED
from nas.data.native import Listed, Place, check_size, open_image, read_levels, with_mask
from nas.data.records import Record
from nas.store import sha256_of

ABOUT = About(
    title="Your own photos",
    licence="yours",
    citation="yours",
    used_for="whatever needs no class; with masks also agreement of superpixels, and localization",
    by_hand="put photos, and masks if you have some, into a folder; give the folder",
    size=0,
)
MASK = ".mask"


def photos(place: Place, split: str) -> list[Listed]:
    """The photos of a folder, sorted by name; their ids are their names without ending.

    The mask of NAME.jpg is NAME.mask.png beside it, or masks/NAME.png: an 8-bit grey or palette picture of 0 where
    there is no object, 1 to n in n objects, 255 to be ignored. In one of 0 and 255 alone, 255 is the object.

    Parameters
    ----------
    place : its root is the folder
    split : not used, there is none

    Raises
    ------
    ValueError : no photo, a mask of another size than its photo, a file that cannot be read
    """
    files = [path for path in list_images(place.root) if not path.stem.endswith(MASK)]
    if not files:
        raise ValueError(f"{place.root}: holds masks and no photo; put the photos there")
    _check_masks(place.root, {path.stem for path in files})
    return [Listed(Record(id=path.stem, image=path, sha256=""), partial(_complete, place=place)) for path in files]


def _complete(record: Record, place: Place) -> Record:
    where = str(record.image)
    with open_image(record.image, where) as opened:
        upright = ImageOps.exif_transpose(opened)
        size = upright.height, upright.width
    record = replace(record, sha256=sha256_of(record.image), size=size)
    candidates = (record.image.with_name(f"{record.id}{MASK}.png"), place.root / "masks" / f"{record.id}.png")
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        return record
    labels = _instances(read_levels(found, where))
    check_size(labels.shape, size, str(found))
    return replace(with_mask(record, labels, place), boxes=boxes_of(labels))


def _instances(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Levels as a label map: black and white become 0 and 1."""
    return (levels == IGNORED).astype(np.uint8) if set(np.unique(levels)) == {0, IGNORED} else levels


def _check_masks(root: Path, names: set[str]) -> None:
    masks = {path: path.name.removesuffix(f"{MASK}.png") for path in sorted(root.glob(f"*{MASK}.png"))}
    masks |= {path: path.stem for path in sorted((root / "masks").glob("*.png"))}
    for path, name in masks.items():
        if name not in names:
            raise ValueError(f"{path}: is the mask of no photo; call it like its photo, or take it out")
