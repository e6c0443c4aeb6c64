"""Files of data sets in their own formats: lines of a table, photos, boxes, masks.

What does not fit raises a ValueError of one line: the file and its line, what is allowed, what to do.
"""

import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.data.images import opened, orientation_of
from nas.data.records import Box, Record
from nas.data.rules import DEFAULT, Rules
from nas.store import link, sha256_of, write_bytes

Size = tuple[int, int]
SAME_SHAPE = 0.02  # greatest relative difference of aspect ratios
REPAIR = "correct it, or unpack the data set anew"


@dataclass(frozen=True)
class Place:
    """Where the native files of a data set are, and where the prepared data set goes.

    root : folder of the native files, which is only read
    target : folder of the prepared data set
    workspace : scratch folder, for what is fetched photo by photo
    borrowed : `root` is the user's own copy, whose photos are used where they are; else they are linked into `target`
    rules : how truth is read that is not sharp
    left_out : what of the truth of the photos that were completed could not be used, and how often
    """

    root: Path
    target: Path
    workspace: Path = Path()
    borrowed: bool = True
    rules: Rules = DEFAULT
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Listed:
    """A photo that a data set lists.

    record : what the tables say of it; its sha256 is "", its size not known
    complete : adds to that record what the files of photo and mask say
    """

    record: Record
    complete: Callable[[Record], Record]

    @property
    def class_name(self) -> str:
        """See `Record`."""
        return self.record.class_name


class Line(NamedTuple):
    """A line of a table: its file, its number from 1, its fields."""

    table: Path
    line: int
    fields: tuple[str, ...]

    @property
    def where(self) -> str:
        """The file and line in words."""
        return f"{self.table}, line {self.line}"


def below(root: Path, marker: str, *folders: str) -> Path:
    """The first of `root` and its `folders` that holds `marker`. Raises ValueError where none does."""
    candidates = [root, *(root / folder for folder in folders)]
    for folder in candidates:
        if (folder / marker).exists():
            return folder
    named = "" if not folders else f", nor in {' or '.join(folders)} inside it"
    raise ValueError(f"{root}: holds no {marker}{named}; give the folder that holds it")


def beside(place: Place, name: str) -> list[Path]:
    """The folders of a name in the root, and next to it where the root is the user's own copy, see `About.beside`."""
    root = place.root.resolve()
    return [at / name for at in ([root, root.parent] if place.borrowed else [root]) if (at / name).is_dir()]


def read_table(path: Path, form: str) -> Iterator[Line]:
    """The lines of a text file, one by one; empty lines are left out.

    Parameters
    ----------
    form : what a line looks like, as "<photo>,<class>" or "<photo> <class>"

    Raises
    ------
    ValueError : a file that is missing or no text, a line with fewer or more fields than `form`
    """
    n_fields = len(re.findall("<", form))
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(map(str.strip, lines), start=1):
                fields = line.split(",") if "," in form else line.split(maxsplit=n_fields - 1)
                if line and len(fields) != n_fields:
                    raise ValueError(f"{path}, line {number}: is {line!r}, must be {form}; {REPAIR}")
                if line:
                    yield Line(path, number, tuple(fields))
    except FileNotFoundError:
        raise ValueError(f"{path}: is missing, and must have lines {form}; unpack the data set anew") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no text ({error.reason} after line {number}); {REPAIR}") from None


def by_key(rows: Iterable[Line]) -> dict[str, Line]:
    """Lines by their first field. Raises ValueError for a second one that says something else than the first."""
    found: dict[str, Line] = {}
    for row in rows:
        first = found.setdefault(row.fields[0], row)
        if first.fields != row.fields:
            raise ValueError(
                f"{row.where}: has {row.fields[0]!r} a second time, with other values than line {first.line}; "
                "take one out"
            )
    return found


def numbers(fields: Sequence[str], where: str) -> list[float]:
    """Fields as finite numbers, or a ValueError."""
    try:
        found = [float(field) for field in fields]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"{where}: has {' '.join(fields)!r}, must be numbers; {REPAIR}")
    return found


def class_index(field: str, n_classes: int, where: str, first: int = 0) -> int:
    """A class number from `first` on, as an index from 0; or a ValueError."""
    if not field.isdecimal() or not first <= int(field) < first + n_classes:
        raise ValueError(f"{where}: has the class {field!r}, allowed are {first} to {first + n_classes - 1}; {REPAIR}")
    return int(field) - first


def clip_box(corners: Sequence[float], size: Size, where: str) -> Box:
    """A box x0, y0, x1, y1 cut to whole pixels and to the photo of `size` (height, width).

    x1 and y1 may be the photo's width and height, as in the localization protocol of Choe et al. 2020.

    Raises
    ------
    ValueError : a box that is inside out or outside the photo
    """
    height, width = size
    x0, y0, x1, y1 = map(int, corners)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if x0 > x1 or y0 > y1:
        found = ", ".join(f"{corner:g}" for corner in corners)
        raise ValueError(f"{where}: has the box {found}, which has no pixel of the {width} x {height} photo; {REPAIR}")
    return x0, y0, x1, y1


def with_photo(record: Record, place: Place, where: str) -> Record:
    """The record with the file of its photo, that file's sha256, and its size.

    Boxes and masks are of the pixels as stored. So a photo that EXIF would turn is written anew as PNG, unturned.

    Raises
    ------
    ValueError : a file that is missing or no photo
    """
    image = record.image
    with open_image(image, where) as stored, decoding(image, where):
        unturned = None if orientation_of(stored) == 1 else np.asarray(stored.convert("RGB"))
        size = stored.height, stored.width
    if unturned is not None:
        image = _free(place.target / "photos" / f"{record.id}.png")
        write_bytes(image, png(unturned))
    elif not place.borrowed:
        image = _free(place.target / "photos" / f"{record.id}{image.suffix}")
        link(record.image, image)
    return replace(record, image=image, sha256=sha256_of(image), size=size)


def with_mask(record: Record, labels: NDArray[Any], place: Place) -> Record:
    """The record with truth/masks/ID.png, written from a label map (height, width)."""
    path = _free(place.target / "truth" / "masks" / f"{record.id}.png")
    write_bytes(path, png(labels.astype(np.uint8)))
    return replace(record, mask=path, mask_sha256=sha256_of(path))


def _free(path: Path) -> Path:
    """The path itself. Raises ValueError where something is: another photo's, where the file system tells no case."""
    if path.exists():
        raise ValueError(
            f"{path}: is of a photo already whose name differs by case alone, and this file system takes both for one; "
            "rename one of them"
        )
    return path


def open_image(path: Path, where: str) -> Image.Image:
    """Open a picture, undecoded. Raises ValueError where it is missing or none."""
    try:
        return opened(path)
    except FileNotFoundError:
        raise ValueError(f"{where}: {path} is missing; unpack the data set anew, or take the line out") from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"{where}: {path} has too many pixels ({error}); make it smaller") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise ValueError(f"{where}: {path} is no picture ({type(error).__name__}); unpack or copy it anew") from None


@contextmanager
def decoding(path: Path, where: str) -> Iterator[None]:
    """While a picture is decoded. Raises ValueError where it is damaged."""
    try:
        yield
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{where}: {path} cannot be decoded ({error}); unpack or copy it anew") from None


def read_levels(path: Path, where: str) -> NDArray[np.uint8]:
    """The values of a mask, (height, width): levels of a grey PNG, indices of a palette.

    Raises
    ------
    ValueError : a file that is missing, damaged, or has colours
    """
    with open_image(path, where) as image:
        with decoding(path, where):
            if image.mode in ("1", "L", "P"):
                return np.asarray(image, np.uint8)
            channels = np.asarray(image.convert("RGB"))
        if image.mode.startswith(("I", "F")) or (channels != channels[..., :1]).any():
            raise ValueError(f"{where}: {path} has mode {image.mode}; save it as 8-bit grey or palette")
        return np.ascontiguousarray(channels[..., 0])


def same_proportions(found: Size, size: Size) -> bool:
    """Whether a mask (height, width) is a photo of `size` made larger or smaller; both are rounded to whole pixels."""
    return abs(found[0] * size[1] / (found[1] * size[0]) - 1) <= SAME_SHAPE


def check_size(found: tuple[int, ...], size: Size, where: str) -> None:
    """Refuse, with ValueError, a mask that has another size (height, width) than its photo."""
    if found != size:
        raise ValueError(
            f"{where}: the mask is {found[1]} x {found[0]} pixels, the photo {size[1]} x {size[0]}; "
            "give a mask of the photo's size"
        )


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file of grey (H, W) or RGB (H, W, 3) pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
