"""Masks as people have them, as label maps: which file is the mask of a photo, and what its values mean.

The values of a mask are levels of grey, or the colours of a palette or picture, of which black is where there is no
object: a palette is read by its colours, since programs number them as they like. Where transparency alone tells
something, what is opaque is the object. What the values mean is said by a kind, or recognized by `recognized`; a mask
that could mean two things is refused.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.data.images import check_sums, is_picture, opened, upright
from nas.data.label_maps import IGNORED

Kind = Literal["auto", "object", "soft", "instances"]
FOLDER = "masks"
MARKS = (".mask", "_mask", "-mask", " mask")  # what follows the name of a photo in that of its mask
MOST = 254  # instances
FULL, NEARLY_FULL, FAINT = 255, 250, 20  # levels: inside of the object, inside but for noise, outside but for noise
DEEP = 65535  # the highest level of 16 bits
SURE = 32  # levels: what a lossy file makes of lower ones is noise
MOSTLY = 0.9  # of the pixels of a smooth edge are beside one that is further inside
NEAR = 3  # levels, by which a mixture of two colours may be off, since it was rounded
VOID = (224, 224, 192)  # a colour of VOC, for pixels to be ignored
HELP = "save it as 8-bit grey, 0 where there is no object"
CHOICE = f"{HELP}, or set download.masks to object, soft or instances"


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


def is_mask(path: Path) -> bool:
    """Whether a file beside photos is a mask, by its name: marked as one, or that of a photo with a second ending."""
    return path.stem.lower().endswith(MARKS) or is_picture(path.with_name(path.stem))


def mask_folders(root: Path) -> list[Path]:
    """The folders for masks among photos; there may be several, that differ in case."""
    return [path for path in sorted(root.iterdir()) if path.is_dir() and path.name.lower() == FOLDER]


def find_masks(root: Path, photos: Sequence[Path]) -> dict[Path, Path]:
    """The masks of photos, by photo; those without one are left out.

    The mask of NAME.jpg is NAME.mask.png, NAME_mask.png, NAME-mask.png, "NAME mask.png" or NAME.jpg.png beside it, or
    in the folder `masks` one of these or NAME.png. Any ending of a picture will do. Names are the same however their accents are written, and where none
    is the same, those are that differ in case alone. Hidden files are none.

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
    if kind != "auto" and varied and not ((labels > 0) & (labels < IGNORED)).any():
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
    large = _large(solid)
    thin = [number for number in np.setdiff1d(numbers, large) if large.min(initial=IGNORED) < number < large.max()]
    if not thin:
        return False
    between = (ndimage.minimum_filter(solid, 3) < solid) & (solid < ndimage.maximum_filter(solid, 3))
    return any(between[solid == number].mean() >= MOSTLY for number in thin)


def _large(at: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """The numbers that are somewhere two pixels wide and high."""
    square = (at[1:, 1:] == at[:-1, :-1]) & (at[1:, 1:] == at[1:, :-1]) & (at[1:, 1:] == at[:-1, 1:])
    return np.unique(at[1:, 1:][square])


def _numbered(values: Values) -> NDArray[np.integer[Any]]:
    """Levels as numbers of instances in their order, with 255 where the highest possible level is."""
    numbers = np.unique(values.levels, return_inverse=True)[1].reshape(values.levels.shape) + (values.levels.min() > 0)
    return np.where(values.levels == values.full, IGNORED, np.where(numbers >= IGNORED, numbers + 1, numbers))


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
    if all(tuple(colour) == (_voc_colour(index) if index < IGNORED else VOID)
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
    large = np.isin(np.arange(len(colours)), _large(at))
    thin, flat = colours[~large], colours[large]
    if len(thin) > len(flat):
        return True
    for first, second in combinations(flat, 2):
        way = second - first
        share = ((thin - first) @ way / (way @ way))[:, None]
        if ((np.abs(first + share * way - thin) <= NEAR).all(axis=1) & (np.abs(share - 0.5) < 0.5)[:, 0]).any():
            return True
    return False


def _voc_colour(index: int) -> tuple[int, int, int]:
    """The colour of an index in the palette of PASCAL VOC: bits 0, 3 and 6 of the index in red, and so on."""
    red, green, blue = (
        sum(((index >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
    )
    return red, green, blue
