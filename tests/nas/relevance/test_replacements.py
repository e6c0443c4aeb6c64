"""What is shown in place of pixels against scipy and numpy."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import normal
from scipy.ndimage import gaussian_filter

from nas.relevance.replacements import REPLACEMENTS, blur, channel_mean, zero


def test_replacements():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 9, 7)))
    expected = np.stack([[gaussian_filter(channel, 2.5, mode="reflect") for channel in image] for image in x.numpy()])
    np.testing.assert_allclose(blur(x, sigma=2.5), expected, atol=1e-12)
    np.testing.assert_allclose(
        channel_mean(x), np.broadcast_to(x.numpy().mean((2, 3), keepdims=True), x.shape), atol=1e-12
    )
    assert zero(x).shape == x.shape
    assert not zero(x).any()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_an_image_does_not_depend_on_the_others_and_one_colour_stays(height, width, seed):
    x = normal(seed, 3, 2, height, width)
    flat = x[:, :, :1, :1].expand_as(x)
    for name, replace in REPLACEMENTS.items():
        torch.testing.assert_close(replace(x[1:2]), replace(x)[1:2], rtol=0, atol=1e-12)
        torch.testing.assert_close(replace(flat), torch.zeros_like(flat) if name == "zero" else flat)
