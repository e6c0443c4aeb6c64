"""Boxes of weakly supervised object localization: true ones resized, predicted ones drawn at every threshold.

The protocol of Choe et al. 2020 (arXiv 2001.07437) searches for contours once per threshold and map. Here all
thresholds of a map share one analysis of its level sets (`nas.contours`); the boxes are the same.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.contours import Boxes, contour_boxes
from nas.scoremaps import Size, check_map, quantize

__all__ = ["THRESHOLDS", "best_ious", "boxes_at_thresholds", "check_thresholds", "resize_boxes"]

Thresholds = NDArray[np.float64]

THRESHOLDS: Thresholds = np.arange(0, 1, 0.001)
THRESHOLDS.setflags(write=False)

NO_CONTOUR: Boxes = np.zeros((1, 4), np.int32)


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
    scaled = _check_boxes(boxes, photo_size) * (width, height, width, height)
    scaled /= (photo_width, photo_height, photo_width, photo_height)
    return scaled.astype(np.int32)


def boxes_at_thresholds(
    saliency: ArrayLike, thresholds: ArrayLike = THRESHOLDS, multi_contour: bool = True
) -> list[Boxes]:
    """The boxes around what lies above each threshold.

    Parameters
    ----------
    saliency : array, shape (H, W), in [0, 1]
        Quantized to floor(255 saliency), then cut at strictly more than int(threshold x its greatest level).
    thresholds : array, shape (n,), in [0, 1]
    multi_contour : bool
        A box for every contour, those of holes included (MaxBoxAccV2), or for the largest only (MaxBoxAcc).

    Returns
    -------
    list of n int32 arrays, each of shape (n_boxes, 4)
        x0, y0, x1, y1, in no particular order; [0, 0, 0, 0] where nothing lies above the threshold.
    """
    image, cuts = _cut(saliency, thresholds)
    at, boxes = contour_boxes(image, multi_contour)
    ascending = np.argsort(at, kind="stable")
    highest = int(image.max())
    ends = np.searchsorted(at[ascending], np.arange(highest), "right")
    boxes_at = [*np.split(boxes[ascending], ends)[:highest], NO_CONTOUR]
    return [boxes_at[cut] for cut in np.minimum(cuts, highest)]


def best_ious(
    saliency: ArrayLike, boxes: ArrayLike, thresholds: ArrayLike = THRESHOLDS, multi_contour: bool = True
) -> Thresholds:
    """Best IoU of any predicted with any true box, at each threshold.

    Parameters
    ----------
    saliency, thresholds, multi_contour
        As in `boxes_at_thresholds`.
    boxes : int array, shape (n_boxes, 4)
        The true boxes, x0, y0, x1, y1 in pixels of the map. Both corners belong to a box, which therefore
        covers (x1 - x0 + 1) x (y1 - y0 + 1) pixels.

    Returns
    -------
    float64 array, shape (n_thresholds,), in [0, 1]

    Raises
    ------
    ValueError
        For a map outside [0, 1], no box, and a box that is inside out or leaves the map.
    """
    image, cuts = _cut(saliency, thresholds)
    height, width = image.shape
    true = _check_boxes(boxes, (height, width)).astype(np.int32)
    at, predicted = contour_boxes(image, multi_contour)
    best = np.zeros(256)
    np.maximum.at(best, at, _best_iou(predicted, true))
    best[image.max() :] = _best_iou(NO_CONTOUR, true)
    return best[cuts]


def check_thresholds(thresholds: ArrayLike) -> Thresholds:
    """Thresholds in float64; raises ValueError unless they are a row of numbers in [0, 1]."""
    checked = np.asarray(thresholds, np.float64)
    if checked.ndim != 1 or not checked.size:
        raise ValueError(f"thresholds has shape {checked.shape}; give a row of numbers in [0, 1]")
    outside = checked[~((checked >= 0) & (checked <= 1))]
    if outside.size:
        raise ValueError(f"thresholds has {outside[0]}; give numbers in [0, 1], such as np.arange(0, 1, 0.001)")
    return checked


def _cut(saliency: ArrayLike, thresholds: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The quantized map and, for each threshold, the level that its pixels must exceed."""
    image = quantize(check_map(saliency))
    return image, (check_thresholds(thresholds) * image.max()).astype(np.int64)


def _check_boxes(boxes: ArrayLike, size: Size) -> NDArray[np.float64]:
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


def _best_iou(predicted: Boxes, true: Boxes) -> NDArray[np.float64]:
    """Best IoU of each predicted with any true box, shape (n_predicted,)."""
    a, b = predicted.T, true.T[:, :, None]
    overlap = _length(np.maximum(a[0], b[0]), np.minimum(a[2], b[2]))
    overlap *= _length(np.maximum(a[1], b[1]), np.minimum(a[3], b[3]))
    areas = [_length(box[0], box[2]) * _length(box[1], box[3]) for box in (a, b)]
    best: NDArray[np.float64] = (overlap / (areas[0] + areas[1] - overlap)).max(0)
    return best


def _length(first: Boxes, last: Boxes) -> Boxes:
    """Number of pixels from the first to the last, 0 if they are in the wrong order."""
    return np.asarray(np.maximum(last - first + 1, 0))
