"""Pixel average precision against sums over all pixels, at each threshold anew."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.localization.pixel_precision import PixelAveragePrecision, PooledHistograms
from nas.statistics.bootstrap import resample_parts

examples = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def plain_precision(scores, truths):
    scores, truths = np.array(scores), np.array(truths)
    if not truths.any():
        return np.nan
    area, last = 0.0, 0.0
    for threshold in [1.0, *np.arange(0, 1, 0.001)[::-1]]:
        predicted = truths[scores >= threshold]
        recall = predicted.sum() / truths.sum()
        if len(predicted):
            area += predicted.mean() * (recall - last)
        last = recall
    return area


@given(seeds)
@examples
def test_pixel_average_precision_sums_over_all_pixels(seed):
    rng = np.random.default_rng(seed)
    precision = PixelAveragePrecision(size=(8, 10))
    scores, truths = [], []
    for i in range(3):
        saliency = np.round(rng.random((8, 10)), 1) if i else np.round(rng.random((8, 10)), 3)
        masks = rng.random((2, 17, 33)) < 0.2
        ignore = rng.random((17, 33)) < 0.3
        nearest = np.ix_(np.arange(8) * 17 // 8, np.arange(10) * 33 // 10)
        precision.update(saliency, masks, ignore if i else None)
        shown = (masks[0] | masks[1])[nearest]
        kept = shown | ~ignore[nearest] if i else np.ones_like(shown)
        scores += saliency[kept].tolist()
        truths += shown[kept].tolist()
    assert precision.score() == pytest.approx(plain_precision(scores, truths), rel=1e-12, nan_ok=True)


@given(seeds)
@settings(examples, max_examples=15)
def test_histograms_of_parts_add_up_to_those_of_all_images_and_of_each_resample(seed):
    rng = np.random.default_rng(seed)
    n, step = int(rng.integers(2, 9)), int(rng.integers(1, 5))
    saliency, objects = np.round(rng.random((n, 6, 6)), 2), rng.random((n, 6, 6)) < 0.2
    histograms = []
    for values, mask in zip(saliency, objects, strict=True):
        precision = PixelAveragePrecision(size=(6, 6))
        precision.update(values, mask)
        assert precision.histograms_.sum(axis=1).tolist() == [mask.sum(), (~mask).sum()]
        histograms.append(precision.histograms_)
    pooled = PooledHistograms(12)
    for part, counts in resample_parts(n, 12, seed, step):
        pooled.update(np.stack(histograms)[part], counts)
    draws = [np.arange(n), *np.random.default_rng(seed).integers(n, size=(12, n))]
    expected = [plain_precision(saliency[drawn].ravel(), objects[drawn].ravel()) for drawn in draws]
    np.testing.assert_allclose(pooled.scores(), expected, rtol=1e-12)


def test_pixel_precision_of_perfect_and_constant_maps():
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 3:8] = 255
    for saliency, expected in ((mask / 255, 1.0), (np.zeros((8, 8)), 15 / 64), (np.ones((8, 8)), 15 / 64)):
        precision = PixelAveragePrecision(size=(8, 8))
        precision.update(saliency, mask)
        assert precision.score() == pytest.approx(expected, rel=1e-12)


def test_without_an_object_there_is_no_score():
    precision = PixelAveragePrecision(size=(8, 8))
    precision.update(np.ones((8, 8)), np.zeros((8, 8)))
    assert np.isnan(precision.score())
    ignored = PixelAveragePrecision(size=(8, 8))
    ignored.update(np.ones((8, 8)), np.eye(8), ignore=np.ones((8, 8)))  # unless they are object
    assert ignored.score() == 1 and ignored.histograms_.sum() == 8


@pytest.mark.parametrize(
    ("given_map", "masks", "ignore", "message"),
    [
        (np.zeros((8, 8)), np.zeros(8), None, "masks has shape (8,); give one mask (h, w), or one per object"),
        (np.zeros((8, 8)), np.zeros((0, 8, 8)), None, "masks has shape (0, 8, 8)"),
        (np.zeros((8, 8)), np.zeros((8, 8)), np.zeros(3), "ignore has shape (3,)"),
        (np.zeros((4, 8)), np.zeros((8, 8)), None, "saliency has shape (4, 8); give the evaluation size (8, 8)"),
        (np.full((8, 8), 2), np.zeros((8, 8)), None, "saliency goes from 2.0 to 2.0; give 0 to 1"),
    ],
)
def test_update_refuses(given_map, masks, ignore, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        PixelAveragePrecision(size=(8, 8)).update(given_map, masks, ignore)
