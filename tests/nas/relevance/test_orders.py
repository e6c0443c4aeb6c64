"""Removal orders against their definition in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.relevance.orders import removal_order, tiles

fast = settings(max_examples=30, deadline=None, derandomize=True)
sides = st.tuples(st.integers(1, 6), st.integers(1, 6))


@st.composite
def maps(draw):
    """A saliency map in tenths, with ties, and a label map of the same shape."""
    shape = draw(sides)
    tenths = draw(arrays(np.int64, shape, elements=st.integers(-4, 4), fill=st.nothing()))
    return tenths, draw(arrays(np.int64, shape, elements=st.integers(-2, 5), fill=st.nothing()))


def plain_order(tenths, labels, n_steps, first):
    """Steps by the definition: exact means, sorted with the first appearance, a running count of pixels."""
    parts = {}
    for position, label in enumerate(labels.ravel()):
        parts.setdefault(label, []).append(position)
    ranked = []
    for appearance, pixels in enumerate(parts.values()):
        mean = Fraction(sum(int(tenths.ravel()[p]) for p in pixels), len(pixels))
        ranked.append((mean if first == "least" else -mean, appearance, pixels))
    ranked.sort()
    steps, gone, bins = np.zeros(tenths.size, int), 0, []
    for rank, (_, _, pixels) in enumerate(ranked):
        middle = Fraction(2 * gone + len(pixels), 2 * tenths.size)
        number = rank if len(ranked) <= n_steps else int(middle * n_steps)
        if number not in bins:
            bins.append(number)
        steps[pixels] = bins.index(number)
        gone += len(pixels)
    return steps.reshape(tenths.shape)


@fast
@given(maps(), st.integers(1, 10), st.sampled_from(["least", "most"]))
def test_removal_order_is_the_plain_one(drawn, n_steps, first):
    tenths, labels = drawn
    pixels = np.arange(tenths.size).reshape(tenths.shape)
    by_region = removal_order(tenths / 10, labels, n_steps, first)
    by_pixel = removal_order(tenths / 10, None, n_steps, first)
    np.testing.assert_array_equal(by_region, plain_order(tenths, labels, n_steps, first))
    np.testing.assert_array_equal(by_pixel, plain_order(tenths, pixels, n_steps, first))


@fast
@given(st.integers(1, 50), st.integers(1, 50))
def test_steps_of_single_pixels_are_equal_and_used_up(n_pixels, n_steps):
    sizes = np.bincount(removal_order(np.arange(n_pixels)[None], n_steps=n_steps)[0])
    assert len(sizes) == min(n_pixels, n_steps)
    assert np.ptp(sizes) <= 1


def test_grouping_is_by_pixels_and_only_where_there_are_too_many_parts():
    regions = np.repeat([0, 1, 2, 3], [1, 1, 6, 4])[None]
    relevance = regions / 10
    np.testing.assert_array_equal(removal_order(relevance, regions, 4), regions)
    # the middles of the four parts are at 0.5, 1.5, 5 and 10 of 12 pixels
    for n_steps, steps in {3: [0, 0, 1, 2], 2: [0, 0, 0, 1], 1: [0, 0, 0, 0]}.items():
        np.testing.assert_array_equal(removal_order(relevance, regions, n_steps), np.array(steps)[regions])


def test_ties_go_in_raster_order_in_both_directions():
    for first in ("least", "most"):
        np.testing.assert_array_equal(removal_order(np.full((2, 3), 0.1), None, 6, first), [[0, 1, 2], [3, 4, 5]])
    # regions of 1, 2 and 3 pixels, whose sums of 0.1 round differently
    regions = [[2, 0, 0], [1, 1, 1]]
    np.testing.assert_array_equal(removal_order(np.full((2, 3), 0.1), regions), [[0, 1, 1], [2, 2, 2]])


@fast
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 9))
def test_tiles(height, width, side):
    seen = {}
    expected = [
        [seen.setdefault((row // side, column // side), len(seen)) for column in range(width)] for row in range(height)
    ]
    np.testing.assert_array_equal(tiles(height, width, side), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: removal_order([[np.nan, 1.0]]), "saliency has shape"),
        (lambda: removal_order([[0.0, 1.0]], n_steps=0), "n_steps is 0"),
        (lambda: removal_order([[0.0, 1.0]], first="best"), "first is 'best'"),
        (lambda: removal_order([[0.0, 1.0]], [[0], [1]]), "regions"),
        (lambda: tiles(4, 4, 0), "side"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
