"""Objects marked by squares of a grid, as in the annotations of STL-10 by Yagli 2025.

A table is JSON: the number of a photo in its split to its instances, CLASS_n, to squares [x, y], column and row from 0
of a grid of 16 x 16. A square that is marked shows some of the object, and may show background too.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.data.label_maps import IGNORED, shows_object
from nas.data.native import REPAIR
from nas.data.records import Box
from nas.data.rules import Edge

GRID = 16
MOST = 254  # instances
LONGEST = 80  # characters of what is quoted
FORM = (
    f'must be {{"photo": {{"class_number": [[column, row], ...]}}}}, with columns and rows of a grid of {GRID} x {GRID}'
)
Squares = dict[str, NDArray[np.int16]]


class Drawn(NamedTuple):
    """What squares say of a photo: a label map of the grid (16, 16), None without an object, and boxes in pixels."""

    labels: NDArray[np.uint8] | None
    boxes: tuple[Box, ...]


def read_squares(path: Path, check: Callable[[int], str]) -> dict[int, Squares]:
    """The squares (n, 2) of each instance of each photo of a table.

    Parameters: `check`, what is wrong with the number of a photo, "" where nothing is.

    Raises
    ------
    ValueError : a file that is no such table, a photo that `check` finds something wrong with
    """
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_once)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); unpack it anew, or take it out") from None
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are such
        raise ValueError(f"{path}: is no such table ({str(error)[:LONGEST]}); {REPAIR}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: {FORM}; {REPAIR}")
    found: dict[int, Squares] = {}
    for photo, instances in content.items():
        where = f"{path}, photo {photo[:LONGEST]!r}"
        number = int(photo) if photo.isascii() and photo.isdecimal() and len(photo) < LONGEST else -1
        if number < 0 or number in found or not isinstance(instances, dict):
            raise ValueError(f"{where}: {FORM}, and each photo once; {REPAIR}")
        if wrong := check(number):
            raise ValueError(f"{where}: {wrong}; {REPAIR}")
        if len(instances) > MOST:
            raise ValueError(f"{where}: has {len(instances)} instances, allowed are {MOST}; {REPAIR}")
        found[number] = {name: _array(squares, f"{where}, {name!r}") for name, squares in instances.items()}
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no name is twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        again = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise ValueError(f"has {again[:LONGEST]!r} twice")
    return found


def _array(squares: Any, where: str) -> NDArray[np.int16]:
    """Squares as an array (n, 2)."""
    pairs = squares if isinstance(squares, list) else [squares]
    if not all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_whole, pair)) for pair in pairs):
        raise ValueError(f"{where}: {FORM}; {REPAIR}")
    return np.array(pairs, np.int16).reshape(-1, 2)


def _is_whole(number: Any) -> bool:
    return type(number) is int and abs(number) < 2**15


def draw(squares: Squares, name: str, edge: Edge, side: int, left_out: Counter[str]) -> Drawn:
    """The label map and the boxes of the objects of a class in a photo.

    Of a square of two instances the first one keeps it. Instances of other classes are ignored.

    Parameters
    ----------
    name : of the class
    edge : what squares of an instance are that have a side in common with one that is not
    side : of a square, in pixels
    left_out : where it is counted what is not as it must be
    """
    labels = np.zeros((GRID, GRID), np.uint8)
    edges, ignored = np.zeros((2, GRID, GRID), bool)
    boxes: list[Box] = []
    left_out["photos without an instance"] += not squares
    for instance, found in squares.items():
        inside = ((found >= 0) & (found < GRID)).all(axis=1)
        shown = np.zeros((GRID, GRID), bool)
        shown[found[inside, 1], found[inside, 0]] = True
        left_out["squares outside the grid"] += len(np.unique(found[~inside], axis=0))
        if not shown.any():
            left_out["instances without a square"] += 1
        elif _class_of(instance) != name:
            left_out["instances of another class"] += 1
            ignored |= shown
        else:
            rows, columns = np.nonzero(shown)
            boxes.append(_box(columns, rows, side))
            left_out["squares of two instances"] += int((shown & (labels > 0)).sum())
            edges |= shown & ~_within(shown)
            labels[shown & (labels == 0)] = len(boxes)
    labels[ignored & (labels == 0)] = IGNORED
    if edge == "ignored":
        labels[edges] = IGNORED
    seen = bool(shows_object(labels).any())
    if boxes and not seen:
        left_out["photos whose objects are all edge"] += 1
    return Drawn(labels if seen else None, tuple(boxes))


def _within(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those of the squares that are shown whose four neighbours are, too; the rim of the photo is no edge."""
    around = np.pad(shown, 1, constant_values=True)
    return shown & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]


def _class_of(instance: str) -> str:
    """airplane of airplane_0."""
    name, _, number = instance.rpartition("_")
    return name if number.isdecimal() else instance


def _box(columns: NDArray[Any], rows: NDArray[Any], side: int) -> Box:
    x0, x1 = int(columns.min()) * side, (int(columns.max()) + 1) * side - 1
    y0, y1 = int(rows.min()) * side, (int(rows.max()) + 1) * side - 1
    return x0, y0, x1, y1
