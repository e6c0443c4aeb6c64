"""Masks as people have them, as label maps: which file is the mask of a photo, and what its values mean.

The values of a mask are levels of grey, or the colours of a palette or picture, of which black is where there is no
object: a palette is read by its colours, since programs number them as they like. Where transparency alone tells
something, what is opaque is the object. What the values mean is said by a kind, or recognized by `recognized`; a mask
that could mean two things is refused.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.data.images import EXTENSIONS, opened, upright
from nas.data.label_maps import IGNORED

Kind = Literal["auto", "object", "soft", "instances"]
FOLDER, MARKS = "masks", (".mask", "_mask")  # of masks; what follows the name of a photo in that of its mask
MOST = 254  # instances
FULL, NEARLY_FULL, FAINT = 255, 250, 20  # levels: inside of the object, inside but for noise, outside but for noise
VOID = (224, 224, 192)  # a colour of VOC, for pixels to be ignored
HELP = "save it as 8-bit grey, 0 where there is no object"
CHOICE = f"{HELP}, or set download.masks to object, soft or instances"


class Values(NamedTuple):
    """What stands in a mask.

    levels : (height, width), 0 where there is no object
    graded : whether they are shares, up to `FULL`; else they are numbers of instances
    """

    levels: NDArray[np.uint16]
    graded: bool


def is_mask(path: Path) -> bool:
    """Whether a file beside photos is a mask, by its name."""
    return path.stem.lower().endswith(MARKS)


def find_masks(root: Path, photos: Sequence[Path]) -> dict[Path, Path]:
    """The masks of photos, by photo; those without one are left out.

    The mask of NAME.jpg is NAME.mask.png or NAME_mask.png beside it, or in the folder `masks` one of these, NAME.png or
    NAME.jpg.png. Any ending of a picture will do. Names are the same however their accents are written, and where none
    is the same, those are that differ in case alone. Hidden files are none.

    Raises
    ------
    ValueError : a mask of no photo, of several that differ in case alone, or a second one
    """
    beside = [path for path in sorted(root.iterdir()) if _is_picture(path) and is_mask(path)]
    folders = [path for path in sorted(root.iterdir()) if path.is_dir() and path.name.lower() == FOLDER]
    inside = [path for folder in folders for path in sorted(folder.iterdir()) if _is_picture(path)]
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


def _is_picture(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix.lower() in (*EXTENSIONS, ".gif")


def _names(mask: Path, inside: bool) -> list[str]:
    """What the photo of a mask may be called, with or without its ending."""
    without = [mask.stem[: -len(mark)] for mark in MARKS if mask.stem.lower().endswith(mark)]
    return [mask.stem, *without] if inside else without


def composed(name: str) -> str:
    """A name with its accents as one letter each, however the file system writes them."""
    return normalize("NFC", name)


def read_mask(path: Path, where: str, kind: Kind = "auto") -> NDArray[np.uint8]:
    """A mask as a label map (height, width): 0 background, 1 to n instances, 255 to be ignored.

    Parameters
    ----------
    kind : "object", all that is not background is one object; "soft", where a level is above half; "instances", each
        level or colour is one, and 255, or the colour of VOC's void, is to be ignored; "auto", see `recognized`

    Raises
    ------
    ValueError : a file that is missing, damaged, or could mean two things; `where` begins the line
    """
    values = read_values(path, where)
    chosen = recognized(values) if kind == "auto" else kind
    if chosen == "object":
        return (values.levels > 0).astype(np.uint8)
    if chosen == "soft":
        if not values.graded:
            raise ValueError(f"{where}: {path} has colours, and no shares from 0 to {FULL}; {CHOICE}")
        return (values.levels > FULL // 2).astype(np.uint8)
    if chosen == "instances" and values.levels[values.levels != IGNORED].max(initial=0) <= MOST:
        return values.levels.astype(np.uint8)
    shown = ", ".join(map(str, np.unique(values.levels)[:8]))
    raise ValueError(f"{where}: {path} could mean several things, with the values {shown}; {CHOICE}")


def recognized(values: Values) -> Literal["object", "soft", "instances", ""]:
    """The kind of a mask, "" where it could be several.

    In this order: nothing but 0, or 0 and one other level: an object. Colours: instances. 0 and 1 to n without a gap:
    instances, with 255 to be ignored where that is on fewer pixels than they are. 0, 255 and levels between, of which
    some are neither near to 0 nor to 255, on no more pixels than 250 to 255: soft.
    """
    levels, n_pixels = np.unique(values.levels, return_counts=True)
    if levels[0] != 0:
        return ""
    levels, n_pixels = levels[1:], n_pixels[1:]
    if len(levels) <= 1:
        return "object"
    if not values.graded:
        return "instances"
    numbers = levels[levels != IGNORED]
    ignored = int(n_pixels[levels == IGNORED].sum())
    if len(numbers) == numbers[-1] <= MOST - 100 and ignored < n_pixels.sum() - ignored:
        return "instances"
    between = (levels > FAINT) & (levels < NEARLY_FULL)
    if between.any() and n_pixels[levels < NEARLY_FULL].sum() <= n_pixels[levels >= NEARLY_FULL].sum():
        return "soft"
    return ""


def read_values(path: Path, where: str) -> Values:
    """What stands in the file of a mask, turned upright; `where` begins the line of an error."""
    try:
        with opened(path) as stored:
            image = upright(stored)
            image.load()
    except FileNotFoundError:
        raise ValueError(f"{where}: {path} is missing; unpack the data set anew, or take the line out") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise ValueError(f"{where}: {path} cannot be decoded ({error}); save it anew as PNG") from None
    if image.mode == "1":
        return Values(np.asarray(image).astype(np.uint16) * FULL, graded=True)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Values(_from_16_bits(np.asarray(image).astype(np.int64), path, where), graded=True)
    if image.mode in ("F", "CMYK", "YCbCr", "LAB", "HSV"):
        raise ValueError(f"{where}: {path} has mode {image.mode}; {HELP}")
    if image.mode == "P" and image.info.get("transparency") is None:
        return _from_colours(_palette_of(image), np.asarray(image).astype(np.int64), path, where, image.mode)
    pixels = np.asarray(image.convert("RGBA"))
    colours, opacity = pixels[..., :3], pixels[..., 3]
    if opacity.min() < FULL:
        if (colours == colours[opacity > 0][:1]).all(axis=-1)[opacity > 0].all():  # one colour, or none
            return Values(opacity.astype(np.uint16), graded=True)
        colours = np.where(opacity[..., None] > 0, colours, 0)
        if not (((colours.max(axis=-1) > FULL // 2) == (opacity > FULL // 2)).all()):
            raise ValueError(f"{where}: {path} has colours and transparency that tell two things apart; {HELP}")
    flat, inverse = np.unique(colours.reshape(-1, 3), axis=0, return_inverse=True)
    return _from_colours(flat, inverse.reshape(opacity.shape), path, where, image.mode)


def _palette_of(image: Image.Image) -> NDArray[Any]:
    palette = np.zeros((256, 3), np.uint8)
    known = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    palette[: len(known)] = known
    return palette


def _from_16_bits(numbers: NDArray[np.int64], path: Path, where: str) -> NDArray[np.uint16]:
    if numbers.min() < 0 or numbers.max() > 65535:
        raise ValueError(f"{where}: {path} holds 32-bit values; {HELP}")
    # small numbers are instances, others shares of 65535
    return (numbers if numbers.max() <= FULL else (numbers + 128) // 257).astype(np.uint16)


def _from_colours(colours: NDArray[Any], at: NDArray[np.int64], path: Path, where: str, mode: str) -> Values:
    """Values of a mask whose pixels are numbers of colours, (n, 3); a palette of VOC keeps its numbers."""
    used = np.unique(at)
    found = colours[used].astype(np.int64)
    if (found == found[:, :1]).all():  # greys
        return Values(colours[at][..., 0].astype(np.uint16), graded=True)
    if all(tuple(colour) == (_voc_colour(index) if index < IGNORED else VOID)
           for index, colour in zip(used.tolist(), found.tolist(), strict=True)):  # fmt: skip
        return Values(at.astype(np.uint16), graded=False)
    black = (found == 0).all(axis=1)
    if black.sum() != 1 or len(np.unique(found, axis=0)) < len(used) or len(used) > MOST:
        said = f"{len(used)} colours, {'none' if not black.any() else 'not one'} of them black"
        raise ValueError(f"{where}: {path} has mode {mode} and {said}, for where there is no object; {HELP}")
    numbers = np.zeros(len(colours), np.uint16)
    void = (found == VOID).all(axis=1)
    numbers[used[~black & ~void]] = np.arange(1, 1 + int((~black & ~void).sum()))
    numbers[used[void]] = IGNORED
    return Values(numbers[at], graded=False)


def _voc_colour(index: int) -> tuple[int, int, int]:
    """The colour of an index in the palette of PASCAL VOC: bits 0, 3 and 6 of the index in red, and so on."""
    red, green, blue = (
        sum(((index >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
    )
    return red, green, blue
