"""Hits added up over resamples against the images drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.localization.resamples import ResampledHits, mean_score
from nas.statistics.bootstrap import interval_of, resample_parts

examples = settings(max_examples=20, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def added(ious, least, n_resamples, seed, step=None):
    hits = ResampledHits(least, n_resamples)
    for part, counts in resample_parts(len(ious), n_resamples, seed, step):
        hits.update(ious[part].astype(np.float32), counts)
    return hits


def plain_scores(ious, iou, draws):
    return [(ious[drawn] >= iou).mean(axis=0).max() for drawn in draws]


@given(seeds)
@examples
def test_hits_of_parts_add_up_to_those_of_all_images(seed):
    rng = np.random.default_rng(seed)
    n, step = int(rng.integers(2, 30)), int(rng.integers(1, 9))
    ious = rng.random((n, 7))
    hits = added(ious, [0.2, 0.6], 25, seed, step)
    draws = [np.arange(n), *np.random.default_rng(seed).integers(n, size=(25, n))]
    assert list(hits.scores()) == [0.2, 0.6]
    for iou, scores in hits.scores().items():
        np.testing.assert_array_equal(scores, plain_scores(ious.astype(np.float32), np.float32(iou), draws))
        np.testing.assert_array_equal(hits.curve(iou), (ious >= iou).mean(axis=0))


@given(seeds)
@examples
def test_the_interval_of_a_difference_is_a_loop_over_resamples(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    a, b = rng.random((n, 12)), np.repeat(rng.random((n, 4)), 3, axis=1)
    one, other = (mean_score(list(added(ious, (0.3, 0.6), 50, seed).scores().values())) for ious in (a, b))
    found = interval_of(one - other, n, 0.8)

    def score(ious):
        return float(np.mean([(ious >= d).mean(0).max() for d in (0.3, 0.6)]))

    draws = np.random.default_rng(seed).integers(n, size=(50, n))
    differences = [score(a[drawn]) - score(b[drawn]) for drawn in draws]
    assert found.value == pytest.approx(score(a) - score(b), abs=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(differences, [0.1, 0.9])), abs=1e-12)
    assert found.n == n


def test_the_size_of_the_parts_changes_no_bit(monkeypatch):
    ious = np.random.default_rng(0).random((40, 10))
    whole = added(ious, [0.5], 90, 0).scores()[0.5]
    monkeypatch.setattr("nas.statistics.bootstrap.BATCH_VALUES", 7 * 40)
    assert np.array_equal(added(ious, [0.5], 90, 0).scores()[0.5], whole)


def test_resampled_scores_are_paired():
    ious = np.random.default_rng(1).random((30, 12))
    found = added(ious, [0.3, 0.6], 40, 2).scores()
    assert (found[0.3] >= found[0.6]).all()  # on the same images a laxer IoU is never missed more often
    np.testing.assert_array_equal(mean_score([found[0.3], found[0.6]]), (found[0.3] + found[0.6]) / 2)
    assert found[0.3][0] == (ious >= 0.3).mean(axis=0).max()
