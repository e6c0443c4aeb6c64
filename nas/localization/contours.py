"""Boxes of the contours of a grey image at every threshold, without a contour search.

The contours of {image > t} that border following finds (Suzuki and Abe 1985, doi
10.1016/0734-189X(85)90016-7; ``cv2.findContours`` with ``RETR_TREE``) are an outer contour around each
8-connected part and one around each hole, a 4-connected part of the rest that does not touch the border.
Component trees yield both, for all t together.
"""

import numpy as np
from numpy.typing import NDArray

from nas.localization.component_tree import ComponentTree, Indices, Levels, component_tree

Boxes = NDArray[np.int32]
WHITE = 255


def contour_boxes(image: NDArray[np.uint8], multi_contour: bool) -> tuple[Indices, Boxes]:
    """Bounding boxes of the contours of {image > t}, for every t from 0 to ``image.max() - 1``.

    Parameters
    ----------
    image : uint8 array, shape (H, W)
    multi_contour : bool
        All contours, those of holes included; or only the one that encloses the largest area at each t, of
        equals the one that ``cv2.findContours`` lists first.

    Returns
    -------
    thresholds : intp array, shape (n,)
        The t of each box, in no particular order.
    boxes : int32 array, shape (n, 4)
        x0, y0, x1, y1 in pixels. x1 = x + w and y1 = y + h of ``cv2.boundingRect``, so one past the contour,
        but no more than W - 1 and H - 1.
    """
    if multi_contour:
        parts = component_tree(image, connectivity=8, outside=0)
        basins, thresholds = parts.parts()
        boxes = _boxes(parts, basins, thresholds)
        depths = _depths(image)
        basins, dark = depths.parts()
        inside = basins < len(depths.summits) - 1
        holes = _boxes(depths, basins[inside], dark[inside])
        holes[:, :2] -= 1
        holes[:, 2:] += 1
        thresholds = np.concatenate((thresholds, WHITE - 1 - dark[inside]))
        boxes = np.concatenate((boxes, holes))
    else:
        parts = component_tree(_fill_holes(_depths(image)), connectivity=8, outside=0)
        basins, thresholds = _largest(parts)
        boxes = _boxes(parts, basins, thresholds)
    boxes[:, 2:] = np.minimum(boxes[:, 2:] + 1, np.array(image.shape[::-1], np.int32) - 1)
    return thresholds, boxes


def _depths(image: NDArray[np.uint8]) -> ComponentTree:
    """The tree of the dark parts; the last basin is open to the frame, all others are holes."""
    return component_tree(WHITE - image.astype(np.int16), connectivity=4, outside=WHITE + 1)


def _boxes(tree: ComponentTree, basins: Indices, thresholds: Indices) -> Boxes:
    """Boxes around parts, corners included, in pixels of the image without the tree's frame."""
    return tree.extents()[basins, :, thresholds].astype(np.int32) - 1


def _fill_holes(depths: ComponentTree) -> Levels:
    """The image whose level sets are those of the original with their holes filled.

    A depth that is cut off from the frame is filled up to the lowest saddle on its way out.
    """
    way_out, parents = depths.saddles.tolist(), depths.parents.tolist()
    way_out[-1] = WHITE + 1
    for basin in reversed(range(len(parents) - 1)):
        way_out[basin] = min(way_out[basin], way_out[parents[basin]])
    filled = np.minimum(depths.levels, np.array(way_out, np.int16)[depths.basins])
    return WHITE - filled[1:-1, 1:-1]


def _largest(tree: ComponentTree) -> tuple[Indices, Indices]:
    """The part with the largest contour area at each threshold, as (basin, threshold), if no part has holes.

    A contour runs through pixel centres, so of a square between four pixels it encloses all if the four are
    in the part, half if three are, and nothing otherwise. Of equals, the part that begins last wins.
    """
    flat, width = tree.levels.ravel(), tree.levels.shape[1]
    a, b, c, d = flat[: -width - 1], flat[1:-width], flat[width:-1], flat[width + 1 :]
    low, high = (np.minimum(a, b), np.minimum(c, d)), (np.maximum(a, b), np.maximum(c, d))
    third, fourth = np.minimum(np.maximum(*low), np.minimum(*high)), np.minimum(*low)
    # if a is lower than the others it is still in their part: a run goes on where the next pixel is higher
    northwest = tree.basins.ravel()[: -width - 1]
    half_squares = tree.totals(northwest, third, fourth)

    basins, thresholds = tree.parts()
    area = half_squares[basins, thresholds]
    largest = np.full(tree.summits[-1], -1, np.int32)
    np.maximum.at(largest, thresholds, area)
    winners = np.flatnonzero(area == largest[thresholds])
    if len(winners) > len(largest):
        first = tree.first_pixels()[basins[winners], thresholds[winners]]
        order = winners[np.lexsort((first, thresholds[winners]))]
        winners = order[np.diff(thresholds[order], append=-1) != 0]
    return basins[winners], thresholds[winners]
