"""Averages inside regions against loops over the regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.saliency import averaging
from nas.superpixels import regions

random = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def saliency_and_regions(draw):
    """Saliency (B, M, H, W) with a batch of region maps, which differ in their counts."""
    shapes = hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)
    labels = draw(hnp.arrays(np.int64, shapes, elements=st.integers(-1, 2)))
    shape = (len(labels), draw(st.integers(1, 3)), *labels.shape[1:])
    saliency = draw(hnp.arrays(np.float32, shape, elements=st.floats(-1, 1, width=32)))
    return saliency, regions.relabel(labels)


@random
@given(saliency_and_regions())
def test_every_pixel_has_the_mean_of_its_region(drawn):
    saliency, ids = drawn
    average = averaging.average(saliency, ids)
    assert average.dtype == np.float32 and average.shape == saliency.shape
    for b, image in enumerate(ids):
        for region in range(image.max() + 1):
            inside = image == region
            for m in range(saliency.shape[1]):
                expected = saliency[b, m][inside].astype(np.float64).mean()
                np.testing.assert_allclose(average[b, m][inside], expected, rtol=1e-6, atol=1e-6)


@random
@given(saliency_and_regions())
def test_one_region_map_serves_many_saliency_maps(drawn):
    saliency, ids = drawn
    shared = averaging.average(saliency, ids[0])
    assert shared.shape == saliency.shape
    for index in np.ndindex(saliency.shape[:2]):
        np.testing.assert_array_equal(shared[index], averaging.average(saliency[index], ids[0]))
    np.testing.assert_allclose(averaging.average(shared, ids[0]), shared, rtol=1e-6, atol=1e-7)


def test_a_mean_is_not_lost_to_float32():
    saliency = np.full((1000, 1000), 0.1, dtype=np.float32)
    np.testing.assert_array_equal(averaging.average(saliency, np.zeros((1000, 1000), int)), saliency)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[0, 2], [2, 0]], "2 different ids between 0 and 2"),
        ([[[0, 0], [0, 1]], [[1, 1], [1, 1]]], "in each image"),
        ([[0.0, 1.0]], "dtype float64"),
        ([0, 1], r"shape \(2,\)"),
    ],
)
def test_region_maps_that_are_refused(ids, message):
    ids = np.array(ids)
    with pytest.raises(ValueError, match=message) as error:
        averaging.average(np.zeros(ids.shape), ids)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(3, 2, 4, 4), (2, 4, 5), (4, 4), (16,), (2, 3, 5, 4)])
def test_saliency_must_fit_a_batch_of_two_4x4_region_maps(shape):
    with pytest.raises(ValueError, match=r"saliency has shape .* and regions \(2, 4, 4\)"):
        averaging.average(np.zeros(shape), np.zeros((2, 4, 4), int))


def test_integer_saliency_is_refused():
    with pytest.raises(ValueError, match="dtype int64"):
        averaging.average(np.zeros((4, 4), np.int64), np.zeros((4, 4), int))
