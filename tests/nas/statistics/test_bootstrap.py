import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.statistics import bootstrap
from nas.statistics.bootstrap import (
    _only_block,
    bootstrap_statistic,
    interval,
    interval_of,
    paired_bootstrap,
    resample_counts,
    resample_parts,
)
from nas.statistics.p_values import sign_flip_p_value
from nas.statistics.rankings import kendall_tau

random = settings(max_examples=30, deadline=None, derandomize=True)


seeds = st.integers(0, 1000)


def vectors(minimum, maximum):
    """Vectors with ties."""
    return hnp.arrays(np.float64, st.integers(minimum, maximum), elements=st.integers(-4, 4))


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


@random
@given(vectors(2, 12), seeds, st.sampled_from([0.5, 0.9, 0.95]))
def test_interval_is_the_percentiles_of_resampled_means(values, seed, level):
    found = interval(values, level, 300, seed)
    library = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=300,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    assert found == pytest.approx((values.mean(), *library, len(values)), abs=1e-12)


def test_interval_of_three_values_against_all_27_resamples():
    values = np.array([0.0, 1.0, 5.0])
    means = [np.mean(draw) for draw in itertools.product(values, repeat=3)]
    found = interval(values, level=0.8, n_resamples=20_000)
    assert found.low == pytest.approx(np.quantile(means, 0.1)) and found.high == pytest.approx(np.quantile(means, 0.9))


def test_intervals_cover_the_true_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    intervals = [interval(rng.normal(size=50), 0.8, 300, seed) for seed in range(400)]
    covered = np.mean([found.low <= 0 <= found.high for found in intervals])
    # the binomial standard error is 0.02; percentile intervals of 50 values cover a point too little
    assert 0.73 < covered < 0.86


@random
@given(vectors(0, 9), st.integers(1, 4), seeds)
def test_nan_are_dropped_and_few_values_have_no_interval(values, gaps, seed):
    gappy = np.insert(values, np.linspace(0, len(values), gaps).astype(int), np.nan)
    found = interval(gappy, n_resamples=50, seed=seed)
    np.testing.assert_equal(found, interval(values, n_resamples=50, seed=seed))
    assert found.n == len(values)
    assert math.isnan(found.value) == (len(values) == 0)
    assert math.isnan(found.low) == math.isnan(found.high) == (len(values) < 2)


@random
@given(pairs(2, 12), seeds)
def test_paired_bootstrap_is_the_interval_of_the_complete_differences(ab, seed):
    a, b = ab
    expected = interval(a - b, n_resamples=100, seed=seed)
    gappy_a, gappy_b = np.r_[a, np.nan, 1.0], np.r_[b, 1.0, np.nan]
    assert paired_bootstrap(gappy_a, gappy_b, n_resamples=100, seed=seed) == expected
    swapped = paired_bootstrap(b, a, n_resamples=100, seed=seed)
    assert swapped == pytest.approx((-expected.value, -expected.high, -expected.low, expected.n), abs=1e-12)


@random
@given(pairs(2, 8), seeds)
def test_bootstrap_statistic_against_a_loop_over_resamples(ab, seed):
    a, b = ab
    found = bootstrap_statistic(kendall_tau, a, b, level=0.9, n_resamples=60, seed=seed)
    draws = np.random.default_rng(seed).integers(0, a.size, (60, a.size))
    taus = [plain_tau(a[draw], b[draw]) for draw in draws]
    taus = [tau for tau in taus if not math.isnan(tau)]
    expected = np.quantile(taus, [0.05, 0.95]) if taus else [math.nan, math.nan]
    assert found == pytest.approx((plain_tau(a, b), *expected, a.size), abs=1e-12, nan_ok=True)


def test_observations_are_resampled_as_one_across_methods_and_arrays(monkeypatch):
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 5, 40))

    def tau_of_mean_ranks(a, b, axis):
        return kendall_tau(a.mean(axis=axis), b.mean(axis=axis), axis=0)

    def estimate():
        return bootstrap_statistic(tau_of_mean_ranks, one, other, n_resamples=80, seed=3)

    found = estimate()
    draws = np.random.default_rng(3).integers(0, 40, (80, 40))
    taus = [plain_tau(one[:, draw].mean(axis=1), other[:, draw].mean(axis=1)) for draw in draws]
    assert found[1:3] == pytest.approx(np.quantile(taus, [0.025, 0.975]))
    monkeypatch.setattr(bootstrap, "DRAWN_VALUES", 5 * 40 * 7)
    assert estimate() == found


def test_an_observation_missing_from_one_method_is_dropped_from_all():
    table = np.array([[1.0, 2.0, np.nan, 4.0], [5.0, 7.0, 6.0, 9.0]])
    found = bootstrap_statistic(lambda rows, axis: rows.mean(axis=axis).sum(axis=0), table)
    assert found.n == 3 and found.value == pytest.approx(7 / 3 + 21 / 3)


def test_the_same_seed_gives_the_same_bytes_whatever_was_drawn_before():
    values = np.random.default_rng(2).random(30)

    def results(seed):
        return np.array(
            [
                *interval(values, seed=seed),
                *bootstrap_statistic(np.median, values, seed=seed),
                sign_flip_p_value(values - 0.4, seed=seed),
            ]
        )

    first = results(5)
    np.random.default_rng(5).random(100)
    interval(values[:7], seed=5)
    assert results(5).tobytes() == first.tobytes()
    assert results(6).tobytes() != first.tobytes()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_bootstrap([1, 2], [1, 2, 3]), r"a has shape \(2,\) and b \(3,\)"),
        (lambda: interval([1, 2], level=95), "level is 95; give a confidence between 0 and 1"),
        (lambda: interval([1, 2], n_resamples=0), "n_resamples is 0"),
        (lambda: bootstrap_statistic(np.mean, [1, 2], [1]), r"shapes \[\(2,\), \(1,\)\]"),
        (lambda: bootstrap_statistic(np.mean), r"shapes \[\]"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_resample_counts_are_those_of_a_bootstrap(monkeypatch):
    draws = np.random.default_rng(7).integers(6, size=(9, 6))
    expected = [np.bincount(draw, minlength=6) for draw in draws]
    np.testing.assert_array_equal(np.concatenate(list(resample_counts(6, 9, seed=7))), expected)
    monkeypatch.setattr(bootstrap, "BATCH_VALUES", 2 * 6)
    monkeypatch.setattr(bootstrap, "DRAWN_VALUES", 2 * 6)
    assert [len(counts) for counts in resample_counts(6, 9, seed=7)] == [2, 2, 2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(list(resample_counts(6, 9, seed=7))), expected)


@random
@given(st.integers(1, 40), st.integers(1, 12), seeds, st.integers(1, 50), st.integers(1, 60), st.integers(1, 40))
def test_counts_of_parts_are_those_of_all_observations(n, n_resamples, seed, batch, drawn, largest):
    draws = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    expected = np.stack([np.bincount(draw, minlength=n) for draw in draws])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "BATCH_VALUES", batch)
        patch.setattr(bootstrap, "DRAWN_VALUES", drawn)
        for limit in (None, largest):
            parts = list(resample_parts(n, n_resamples, seed, limit))
            assert [i for part, _ in parts for i in range(n)[part]] == list(range(n))
            assert all(counts.shape[1] <= max(1, batch // n_resamples, n * (n * n_resamples <= batch)) and
                       (limit is None or counts.shape[1] <= limit) for _, counts in parts)  # fmt: skip
            np.testing.assert_array_equal(np.concatenate([counts for _, counts in parts], axis=1), expected)
        np.testing.assert_array_equal(np.concatenate(list(resample_counts(n, n_resamples, seed))), expected)
    _only_block.cache_clear()


def test_no_resamples_are_refused_by_name():
    with pytest.raises(ValueError, match="n_resamples is 0; give 1 or more"):
        next(resample_parts(3, 0))


@random
@given(hnp.arrays(np.float64, st.integers(2, 30), elements=st.floats(-9, 9)), st.integers(1, 50), st.floats(0.1, 0.9))
def test_the_interval_of_replicates_is_between_their_quantiles(replicates, n, level):
    found = interval_of(replicates, n, level)
    assert (found.value, found.n) == (replicates[0], n)
    low, high = np.quantile(replicates[1:], [(1 - level) / 2, (1 + level) / 2])
    np.testing.assert_array_equal([found.low, found.high], [low, high] if n > 1 else [np.nan, np.nan])
    with pytest.raises(ValueError, match="level is 1; give a confidence between 0 and 1"):
        interval_of(replicates, n, 1)
