"""Label maps as pictures, against loops over regions and pixels."""

import matplotlib as mpl
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2gray

from nas.report.painting import by_luminance, mean_colour

many = settings(max_examples=40, deadline=None, derandomize=True)
SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 7))


@st.composite
def segmented(draw):
    """Regions, contiguous or not, and a photo of the same size."""
    shape = draw(SHAPES)
    photo = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, (*shape, 3), np.uint8)
    return draw(arrays(np.int32, shape, elements=st.integers(0, 5))), photo


@many
@given(drawn=segmented())
def test_the_brighter_a_region_the_further_it_is_along_the_map(drawn):
    labels, photo = drawn
    painted, grey = by_luminance(labels, photo), rgb2gray(photo)
    names = sorted(np.unique(labels), key=lambda name: grey[labels == name].mean())
    ends = mpl.colormaps["viridis"](np.linspace(0, 1, len(names)))[:, :3]
    means = [grey[labels == name].mean() for name in names]
    if np.diff(means).min(initial=1) > 1e-9:
        for name, colour in zip(names, ends, strict=True):
            np.testing.assert_array_equal(painted[labels == name], np.broadcast_to(colour, ((labels == name).sum(), 3)))
    assert len(np.unique(painted.reshape(-1, 3), axis=0)) == len(names)


@many
@given(drawn=segmented())
def test_regions_have_their_mean_colour_and_white_borders(drawn):
    labels, photo = drawn
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)
    painted, large = mean_colour(labels, photo), np.kron(labels, np.ones((2, 2), np.int32))
    assert painted.shape == (*large.shape, 3) and painted.dtype == np.uint8
    for i, j in np.ndindex(large.shape):
        inside = photo[labels == large[i, j]].mean(axis=0)
        white = (painted[i, j] == 255).all()
        assert white or np.abs(painted[i, j] - inside).max() <= 0.5 + 1e-3
        around = [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
        others = [large[a, b] for a, b in around if a in range(len(large)) and b in range(large.shape[1])]
        if all(other == large[i, j] for other in others):
            assert not white or (inside > 254).all()
    pairs = [(large[:, :-1] != large[:, 1:], painted[:, :-1], painted[:, 1:]), (large[:-1] != large[1:], painted[:-1],
             painted[1:])]  # fmt: skip
    for differ, one, other in pairs:  # two regions never touch without white between them
        assert ((one[differ] == 255).all(axis=-1) | (other[differ] == 255).all(axis=-1)).all()
