"""Boxes of contours against one contour search per threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import plain_boxes, random_map

from nas.localization.contours import contour_boxes

seeds = st.integers(0, 2**32 - 1)


def boxes_at(image, multi_contour):
    """Boxes at each threshold below the greatest level, in order."""
    thresholds, boxes = contour_boxes(image, multi_contour)
    assert thresholds.shape == boxes.shape[:1] and boxes.shape[1:] == (4,)
    levels = sorted({0, *image.ravel().tolist()})  # between two of them the boxes are those of the lower one
    assert {*thresholds.tolist()} == {*levels[:-1]}
    lower = [max(level for level in levels if level <= t) for t in range(image.max())]
    return [sorted(boxes[thresholds == t].tolist()) for t in lower]


def assert_plain(image, multi_contour):
    expected = [sorted(plain_boxes(image, t, multi_contour)) for t in range(image.max())]
    assert boxes_at(image, multi_contour) == expected


@given(seeds, st.booleans())
@settings(max_examples=120, deadline=None, derandomize=True)
def test_boxes_are_those_of_one_contour_search_per_threshold(seed, multi_contour):
    assert_plain((random_map(seed) * 255).astype(np.uint8), multi_contour)


@pytest.mark.parametrize("multi_contour", [True, False])
def test_boxes_of_every_small_binary_image(multi_contour):
    """All 512 images of 3 x 3 pixels: the ways in which few pixels touch, enclose a hole and tie."""
    for code in range(2**9):
        assert_plain((code >> np.arange(9) & 1).reshape(3, 3).astype(np.uint8), multi_contour)


@pytest.mark.parametrize("multi_contour", [True, False])
def test_nested_rings_give_outer_contours_and_holes(multi_contour):
    image = np.zeros((13, 15), np.uint8)
    for margin, value in ((1, 204), (3, 25), (5, 255), (6, 102)):
        image[margin : 13 - margin, margin : 15 - margin] = value
    found = boxes_at(image, multi_contour)[127]
    outer, hole, inner, pit = [1, 1, 14, 12], [2, 2, 13, 11], [5, 5, 10, 8], [5, 5, 10, 8]
    assert found == (sorted([outer, hole, inner, pit]) if multi_contour else [outer])


@pytest.mark.parametrize("multi_contour", [True, False])
def test_a_black_image_has_none(multi_contour):
    thresholds, boxes = contour_boxes(np.zeros((3, 4), np.uint8), multi_contour)
    assert len(thresholds) == len(boxes) == 0
