"""Size, range and quantization of maps against torch and plain arithmetic."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.saliency.maps import center_gaussian, check_map, normalize, quantize, resize_map

examples = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
UNIT = np.linspace(0, 1, 64).reshape(8, 8)


@given(seeds)
@examples
def test_normalize_and_resize(seed):
    rng = np.random.default_rng(seed)
    saliency = rng.normal(size=(6, 5)).astype(np.float32) * 10.0 ** rng.integers(-5, 5)
    resized = resize_map(saliency, (20, 30))
    cubic = torch.nn.functional.interpolate(torch.tensor(saliency)[None, None], (20, 30), mode="bicubic")[0, 0]
    np.testing.assert_allclose(resized, cubic.double(), atol=1e-5 * np.abs(saliency).max())
    assert resized.dtype == np.float64
    stretched = normalize(resized)
    shifted = resized - resized.min()
    np.testing.assert_array_equal(stretched, shifted / shifted.max())
    assert (stretched.min(), stretched.max()) == (0, 1)
    # the quantization of the protocol is that of float64
    assert normalize(saliency).dtype == np.float64


def test_maps_without_contrast_become_zeros():
    holed = np.arange(12.0).reshape(3, 4)
    holed[1, 1] = np.nan
    for saliency in (holed, np.full((3, 4), 7.5), resize_map(np.full((2, 2), np.nan), (3, 4))):
        np.testing.assert_array_equal(normalize(saliency), np.zeros((3, 4)))


@given(st.integers(3, 40), st.integers(3, 40), st.floats(0.3, 3))
@examples
def test_center_gaussian_falls_with_the_distance_from_the_middle(height, width, sigma):
    gaussian = center_gaussian((height, width), sigma)
    assert (gaussian.min(), gaussian.max()) == (0, 1)
    np.testing.assert_array_equal(gaussian, gaussian[::-1, ::-1])
    y, x = np.mgrid[:height, :width]
    distance = (2 * y - height + 1) ** 2 + (2 * x - width + 1) ** 2
    order = np.argsort(distance.ravel())
    assert (np.diff(gaussian.ravel()[order]) <= 0).all()
    # e^(-1/2) of the way down at one deviation, that is sigma half sides
    wide = center_gaussian((201, 201), 0.5)
    assert wide[100, 150] == pytest.approx((np.exp(-0.5) - np.exp(-4)) / (1 - np.exp(-4)), abs=2e-2)


@examples
@given(arrays(np.float64, (3, 4), elements=st.floats(0, 1)))
def test_levels_are_rounded_down(saliency):
    levels = quantize(saliency)
    assert levels.dtype == np.uint8
    assert levels.tolist() == [[int(value * 255) for value in row] for row in saliency.tolist()]


@pytest.mark.parametrize(
    ("saliency", "message"),
    [
        (UNIT[:4], "saliency has shape (4, 8); give the evaluation size (8, 8), by resize_map"),
        (UNIT[None], "saliency has shape (1, 8, 8); give one map"),
        (np.zeros((0, 8)), "saliency has shape (0, 8); give one map"),
        (UNIT * 2, "saliency goes from 0.0 to 2.0; give 0 to 1, by normalize"),
        (UNIT - 1, "saliency goes from -1.0 to 0.0; give 0 to 1"),
        (UNIT * np.nan, "saliency goes from nan to nan; give 0 to 1"),
    ],
)
def test_maps_that_are_not_scored(saliency, message):
    np.testing.assert_array_equal(check_map(UNIT.tolist(), (8, 8)), UNIT)
    np.testing.assert_array_equal(check_map(UNIT[:4]), UNIT[:4])
    with pytest.raises(ValueError, match=re.escape(message)):
        check_map(saliency, (8, 8))


def test_what_the_protocol_has_no_rule_for_is_refused():
    with pytest.raises(ValueError, match=re.escape("saliency goes from 0.0 to inf")):
        normalize([[0, np.inf]])
    for sigma in (0, -1, np.nan):
        with pytest.raises(ValueError, match=f"sigma is {sigma}"):
            center_gaussian((8, 8), sigma)
