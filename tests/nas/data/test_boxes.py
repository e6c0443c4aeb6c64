import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.data.boxes import boxes_of, check_boxes, resize_boxes

random = settings(max_examples=40, deadline=None, derandomize=True)


@random
@given(
    labels=hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.sampled_from([0, 0, 1, 2, 5, 255])
    )
)
def test_a_box_holds_an_instance_just_so(labels):
    expected = []
    for instance in range(1, 255):
        pixels = [(x, y) for y, x in np.ndindex(labels.shape) if labels[y, x] == instance]
        if pixels:
            columns, rows = zip(*pixels, strict=True)
            expected.append((min(columns), min(rows), max(columns), max(rows)))
    assert boxes_of(labels) == tuple(expected)


def random_boxes(rng, height, width, n):
    x, y = (np.sort(rng.integers(0, side, (n, 2)), axis=1) for side in (width, height))
    return [[x0, y0, x1, y1] for (x0, x1), (y0, y1) in zip(x.tolist(), y.tolist(), strict=True)]


@given(st.integers(0, 2**32 - 1))
@random
def test_resized_boxes_lose_fractions(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 600, 2).tolist()
    boxes = random_boxes(rng, height + 1, width + 1, n=5)
    expected = [
        [int(x0 * 224 / width), int(y0 * 112 / height), int(x1 * 224 / width), int(y1 * 112 / height)]
        for x0, y0, x1, y1 in boxes
    ]
    assert resize_boxes(boxes, (height, width), (112, 224)).tolist() == expected


@given(st.integers(0, 2**32 - 1))
@random
def test_boxes_inside_their_picture_are_the_same_in_float64(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 30, 2).tolist()
    boxes = random_boxes(rng, height + 1, width + 1, n=3)
    checked = check_boxes(boxes, (height, width))
    assert checked.dtype == np.float64 and checked.tolist() == boxes


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (np.zeros((0, 4)), "boxes has shape (0, 4); give at least one box"),
        ([1, 1, 5, 6], "boxes has shape (4,); give at least one box"),
        ([[1, 1, 5, 6], [5, 1, 4, 6]], "boxes has [5.0, 1.0, 4.0, 6.0]; give 0 <= x0 <= x1 <= 8"),
        ([[1, -1, 5, 6]], "boxes has [1.0, -1.0, 5.0, 6.0]; give"),
        ([[1, 1, 9, 6]], "boxes has [1.0, 1.0, 9.0, 6.0]; give"),
        ([[1, 1, np.nan, 6]], "boxes has [1.0, 1.0, nan, 6.0]; give"),
    ],
)
def test_boxes_that_cannot_be_are_named(boxes, message):
    for call in (lambda: check_boxes(boxes, (8, 8)), lambda: resize_boxes(boxes, (8, 8), (16, 16))):
        with pytest.raises(ValueError, match=re.escape(message)):
            call()
