"""Masks of ImageNet-S (Gao et al. 2022): of some validation photos of ImageNet, the pixels of each class.

ImageNetS919/validation-segmentation/SYNSET/ILSVRC2012_val_*.png has the number of a class as red + 256 green: 0 where
something else is, 1000 where it is not known, else the place of its synset, from 1, among the sorted categories.
"""

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.label_maps import IGNORED, resize_labels
from nas.data.native import REPAIR, Place, beside, check_size, decoding, open_image, same_proportions

FOLDER, MASKS = "ImageNetS919", "validation-segmentation"
SMALLER = ("ImageNetS50", "ImageNetS300")  # versions whose categories have other numbers
TRIED = 20  # masks, from which another version is told
UNKNOWN = 1000
# synsets of ImageNet that are no category; five of them are merged into others
SYNSETS = """
n02699494 n02776631 n02777292 n02788148 n02791270 n02807133 n02825657 n02837789 n02871525 n02877765 n02894605 n02927161
n02966193 n02974003 n02977058 n02988304 n03000247 n03032252 n03042490 n03065424 n03085013 n03089624 n03160309 n03180011
n03208938 n03216828 n03218198 n03220513 n03290653 n03388043 n03457902 n03459775 n03461385 n03529860 n03637318 n03642806
n03661043 n03697007 n03710637 n03710721 n03733281 n03871628 n03887697 n03899768 n03967562 n04008634 n04081281 n04111531
n04152593 n04200800 n04239074 n04251144 n04264628 n04296562 n04356056 n04357314 n04372370 n04392985 n04443257 n04462240
n04493381 n04501370 n04523525 n04592741 n04599235 n06359193 n06785654 n07248320 n07590611 n07836838 n07892512 n07920052
n09193705 n09288635 n09332890 n09399592 n09421951 n09428293 n09468604 n09472597 n10148035
"""
WITHOUT = frozenset(SYNSETS.split())
MERGED = {
    "n04356056": "n04355933",
    "n04493381": "n02808440",
    "n03642806": "n03832673",
    "n04008634": "n03773504",
    "n03887697": "n15075141",
}


@cache
def synsets() -> dict[str, int]:
    """WordNet name of each class of ImageNet, n01440764 and so on, to its index: the sorted order."""
    from timm.data.imagenet_info import ImageNetInfo  # only here, since it loads torch

    return {name: index for index, name in enumerate(sorted(ImageNetInfo().label_names()))}


@cache
def categories() -> dict[str, int]:
    """Synset of each category, and of those merged into one, to its number from 1."""
    found = {name: number for number, name in enumerate(sorted(set(synsets()) - WITHOUT), start=1)}
    return found | {merged: found[into] for merged, into in MERGED.items()}


def find_masks(place: Place) -> dict[str, Path]:
    """The masks by the name of their photo, ILSVRC2012_val_00000001 and so on, in a folder in the root or next to it.

    Raises
    ------
    ValueError : masks of a smaller version and none of this one, a folder that is no category, a folder without masks,
        two masks of one photo
    """
    folder = next(iter(beside(place, FOLDER)), None)
    if folder is None:
        if smaller := [found for name in SMALLER for found in beside(place, name)]:
            raise ValueError(f"{smaller[0]}: holds masks with other numbers; unpack {FOLDER} beside it, or take it out")
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(f"{MASKS}/*/ILSVRC2012_val_*.png")):
        if path.parent.name not in synsets():
            raise ValueError(f"{path.parent}: is no synset of ImageNet; {REPAIR}")
        if path.stem in found:
            raise ValueError(f"{path}: is a second mask of its photo, beside {found[path.stem]}; take one out")
        found[path.stem] = path
    if not found:
        raise ValueError(f"{folder}: holds no {MASKS}/SYNSET/ILSVRC2012_val_*.png; {REPAIR}")
    tried = list(found.values())[:: max(1, len(found) // TRIED)][:TRIED]
    shown = sum((_numbers(path, str(path)) == categories().get(path.parent.name, 0)).any() for path in tried)
    if 2 * shown < len(tried):
        raise ValueError(
            f"{folder}: of {len(tried)} masks {shown} show the category of their folder by the numbers of {FOLDER}; "
            f"is it a smaller version? Unpack {FOLDER} anew"
        )
    return found


def read_mask(
    path: Path, class_index: int, size: tuple[int, int], where: str, left_out: Counter[str]
) -> NDArray[np.uint8] | None:
    """The mask of a photo of `size` as a label map (height, width): 1 where its own class is, 255 where nobody knows.

    A mask of the same proportions is resized. None, which `left_out` counts, where its class is not in the mask.

    Raises
    ------
    ValueError : a file that is missing or damaged, of another mode, of other proportions, or with numbers of no class
    """
    numbers = _numbers(path, where)
    n_categories = len(synsets()) - len(WITHOUT)
    if len(wrong := np.setdiff1d(numbers, [*range(n_categories + 1), UNKNOWN])):
        raise ValueError(
            f"{where}: {path} has the number {wrong[0]}, allowed are 0 to {n_categories} and {UNKNOWN}; {REPAIR}"
        )
    found = (numbers.shape[0], numbers.shape[1])
    if not same_proportions(found, size):
        check_size(found, size, f"{where}: {path}")
    number = categories().get(list(synsets())[class_index])
    if number is None or not (numbers == number).any():
        left_out["masks of ImageNet-S that do not show the class of their photo"] += 1
        return None
    labels = np.where(numbers == UNKNOWN, IGNORED, numbers == number).astype(np.uint8)
    return np.asarray(resize_labels(labels, size))


def _numbers(path: Path, where: str) -> NDArray[np.int64]:
    """The numbers (height, width) of a mask."""
    with open_image(path, where) as stored, decoding(path, where):
        if stored.mode != "RGB":
            raise ValueError(f"{where}: {path} has mode {stored.mode}, must have RGB; {REPAIR}")
        pixels = np.asarray(stored).astype(np.int64)
    if blue := int(pixels[..., 2].max()):
        raise ValueError(f"{where}: {path} has blue up to {blue}, must have none; {REPAIR}")
    return np.asarray(pixels[..., 0] + 256 * pixels[..., 1])
