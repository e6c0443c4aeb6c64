"""The best IoU at every threshold against the protocol written plainly."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import plain_best_ious, random_boxes, random_map

from nas.localization.boxes import THRESHOLDS, best_ious

examples = settings(max_examples=40, deadline=None, derandomize=True)
UNIT = np.linspace(0, 1, 64).reshape(8, 8)


@given(st.integers(0, 2**32 - 1), st.booleans())
@examples
def test_best_ious_are_those_of_the_plain_protocol(seed, multi_contour):
    saliency = random_map(seed)
    rng = np.random.default_rng(seed)
    true = random_boxes(rng, *saliency.shape, n=int(rng.integers(1, 4)))
    found = best_ious(saliency, true, multi_contour)
    assert found.shape == THRESHOLDS.shape == (1000,)
    assert found.tolist() == plain_best_ious(saliency, true, multi_contour)


def test_where_nothing_lies_above_the_threshold_the_box_is_the_first_pixel():
    for multi_contour in (True, False):
        assert set(best_ious(np.zeros((3, 4)), [[0, 0, 1, 1]], multi_contour)) == {1 / 4}
        assert set(best_ious(np.zeros((3, 4)), [[1, 1, 2, 2]], multi_contour)) == {0}


def test_a_map_that_is_its_object_has_its_box():
    saliency = np.zeros((10, 12))
    saliency[2:6, 3:9] = 1
    assert set(best_ious(saliency, [[3, 2, 9, 6], [0, 0, 0, 0]])) == {1}  # one past the contour, as the protocol has it


@pytest.mark.parametrize(
    ("saliency", "boxes", "message"),
    [
        (UNIT[None], [[1, 1, 5, 6]], "saliency has shape (1, 8, 8); give one map"),
        (UNIT * 2, [[1, 1, 5, 6]], "saliency goes from 0.0 to 2.0; give 0 to 1, by normalize"),
        (UNIT, np.zeros((0, 4)), "boxes has shape (0, 4); give at least one box"),
        (UNIT, [[1, 1, 9, 6]], "boxes has [1.0, 1.0, 9.0, 6.0]; give"),
    ],
)
def test_errors_name_what_is_wrong(saliency, boxes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        best_ious(saliency, boxes)
