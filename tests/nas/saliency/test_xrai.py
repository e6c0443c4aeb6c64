import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from skimage.morphology import disk
from skimage.segmentation import felzenszwalb

from nas.saliency.xrai import gather, segments


def plain_gather(
    attribution: NDArray[np.float64], masks: NDArray[np.bool_], min_gain: int
) -> tuple[NDArray[np.float64], list[float]]:
    """The greedy loop with nothing kept between rounds; also the means in the order taken."""
    covered = np.zeros(attribution.shape, dtype=bool)
    result = np.zeros_like(attribution)
    means = []
    while True:
        candidates = [mask & ~covered for mask in masks if (mask & ~covered).sum() >= min_gain]
        if not candidates:
            break
        best = max(candidates, key=lambda new: attribution[new].mean())
        means.append(attribution[best].mean())
        result[best] = means[-1]
        covered |= best
    if not covered.all():
        result[~covered] = attribution[~covered].mean()
    return result, means


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 9), st.floats(0.05, 0.9))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_gather_is_the_plain_greedy_loop(seed: int, n: int, min_gain: int, density: float) -> None:
    random = np.random.default_rng(seed)
    attribution = random.normal(size=(6, 7))
    masks = random.random((n, 6, 7)) < density
    before = masks.copy()
    result = gather(attribution, masks, min_gain)
    expected, means = plain_gather(attribution, masks, min_gain)
    np.testing.assert_allclose(result, expected, atol=1e-12)
    assert np.isclose(result.sum(), attribution.sum())
    assert (masks == before).all()
    if means:
        assert np.isclose(result.max(), means[0]) or result.max() > means[0] - 1e-12


def test_disjoint_masks_come_in_falling_order_of_density() -> None:
    random = np.random.default_rng(0)
    attribution = random.normal(size=(20, 20))
    bands = np.arange(20)[:, None] // 4 == np.arange(5)[:, None, None]
    masks = np.broadcast_to(bands, (5, 20, 20))
    _, means = plain_gather(attribution, masks, 1)
    assert means == sorted(means, reverse=True)
    result = gather(attribution, masks, 1)
    np.testing.assert_allclose(result[::4, 0], [attribution[masks[k]].mean() for k in range(5)])


def test_segments_cover_the_photo_at_each_scale_and_are_grown() -> None:
    photo = np.random.default_rng(1).random((6, 6, 3)).repeat(8, axis=0).repeat(8, axis=1)
    scales, stretched = (50, 500), 2 * (photo - photo.min()) / np.ptp(photo) - 1
    masks = segments(photo, scales, sigma=0.8, min_size=20, dilation=3)
    expected = []
    for scale in scales:
        labels = felzenszwalb(stretched, scale=scale, sigma=0.8, min_size=20)
        expected += [binary_dilation(labels == label, disk(3)) for label in range(labels.max() + 1)]
    np.testing.assert_array_equal(masks, np.stack(expected))
    assert masks.any(axis=0).all()
    assert (segments(photo, scales, 0.8, 20, dilation=0).sum(axis=0) == len(scales)).all()
