"""What stands in the file of a mask: levels of grey, or the colours of a palette or picture, of which black is none.

A palette is read by its colours, since programs number them as they like. Where transparency alone tells something,
what is opaque is the object. What the values mean is said in `nas.data.masks`.
"""

from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.data.images import check_sums, opened, upright
from nas.data.label_maps import IGNORED

FULL = 255  # level of the inside of an object, and of what is to be ignored among numbers
DEEP = 65535  # the highest level of 16 bits
NEAR = 3  # levels, by which a mixture of two colours may be off, since it was rounded
VOID = (224, 224, 192)  # a colour of VOC, for pixels to be ignored
HELP = "save it as 8-bit grey, 0 where there is no object"


class Values(NamedTuple):
    """What stands in a mask.

    levels : (height, width), 0 where there is no object
    graded : whether they are greys, which may be shares up to `full`; else they are numbers of colours
    full : level of the inside of an object where levels are shares: 255, or 65535 where there are higher ones
    edges : whether some colours are edges of others, mixed with what is beside them
    lossy : whether the file may hold other levels than were saved
    """

    levels: NDArray[np.integer[Any]]
    graded: bool
    full: int = FULL
    edges: bool = False
    lossy: bool = False


def read_values(path: Path, where: str, *, turned: bool = True) -> Values:
    """What stands in the file of a mask, turned as EXIF says if that is wanted; `where` begins the line of an error."""
    try:
        with opened(path) as stored:
            image = upright(stored) if turned else stored
            image.load()
        check_sums(path)
    except FileNotFoundError:
        raise ValueError(f"{where}: {path} is missing; unpack the data set anew, or take the line out") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise ValueError(f"{where}: {path} cannot be decoded ({error}); save it anew as PNG") from None
    with path.open("rb") as file:
        start = file.read(26)
    if stored.format == "PNG" and start[24] == 16 and start[25] != 0:  # of these Pillow drops half of the bits
        raise ValueError(f"{where}: {path} has 16 bits and several channels; {HELP}")
    lossy = stored.format == "JPEG" or (stored.format == "WEBP" and start[12:16] != b"VP8L")
    return _values(image, path, where)._replace(lossy=lossy)


def _values(image: Image.Image, path: Path, where: str) -> Values:
    """What stands in a decoded mask."""
    if image.mode == "1":
        return Values(np.asarray(image) * np.int64(FULL), graded=True)
    if image.mode == "I" or image.mode.startswith("I;16"):
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > DEEP:
            raise ValueError(f"{where}: {path} holds 32-bit values; {HELP}")
        if image.info.get("transparency") is not None:  # which Pillow does not apply to 16 bits
            raise ValueError(f"{where}: {path} has 16 bits and transparency; {HELP}")
        return Values(levels, graded=True, full=FULL if levels.max() <= FULL else DEEP)
    if image.mode in ("F", "CMYK", "YCbCr", "LAB", "HSV"):
        raise ValueError(f"{where}: {path} has mode {image.mode}; {HELP}")
    if image.mode == "P" and image.info.get("transparency") is None:
        numbers = np.asarray(image).astype(np.int64)
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        if numbers.max() >= len(palette):
            raise ValueError(
                f"{where}: {path} has the number {numbers.max()}, and a palette of {len(palette)} colours; {HELP}"
            )
        return _from_colours(palette, numbers, path, where, image.mode)
    pixels = np.asarray(image.convert("RGBA"))
    colours, opacity = pixels[..., :3], pixels[..., 3]
    if opacity.min() < FULL:
        seen = colours[opacity > 0]
        if (seen == seen[:1]).all():  # one colour, or none
            return Values(opacity.astype(np.int64), graded=True)
        colours = np.where(opacity[..., None] > 0, colours, 0)
        if not (((colours.max(axis=-1) > FULL // 2) == (opacity > FULL // 2)).all()):
            raise ValueError(f"{where}: {path} has colours and transparency that tell two things apart; {HELP}")
    flat, inverse = np.unique(colours.reshape(-1, 3), axis=0, return_inverse=True)
    return _from_colours(flat, inverse.reshape(opacity.shape), path, where, image.mode)


def _from_colours(colours: NDArray[Any], at: NDArray[np.int64], path: Path, where: str, mode: str) -> Values:
    """Values of a mask whose pixels are numbers of colours, (n, 3); a palette of VOC keeps its numbers."""
    used = np.unique(at)
    found = colours[used].astype(np.int64)
    if len(np.unique(found, axis=0)) < len(used):
        raise ValueError(f"{where}: {path} has mode {mode} and two numbers of one colour; {HELP}")
    if (found == found[:, :1]).all():  # greys
        return Values(colours[at][..., 0].astype(np.int64), graded=True)
    if all(tuple(colour) == (voc_colour(index) if index < IGNORED else VOID)
           for index, colour in zip(used.tolist(), found.tolist(), strict=True)):  # fmt: skip
        return Values(at, graded=False)
    black = (found == 0).all(axis=1)
    if not black.any():
        said = f"{len(used)} colours, none of them black"
        raise ValueError(f"{where}: {path} has mode {mode} and {said}, for where there is no object; {HELP}")
    void = (found == VOID).all(axis=1)
    objects = used[~black & ~void]
    numbers = np.zeros(len(colours), np.int64)
    numbers[objects] = np.arange(1, 1 + len(objects))
    numbers[objects[IGNORED - 1 :]] += 1  # one of them is to be ignored
    numbers[used[void]] = IGNORED
    return Values(numbers[at], graded=False, edges=_has_edges(np.searchsorted(used, at), found))


def _has_edges(at: NDArray[np.int64], colours: NDArray[np.int64]) -> bool:
    """Whether some colours are edges of others: nowhere two pixels wide and high, and mixed of two that are.

    So are those of a mask that was made smaller, or drawn with smooth edges. More colours that are nowhere so large
    than others are, too, are no instances.
    """
    large = np.isin(np.arange(len(colours)), large_numbers(at))
    thin, flat = colours[~large], colours[large]
    if len(thin) > len(flat):
        return True
    for first, second in combinations(flat, 2):
        way = second - first
        share = ((thin - first) @ way / (way @ way))[:, None]
        if ((np.abs(first + share * way - thin) <= NEAR).all(axis=1) & (np.abs(share - 0.5) < 0.5)[:, 0]).any():
            return True
    return False


def voc_colour(index: int) -> tuple[int, int, int]:
    """The colour of an index in the palette of PASCAL VOC: bits 0, 3 and 6 of the index in red, and so on."""
    red, green, blue = (
        sum(((index >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
    )
    return red, green, blue


def large_numbers(at: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """The numbers that are somewhere two pixels wide and high."""
    square = (at[1:, 1:] == at[:-1, :-1]) & (at[1:, 1:] == at[1:, :-1]) & (at[1:, 1:] == at[:-1, 1:])
    return np.unique(at[1:, 1:][square])
