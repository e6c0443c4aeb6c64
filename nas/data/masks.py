"""Masks as people have them, as label maps: which file is the mask of a photo, and what its values mean.

What stands in a mask is read by `nas.data.mask_values`. What it means is said by a kind, or recognized by `recognized`;
a mask that could mean two things is refused.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from nas.data.images import is_picture
from nas.data.label_maps import IGNORED, shows_object
from nas.data.mask_values import FULL, HELP, Values, large_numbers, read_values

Kind = Literal["auto", "object", "soft", "instances"]
FOLDER = "masks"
MARKS = (".mask", "_mask", "-mask", " mask")  # what follows the name of a photo in that of its mask
MOST = 254  # instances
NEARLY_FULL, FAINT = 250, 20  # levels: inside of the object but for noise, outside but for noise
SURE = 32  # levels: what a lossy file makes of lower ones is noise
MOSTLY = 0.9  # of the pixels of a smooth edge are beside one that is further inside
CHOICE = f"{HELP}, or set download.masks to object, soft or instances"


def is_mask(path: Path) -> bool:
    """Whether a file beside photos is a mask, by its name: marked as one, or that of a photo with a second ending."""
    return path.stem.lower().endswith(MARKS) or is_picture(path.with_name(path.stem))


def mask_folders(root: Path) -> list[Path]:
    """The folders for masks among photos; there may be several, that differ in case."""
    return [path for path in sorted(root.iterdir()) if path.is_dir() and path.name.lower() == FOLDER]


def find_masks(root: Path, photos: Sequence[Path]) -> dict[Path, Path]:
    """The masks of photos, by photo; those without one are left out.

    The mask of NAME.jpg is NAME.mask.png, NAME_mask.png, NAME-mask.png, "NAME mask.png" or NAME.jpg.png beside it, or
    in the folder `masks` one of these or NAME.png. Any ending of a picture will do. Names are the same however their
    accents are written, and where none is the same, those are that differ in case alone. Hidden files are none.

    Raises
    ------
    ValueError : a mask of no photo, of several that differ in case alone, or a second one
    """
    beside = [path for path in sorted(root.iterdir()) if is_picture(path) and is_mask(path)]
    inside = [path for folder in mask_folders(root) for path in sorted(folder.iterdir()) if is_picture(path)]
    known: dict[str, Path] = {}
    alike: dict[str, set[Path]] = {}
    for photo in photos:
        for name in (composed(photo.name), composed(photo.stem)):
            known[name] = photo
            alike.setdefault(name.casefold(), set()).add(photo)
    found: dict[Path, Path] = {}
    for mask, in_folder in [*((path, False) for path in beside), *((path, True) for path in inside)]:
        names = [composed(name) for name in _names(mask, in_folder)]
        same = [{known[name]} for name in names if name in known]
        same += [alike[name.casefold()] for name in names if name.casefold() in alike]
        if not same:
            raise ValueError(f"{mask}: is the mask of no photo; call it like its photo, or take it out")
        if len(same[0]) > 1:
            several = " and ".join(sorted(photo.name for photo in same[0]))
            raise ValueError(f"{mask}: could be the mask of {several}; call it exactly like its photo")
        (named,) = same[0]
        if named in found:
            raise ValueError(f"{mask}: is a second mask of {named.name}, beside {found[named].name}; take one out")
        found[named] = mask
    return found


def _names(mask: Path, inside: bool) -> list[str]:
    """What the photo of a mask may be called, with or without its ending."""
    without = [mask.stem[: -len(mark)] for mark in MARKS if mask.stem.lower().endswith(mark)]
    return [mask.stem, *without] if inside or not without else without


def composed(name: str) -> str:
    """A name with its accents as one letter each, however the file system writes them."""
    return normalize("NFC", name)


def read_mask(path: Path, where: str, kind: Kind = "auto", *, turned: bool = True) -> NDArray[np.uint8]:
    """A mask as a label map (height, width): 0 background, 1 to n instances, 255 to be ignored.

    Parameters
    ----------
    kind : "object", all that is not background is one object; "soft", where a level is above half; "instances", each
        level or colour is one, and 255, of 16 bits 65535, or the colour of VOC's void, is to be ignored; "auto", see
        `recognized`
    turned : whether EXIF turns it

    Raises
    ------
    ValueError : a file that is missing, damaged, or could mean two things; `where` begins the line
    """
    values = read_values(path, where, turned=turned)
    chosen = recognized(values) if kind == "auto" else kind
    labels = _labels(values, chosen, path, where)
    varied = values.levels.any() and not values.levels.all()
    if kind != "auto" and varied and not shows_object(labels).any():
        raise ValueError(f"{where}: {path} has no object where download.masks is {kind}; set it to another, or auto")
    return labels


def _labels(values: Values, chosen: str, path: Path, where: str) -> NDArray[np.uint8]:
    """The label map of a mask of a kind, "" of one that could be several; see `read_mask`."""
    if chosen == "object":
        return (values.levels > 0).astype(np.uint8)
    if chosen == "soft":
        if not values.graded:
            raise ValueError(f"{where}: {path} has colours, and no shares from 0 to {FULL}; {CHOICE}")
        return (values.levels > values.full // 2).astype(np.uint8)
    levels = np.unique(values.levels)
    if chosen == "instances":
        labels = _numbered(values) if values.graded and values.full > FULL else values.levels
        if labels[labels != IGNORED].max(initial=0) <= MOST:
            return labels.astype(np.uint8)
        raise ValueError(f"{where}: {path} has {len(levels)} values, and instances can be {MOST} at most; {CHOICE}")
    shown = ", ".join(map(str, levels[:8]))
    kinds = "colours at edges, mixed of others" if values.edges else f"the values {shown}"
    raise ValueError(f"{where}: {path} could mean several things, with {kinds}; {CHOICE}")


def recognized(values: Values) -> Literal["object", "soft", "instances", ""]:
    """The kind of a mask, "" where it could be several.

    In this order: colours that are no edges of others: instances. Nothing but 0, or 0 and one other level: an object.
    0 and 1 to n without a gap: instances, with 255 to be ignored where that is on fewer pixels than they are, unless
    one of them is but an edge between a lower and a higher one, as where numbers were made smaller as if greys. 0, 255
    and levels between, of which some are neither near to 0 nor to 255, on no more pixels than 250 to 255, and nearly
    everywhere beside a higher one, as at an edge: soft.
    """
    if not values.graded:
        return "" if values.edges else "instances"
    levels, n_pixels = np.unique(values.levels, return_counts=True)
    if levels[0] != 0 or (values.lossy and 0 < levels[-1] < SURE):
        return ""
    levels, n_pixels = levels[1:], n_pixels[1:]
    if len(levels) <= 1:
        return "object"
    numbers = levels[levels != IGNORED]
    ignored = int(n_pixels[levels == IGNORED].sum())
    if len(numbers) == numbers[-1] <= MOST - 100 and ignored < n_pixels.sum() - ignored:
        return "" if _are_mixed(values.levels, numbers) else "instances"
    shares = values.levels * (FULL / values.full)
    between = (shares > FAINT) & (shares < NEARLY_FULL)
    inside = shares >= NEARLY_FULL
    if between.any() and ((shares > 0) & ~inside).sum() <= inside.sum() and _at_edges(values.levels, between) >= MOSTLY:
        return "soft"
    return ""


def _at_edges(levels: NDArray[np.integer[Any]], where: NDArray[np.bool_]) -> float:
    """Share of pixels that have a higher one among the eight around them."""
    from scipy import ndimage  # only here, since it takes a while to load

    return float((ndimage.maximum_filter(levels, 3)[where] > levels[where]).mean())


def _are_mixed(levels: NDArray[np.integer[Any]], numbers: NDArray[np.integer[Any]]) -> bool:
    """Whether some numbers of instances are but edges of others that are two pixels wide and high somewhere.

    Such a number is between two of these, nowhere as large, and nearly everywhere beside a lower and a higher one.
    """
    from scipy import ndimage  # only here, since it takes a while to load

    solid = np.where(levels == IGNORED, 0, levels)
    large = large_numbers(solid)
    thin = [number for number in np.setdiff1d(numbers, large) if large.min(initial=IGNORED) < number < large.max()]
    if not thin:
        return False
    between = (ndimage.minimum_filter(solid, 3) < solid) & (solid < ndimage.maximum_filter(solid, 3))
    return any(between[solid == number].mean() >= MOSTLY for number in thin)


def _numbered(values: Values) -> NDArray[np.integer[Any]]:
    """Levels as numbers of instances in their order, with 255 where the highest possible level is."""
    numbers = np.unique(values.levels, return_inverse=True)[1].reshape(values.levels.shape) + (values.levels.min() > 0)
    return np.where(values.levels == values.full, IGNORED, np.where(numbers >= IGNORED, numbers + 1, numbers))
