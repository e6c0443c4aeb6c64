import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.statistics.bootstrap import (
    resample_counts,
)
from nas.statistics.rankings import (
    check_finite,
    kendall_tau,
    pairwise_tau,
    photo_taus,
    ranking_agreement,
    ranking_replicates,
    spearman,
)

random = settings(max_examples=30, deadline=None, derandomize=True)


def pairs(minimum, maximum):
    shapes = st.tuples(st.just(2), st.integers(minimum, maximum))
    return hnp.arrays(np.float64, shapes, elements=st.integers(-4, 4))


def plain_tau(a, b):
    """Kendall's tau-b by counting concordant and discordant pairs."""
    agreement, untied_a, untied_b = 0, 0, 0
    for i, j in itertools.combinations(range(len(a)), 2):
        agreement += np.sign(a[i] - a[j]) * np.sign(b[i] - b[j])
        untied_a += a[i] != a[j]
        untied_b += b[i] != b[j]
    return agreement / math.sqrt(untied_a * untied_b) if untied_a and untied_b else math.nan


def plain_spearman(a, b):
    """Pearson's correlation of ranks, where equal values share their mean rank."""
    ranks = [[sum(x < y for x in v) + (sum(x == y for x in v) + 1) / 2 for y in v] for v in (a, b)]
    return np.corrcoef(ranks)[0, 1] if np.ptp(a) and np.ptp(b) else math.nan


@random
@given(pairs(2, 9))
def test_rank_correlations_against_their_definitions(ab):
    a, b = ab
    gappy_a, gappy_b = np.r_[a, np.nan, 1.0], np.r_[b, 1.0, np.nan]
    for correlation, plain in ((kendall_tau, plain_tau), (spearman, plain_spearman)):
        assert correlation(a, b) == pytest.approx(plain(a, b), abs=1e-12, nan_ok=True)
        np.testing.assert_equal(correlation(gappy_a, gappy_b), correlation(a, b))
        table = correlation(np.stack([a, b, -a], axis=1), np.stack([b, b, b], axis=1), axis=0)
        assert table == pytest.approx([plain(a, b), plain(b, b), plain(-a, b)], abs=1e-12, nan_ok=True)


@random
@given(st.integers(2, 4), st.integers(1, 5), st.integers(2, 5), st.integers(0, 1000), st.data())
def test_tau_is_scipys_in_every_resample(n_settings, n_images, n_methods, seed, data):
    shape = (n_settings, n_images, n_methods)
    scores = data.draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 3)))
    found = pairwise_tau(scores, level=0.8, n_resamples=20, seed=seed)
    draws = np.random.default_rng(seed).integers(n_images, size=(20, n_images))
    for i in range(n_settings):
        for j in range(n_settings):
            sums = scores.sum(axis=1)
            np.testing.assert_allclose(found.tau[i, j], scipy.stats.kendalltau(sums[i], sums[j]).statistic, atol=1e-12)
            taus = [
                scipy.stats.kendalltau(scores[i, draw].sum(axis=0), scores[j, draw].sum(axis=0)).statistic
                for draw in draws
            ]
            taus = [tau for tau in taus if not np.isnan(tau)]
            low, high = np.quantile(taus, [0.1, 0.9]) if taus and n_images > 1 else (np.nan, np.nan)
            np.testing.assert_allclose([found.low[i, j], found.high[i, j]], [low, high], atol=1e-12)


@random
@given(hnp.arrays(np.int64, (2, 5, 4), elements=st.integers(0, 3)), st.integers(0, 1000))
def test_replicates_begin_with_the_sample_and_intervals_are_their_quantiles(scores, seed):
    replicates = ranking_replicates(scores, n_resamples=50, seed=seed)
    found = pairwise_tau(scores, level=0.9, n_resamples=50, seed=seed)
    assert replicates.shape == (51, 2, 2)
    np.testing.assert_array_equal(replicates[0], found.tau)
    known = replicates[1:, 0, 1][~np.isnan(replicates[1:, 0, 1])]
    expected = np.quantile(known, [0.05, 0.95]) if len(known) else (np.nan, np.nan)
    np.testing.assert_allclose([found.low[0, 1], found.high[0, 1]], expected, atol=1e-12)
    between = ranking_agreement(scores[0], scores[1], 0.9, 50, seed)
    np.testing.assert_allclose(between, [found.tau[0, 1], *expected, 5], atol=1e-12)


def test_agreement_of_rankings_ignores_the_scale_and_sees_the_order():
    scores = np.random.default_rng(0).random((6, 5))
    assert ranking_agreement(scores, 3 * scores - 1).value == 1
    assert ranking_agreement(scores, -scores) == (-1, -1, -1, 6)


def test_settings_one_by_one_rank_as_all_at_once():
    scores = np.random.default_rng(5).random((4, 31, 6))
    counts = np.concatenate(list(resample_counts(31, 70, 9)))
    sums = np.concatenate([scores.sum(axis=1)[None], np.einsum("rn,snm->rsm", counts, scores)]).round(9)
    expected = [[[scipy.stats.kendalltau(a, b).statistic for b in each] for a in each] for each in sums]
    np.testing.assert_allclose(ranking_replicates(scores, 70, 9), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kendall_tau([1, 2], [[1, 2]]), r"b \(1, 2\)"),
        (lambda: pairwise_tau(np.zeros((2, 3))), r"scores has shape \(2, 3\); give at least 3 axes"),
        (lambda: check_finite(np.zeros((2, 0)), 2), "scores has shape .*not empty"),
        (lambda: check_finite([1.0, np.nan], 1), "scores has shape .*of finite values"),
        (lambda: pairwise_tau(np.zeros((2, 3, 4)), level=1), "level is 1"),
        (lambda: ranking_agreement(np.zeros((2, 3)), np.zeros((3, 3))), "a has shape"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_taus_of_photos_are_those_of_each_alone():
    scores = np.random.default_rng(0).integers(0, 4, (3, 5, 6)).astype(float)
    scores[1, 2] = 1.0  # a setting that ranks all methods of an image equal
    found = photo_taus(scores)
    assert found.shape == (5, 3, 3)
    for image in range(5):
        for i, j in itertools.product(range(3), repeat=2):
            assert found[image, i, j] == pytest.approx(plain_tau(scores[i, image], scores[j, image]), nan_ok=True)


def test_finite_scores_are_the_same_in_float64():
    checked = check_finite([[1, 2], [3, 4]], 1)
    assert checked.dtype == np.float64 and checked.tolist() == [[1, 2], [3, 4]]
