import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.data.label_maps import IGNORED, instances_of, resize_labels, shows_object

random = settings(max_examples=40, deadline=None, derandomize=True)
KINDS = st.sampled_from([np.uint8, np.uint16, np.int64, np.bool_])
SHAPES = hnp.array_shapes(min_dims=2, max_dims=4, max_side=6)


@random
@given(st.data(), KINDS, SHAPES, st.integers(1, 17), st.integers(1, 17))
def test_resize_takes_the_pixel_under_each_new_centre(data, kind, shape, height, width):
    labels = data.draw(hnp.arrays(kind, shape))
    h, w = shape[-2:]
    found = resize_labels(labels, (height, width))
    assert found.dtype == kind and found.shape == (*shape[:-2], height, width)
    for i, j in np.ndindex(height, width):
        # the centre of output pixel i lies at (i + 1/2) h / H of the input, whose pixel r covers [r, r + 1)
        r = max(r for r in range(h) if 2 * r * height <= (2 * i + 1) * h)
        c = max(c for c in range(w) if 2 * c * width <= (2 * j + 1) * w)
        np.testing.assert_array_equal(found[..., i, j], labels[..., r, c])


@pytest.mark.parametrize(("old", "new"), [((7, 28), (224, 224)), ((224, 224), (28, 14)), ((48, 32), (224, 200))])
def test_resize_is_torch_nearest_exact(old, new):
    labels = np.random.default_rng(0).integers(0, 9, old)
    expected = torch.nn.functional.interpolate(torch.from_numpy(labels)[None, None].double(), new, mode="nearest-exact")
    np.testing.assert_array_equal(resize_labels(labels, new), expected[0, 0].numpy())


@random
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)), st.integers(1, 4))
def test_a_map_made_larger_by_a_whole_factor_comes_back(labels, factor):
    larger = resize_labels(labels, (factor * labels.shape[0], factor * labels.shape[1]))
    np.testing.assert_array_equal(larger, labels.repeat(factor, axis=0).repeat(factor, axis=1))
    np.testing.assert_array_equal(resize_labels(larger, labels.shape), labels)


def test_the_ignored_level_is_the_last_that_a_mask_can_hold():
    assert np.iinfo(np.uint8).max == IGNORED


@pytest.mark.parametrize(
    ("labels", "size", "message"),
    [
        (np.zeros(4), (2, 2), r"labels has shape \(4,\); give label maps of shape"),
        (np.zeros((3, 0, 4)), (2, 2), r"labels has shape \(3, 0, 4\); give label maps .*, not empty"),
        (np.zeros((3, 4)), (2, 0), r"size is \(2, 0\); give \(H, W\), both at least 1 pixel"),
        (np.zeros((3, 4)), (2,), r"size is \(2,\); give \(H, W\)"),
    ],
)
def test_maps_and_sizes_that_are_refused(labels, size, message):
    with pytest.raises(ValueError, match=message):
        resize_labels(labels, size)


@random
@given(st.data(), st.sampled_from([np.uint8, np.uint16, np.int64]), SHAPES)
def test_an_object_is_what_is_neither_background_nor_ignored(data, kind, shape):
    labels = data.draw(hnp.arrays(kind, shape, elements=st.sampled_from([0, 1, 2, 254, IGNORED])))
    expected = [value not in (0, IGNORED) for value in labels.flat]
    assert shows_object(labels).ravel().tolist() == expected and shows_object(labels).shape == shape
    assert instances_of(labels).tolist() == sorted(set(labels.flat) - {0, IGNORED})
