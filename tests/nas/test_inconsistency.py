import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from nas.inconsistency import outranking_share, pairwise_tau, rank_methods

fast = settings(max_examples=30, deadline=None, derandomize=True)


def test_ranks_share_ties_and_one_is_best():
    np.testing.assert_array_equal(rank_methods([[0.5, 0.9, 0.5, 0.1]]), [[2.5, 1, 2.5, 4]])


@fast
@given(st.integers(2, 4), st.integers(1, 5), st.integers(2, 5), st.integers(0, 1000), st.data())
def test_tau_is_scipys_in_every_resample(n_settings, n_images, n_methods, seed, data):
    shape = (n_settings, n_images, n_methods)
    scores = data.draw(arrays(np.int64, shape, elements=st.integers(0, 3)))
    found = pairwise_tau(scores, level=0.8, n_resamples=20, seed=seed)
    draws = np.random.default_rng(seed).integers(n_images, size=(20, n_images))
    for i in range(n_settings):
        for j in range(n_settings):
            sums = scores.sum(axis=1)
            np.testing.assert_allclose(found.tau[i, j], kendalltau(sums[i], sums[j]).statistic, atol=1e-12)
            taus = [kendalltau(scores[i, draw].sum(axis=0), scores[j, draw].sum(axis=0)).statistic for draw in draws]
            taus = [tau for tau in taus if not np.isnan(tau)]
            low, high = np.quantile(taus, [0.1, 0.9]) if taus and n_images > 1 else (np.nan, np.nan)
            np.testing.assert_allclose([found.low[i, j], found.high[i, j]], [low, high], atol=1e-12)


@fast
@given(arrays(np.int64, (2, 3, 4), elements=st.integers(0, 2)))
def test_outranking_share_counts_ties_half(scores):
    expected = [
        [[np.mean([(row[c] > row[m]) + 0.5 * (row[c] == row[m]) for row in setting]) for m in (0, 2)] for c in (1, 3)]
        for setting in scores
    ]
    np.testing.assert_allclose(outranking_share(scores, [False, True, False, True]), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rank_methods([1.0, np.nan]), "scores has shape"),
        (lambda: pairwise_tau(np.zeros((2, 3))), "scores has shape"),
        (lambda: pairwise_tau(np.zeros((2, 3, 4)), level=1), "level is 1"),
        (lambda: outranking_share(np.zeros((3, 2)), [True, True]), "controls is"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
