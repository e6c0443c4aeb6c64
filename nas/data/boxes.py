"""True boxes: of the instances of a mask, and resized with their photo."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.data.label_maps import instances_of
from nas.data.records import Box

Boxes = NDArray[np.int32]
Size = tuple[int, int]


def boxes_of(labels: NDArray[np.integer[Any]]) -> tuple[Box, ...]:
    """Boxes of the instances of a label map (0 background, 255 ignore), both ends included, in order of id."""
    boxes = []
    for instance in instances_of(labels):
        rows, columns = np.nonzero(labels == instance)
        boxes.append((int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())))
    return tuple(boxes)


def resize_boxes(boxes: ArrayLike, photo_size: Size, size: Size) -> Boxes:
    """Scale boxes with their photo and cut off fractions of a pixel.

    Parameters
    ----------
    boxes : array, shape (n, 4)
        x0, y0, x1, y1 in pixels of the photo, 0 <= x0 <= x1 <= width and 0 <= y0 <= y1 <= height.
    photo_size, size : (height, width)
        Of the photo, and of the evaluation.

    Returns
    -------
    int32 array, shape (n, 4)

    Raises
    ------
    ValueError
        For no box, and for a box that is inside out or leaves the photo.

    Examples
    --------
    >>> resize_boxes([[50, 30, 450, 299]], photo_size=(300, 500), size=(224, 224)).tolist()
    [[22, 22, 201, 223]]
    """
    (photo_height, photo_width), (height, width) = photo_size, size
    scaled = check_boxes(boxes, photo_size) * (width, height, width, height)
    scaled /= (photo_width, photo_height, photo_width, photo_height)
    return scaled.astype(np.int32)


def check_boxes(boxes: ArrayLike, size: Size) -> NDArray[np.float64]:
    """Boxes in float64; raises ValueError for no box, and for one that is inside out or leaves the picture."""
    height, width = size
    checked = np.asarray(boxes, np.float64)
    if checked.ndim != 2 or checked.shape[1] != 4 or not len(checked):
        raise ValueError(f"boxes has shape {checked.shape}; give at least one box as a row x0, y0, x1, y1")
    near, far = checked[:, :2], checked[:, 2:]
    # the far side itself is allowed: annotations that count pixels from 1 reach it
    inside = ((near >= 0) & (near <= far) & (far <= (width, height))).all(1)
    if not inside.all():
        limits = f"0 <= x0 <= x1 <= {width} and 0 <= y0 <= y1 <= {height}"
        raise ValueError(f"boxes has {checked[~inside][0].tolist()}; give {limits}, in pixels")
    return checked
