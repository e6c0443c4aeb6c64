"""Regions of label maps against loops over their pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from plain import flood

from nas.superpixels import regions

random = settings(max_examples=40, deadline=None, derandomize=True)


def integers(dims, side):
    shapes = hnp.array_shapes(min_dims=dims, max_dims=dims, max_side=side)
    return hnp.arrays(np.int64, shapes, elements=st.integers(-1, 2))


label_maps, batches = integers(2, 9), integers(3, 6)


def renamed(labels):
    names = list(dict.fromkeys(labels.ravel().tolist()))
    return np.array([names.index(label) for label in labels.ravel()]).reshape(labels.shape)


@random
@given(label_maps)
def test_components_are_those_of_a_flood_fill_in_raster_order(labels):
    found = regions.components(labels)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, flood(labels))


@random
@given(label_maps)
def test_relabel_counts_labels_in_order_of_first_appearance(labels):
    np.testing.assert_array_equal(regions.relabel(labels), renamed(labels))


@random
@given(batches)
def test_a_batch_is_its_images_one_by_one(labels):
    np.testing.assert_array_equal(regions.components(labels), [flood(image) for image in labels])
    np.testing.assert_array_equal(regions.relabel(labels), [renamed(image) for image in labels])
    np.testing.assert_array_equal(regions.boundaries(labels), [regions.boundaries(image) for image in labels])


@st.composite
def saliency_and_regions(draw):
    """Saliency (B, M, H, W) with a batch of region maps, which differ in their counts."""
    labels = draw(batches)
    shape = (len(labels), draw(st.integers(1, 3)), *labels.shape[1:])
    saliency = draw(hnp.arrays(np.float32, shape, elements=st.floats(-1, 1, width=32)))
    return saliency, regions.relabel(labels)


@random
@given(saliency_and_regions())
def test_means_against_loops_over_regions(drawn):
    saliency, ids = drawn
    means = regions.means(saliency, ids)
    assert means.dtype == np.float64 and means.shape[-1] == ids.max() + 1
    for b, image in enumerate(ids):
        for region in range(ids.max() + 1):
            inside = image == region
            for m in range(saliency.shape[1]):
                if inside.any():
                    expected = saliency[b, m][inside].astype(np.float64).mean()
                    np.testing.assert_allclose(means[b, m, region], expected, rtol=1e-12, atol=1e-12)
                else:
                    assert np.isnan(means[b, m, region])


@random
@given(label_maps)
def test_boundaries_against_a_loop(labels):
    found = regions.boundaries(labels)
    height, width = labels.shape
    for i, j in np.ndindex(height, width):
        right = j + 1 < width and labels[i, j] != labels[i, j + 1]
        below = i + 1 < height and labels[i, j] != labels[i + 1, j]
        assert found[i, j] == (right or below)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[0, 2], [2, 0]], "2 different ids between 0 and 2"),
        ([[-1, 0], [0, 1]], "between -1 and 1"),
        ([[0, 1], [1, 2**40]], "nas.superpixels.regions.relabel"),
        ([[[0, 0], [0, 1]], [[1, 1], [1, 1]]], "in each image"),
        ([[0.0, 1.0]], "dtype float64"),
        ([0, 1], r"shape \(2,\)"),
        (np.zeros((0, 3), int), "not empty"),
    ],
)
def test_region_maps_that_are_refused(ids, message):
    ids = np.array(ids)
    for call in (regions.check, lambda wrong: regions.means(np.zeros(wrong.shape), wrong)):
        with pytest.raises(ValueError, match=message) as error:
            call(ids)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(3, 2, 4, 4), (2, 4, 5), (4, 4), (16,), (2, 3, 5, 4)])
def test_saliency_must_fit_a_batch_of_two_4x4_region_maps(shape):
    with pytest.raises(ValueError, match=r"saliency has shape .* and regions \(2, 4, 4\)"):
        regions.means(np.zeros(shape), np.zeros((2, 4, 4), int))


def test_integer_saliency_is_refused():
    with pytest.raises(ValueError, match="dtype int64"):
        regions.means(np.zeros((4, 4), np.int64), np.zeros((4, 4), int))
