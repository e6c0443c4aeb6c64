"""Boxes of the contours of a grey image at every threshold, without a contour search.

The contours of {image > t} that border following finds (Suzuki and Abe 1985, doi
10.1016/0734-189X(85)90016-7; ``cv2.findContours`` with ``RETR_TREE``) are an outer contour around each
8-connected part and one around each hole, a 4-connected part of the rest that does not touch the border.
Component trees yield both, for all t together.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nas.localization.component_tree import ComponentTree, Indices, Levels, component_tree

Boxes = NDArray[np.int32]


def contour_boxes(image: NDArray[np.uint8], multi_contour: bool) -> tuple[Indices, Boxes]:
    """Bounding boxes of the contours of {image > t}, for every level t below the greatest one.

    The levels are those of the image, and 0; at a t between two of them the boxes are those of the lower one.

    Parameters
    ----------
    image : uint8 array, shape (H, W)
    multi_contour : bool
        All contours, those of holes included; or only the one that encloses the largest area at each t, of
        equals the one that ``cv2.findContours`` lists first.

    Returns
    -------
    thresholds : intp array, shape (n,)
        The level t of each box, in no particular order.
    boxes : int32 array, shape (n, 4)
        x0, y0, x1, y1 in pixels. x1 = x + w and y1 = y + h of ``cv2.boundingRect``, so one past the contour,
        but no more than W - 1 and H - 1.
    """
    levels, ranks, depths = _dark_parts(image.tobytes(), image.shape)
    white = len(levels) - 1
    if multi_contour:
        parts = component_tree(ranks, connectivity=8, outside=0)
        thresholds, boxes = parts.parts()[1], parts.extents()
        basins, dark = depths.parts()
        inside = basins < len(depths.summits) - 1  # the last one is open to the frame, all others are holes
        holes = depths.extents()[inside] + np.array([-1, -1, 1, 1], np.int32)
        thresholds = np.concatenate((thresholds, white - 1 - dark[inside]))
        boxes = np.concatenate((boxes, holes))
    else:
        parts = component_tree(_fill_holes(depths, white), connectivity=8, outside=0)
        chosen, thresholds = _largest(parts)
        boxes = parts.extents()[chosen]
    boxes = boxes - 1  # the frame
    boxes[:, 2:] = np.minimum(boxes[:, 2:] + 1, np.array(image.shape[::-1], np.int32) - 1)
    return levels[thresholds], boxes


@lru_cache(maxsize=1)  # of a map, all contours and the largest ones are asked for one after the other
def _dark_parts(pixels: bytes, shape: tuple[int, int]) -> tuple[Indices, Levels, ComponentTree]:
    """The levels of an image, the image as numbers of these, and the component tree of what is dark in it."""
    levels, ranks = _ranked(np.frombuffer(pixels, np.uint8).reshape(shape))
    white = len(levels) - 1
    return levels, ranks, component_tree(white - ranks, connectivity=4, outside=white + 1)


def _ranked(image: NDArray[np.uint8]) -> tuple[Indices, Levels]:
    """The levels of an image, and 0, in ascending order, and the image as numbers of these."""
    there = np.bincount(image.ravel(), minlength=1) > 0
    there[0] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1).astype(np.int16)[image]


def _fill_holes(depths: ComponentTree, white: int) -> Levels:
    """The image whose level sets are those of the original with their holes filled.

    A depth that is cut off from the frame is filled up to the lowest saddle on its way out.
    """
    way_out, parents = depths.saddles.tolist(), depths.parents.tolist()
    way_out[-1] = white + 1
    for basin in reversed(range(len(parents) - 1)):
        way_out[basin] = min(way_out[basin], way_out[parents[basin]])
    filled = np.minimum(depths.levels, np.array(way_out, np.int16)[depths.basins])
    return white - filled[1:-1, 1:-1]


def _largest(tree: ComponentTree) -> tuple[Indices, Indices]:
    """The part with the largest contour area at each threshold, as (number in `parts`, threshold), if none has holes.

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

    _, thresholds = tree.parts()
    largest = np.full(tree.summits[-1], -1, np.int32)
    np.maximum.at(largest, thresholds, half_squares)
    winners = np.flatnonzero(half_squares == largest[thresholds])
    if len(winners) > len(largest):
        first = tree.first_pixels()[winners]
        order = winners[np.lexsort((first, thresholds[winners]))]
        winners = order[np.diff(thresholds[order], append=-1) != 0]
    return winners, thresholds[winners]
