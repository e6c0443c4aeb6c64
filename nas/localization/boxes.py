"""Predicted boxes at every threshold of a map, and their IoU with the true ones.

The protocol of Choe et al. 2020 (arXiv 2001.07437) searches for contours once per threshold and map. Here all
thresholds of a map share one analysis of its level sets (`nas.localization.contours`); the boxes are the same.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.data import check_boxes
from nas.localization.contours import Boxes, contour_boxes
from nas.saliency import check_map, quantize

THRESHOLDS: NDArray[np.float64] = np.arange(0, 1, 0.001)
THRESHOLDS.setflags(write=False)
# the first threshold at each grey level: the highest of a normalized map is 255, or 0 if they are all equal
LEVELS: NDArray[np.intp] = np.unique((THRESHOLDS * 255).astype(int), return_index=True)[1]
LEVELS.setflags(write=False)
NO_CONTOUR: Boxes = np.zeros((1, 4), np.int32)


def best_ious(saliency: ArrayLike, boxes: ArrayLike, multi_contour: bool = True) -> NDArray[np.float64]:
    """Best IoU of any predicted with any true box, at each of `THRESHOLDS`.

    Parameters
    ----------
    saliency : array, shape (H, W), in [0, 1]
        Quantized to floor(255 saliency), then cut at strictly more than int(threshold x its greatest level).
    boxes : int array, shape (n_boxes, 4)
        The true boxes, x0, y0, x1, y1 in pixels of the map. Both corners belong to a box, which therefore
        covers (x1 - x0 + 1) x (y1 - y0 + 1) pixels.
    multi_contour : bool
        A box for every contour, those of holes included (MaxBoxAccV2), or for the largest only (MaxBoxAcc);
        [0, 0, 0, 0] where nothing lies above the threshold.

    Returns
    -------
    float64 array, shape (1000,), in [0, 1]

    Raises
    ------
    ValueError
        For a map outside [0, 1], no box, and a box that is inside out or leaves the map.
    """
    image = quantize(check_map(saliency))
    height, width = image.shape
    true = check_boxes(boxes, (height, width)).astype(np.int32)
    at, predicted = contour_boxes(image, multi_contour)
    levels = np.unique(at)
    best = np.zeros(len(levels) + 1)
    np.maximum.at(best, np.searchsorted(levels, at), _best_iou(predicted, true))
    best[-1:] = _best_iou(NO_CONTOUR, true)  # from the greatest level of the map on
    wanted = (THRESHOLDS * image.max()).astype(np.int64)
    place = np.searchsorted(np.append(levels, image.max()), wanted, side="right") - 1
    at_thresholds: NDArray[np.float64] = best[place]
    return at_thresholds


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
