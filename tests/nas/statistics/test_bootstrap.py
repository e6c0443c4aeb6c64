import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.statistics.bootstrap import (
    _only_block,
    bootstrap_statistic,
    interval,
    interval_of,
    paired_bootstrap,
    resample_counts,
    resample_parts,
)
from nas.statistics.holm import holm_correction
from nas.statistics.p_values import bootstrap_p_value, sign_flip_p_value
from nas.statistics.rankings import kendall_tau, spearman

random = settings(max_examples=30, deadline=None, derandomize=True)
seeds = st.integers(0, 1000)


def vectors(minimum, maximum):
    """Vectors with ties."""
    return hnp.arrays(np.float64, st.integers(minimum, maximum), elements=st.integers(-4, 4))


def pairs(minimum, maximum):
    shapes = st.tuples(st.just(2), st.integers(minimum, maximum))
    return hnp.arrays(np.float64, shapes, elements=st.integers(-4, 4))


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
    assert math.isnan(found.mean) == (len(values) == 0)
    assert math.isnan(found.low) == math.isnan(found.high) == (len(values) < 2)


@random
@given(pairs(2, 12), seeds)
def test_paired_bootstrap_is_the_interval_of_the_complete_differences(ab, seed):
    a, b = ab
    expected = interval(a - b, n_resamples=100, seed=seed)
    gappy_a, gappy_b = np.r_[a, np.nan, 1.0], np.r_[b, 1.0, np.nan]
    assert paired_bootstrap(gappy_a, gappy_b, n_resamples=100, seed=seed) == expected
    swapped = paired_bootstrap(b, a, n_resamples=100, seed=seed)
    assert swapped == pytest.approx((-expected.mean, -expected.high, -expected.low, expected.n), abs=1e-12)


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
    monkeypatch.setattr(statistics, "BATCH_VALUES", 5 * 40 * 7)
    assert estimate() == found


def test_an_observation_missing_from_one_method_is_dropped_from_all():
    table = np.array([[1.0, 2.0, np.nan, 4.0], [5.0, 7.0, 6.0, 9.0]])
    found = bootstrap_statistic(lambda rows, axis: rows.mean(axis=axis).sum(axis=0), table)
    assert found.n == 3 and found.value == pytest.approx(7 / 3 + 21 / 3)


@random
@given(vectors(1, 8), st.integers(256, 10_000))
def test_sign_flips_are_counted_exactly_for_few_differences(differences, n_permutations):
    size = len(differences)
    flipped = [abs(np.dot(signs, differences)) for signs in itertools.product([-1, 1], repeat=size)]
    expected = np.mean(np.array(flipped) >= abs(differences.sum()))
    gappy = np.r_[np.nan, differences]
    assert sign_flip_p_value(gappy, n_permutations) == pytest.approx(expected)


def test_sampled_sign_flips_come_near_the_exact_p_value():
    differences = np.random.default_rng(1).normal(0.2, 1, 14)
    exact = sign_flip_p_value(differences, 2**14)
    sampled = sign_flip_p_value(differences, 8000, seed=1)
    assert 0.01 < exact < 0.9 and sampled != exact
    assert sampled == pytest.approx(exact, abs=10 * math.sqrt(exact * (1 - exact) / 8000))
    assert sign_flip_p_value(np.ones(60), 999) == pytest.approx(2 / 1000)
    assert math.isnan(sign_flip_p_value([np.nan]))


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
@given(st.lists(st.floats(0, 1), max_size=7).map(np.array), st.floats(0.001, 0.999))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, alpha):
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if (len(p_values) - step) * p_values[index] > alpha:
            break
        rejected[index] = True
    adjusted = holm_correction(p_values)
    np.testing.assert_array_equal(adjusted <= alpha, rejected)
    assert np.all(adjusted >= p_values) and np.all(adjusted <= 1)
    gappy = holm_correction(np.r_[np.nan, p_values])
    assert math.isnan(gappy[0])
    np.testing.assert_array_equal(gappy[1:], adjusted)


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
        (lambda: kendall_tau([1, 2], [[1, 2]]), r"b \(1, 2\)"),
        (lambda: interval([1, 2], level=95), "level is 95; give a confidence between 0 and 1"),
        (lambda: interval([1, 2], n_resamples=0), "n_resamples is 0"),
        (lambda: sign_flip_p_value([1, 2], 0), "n_permutations is 0"),
        (lambda: holm_correction([0.2, 1.5]), r"p_values lie in \[0.2, 1.5\]"),
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
    monkeypatch.setattr(statistics, "BATCH_VALUES", 2 * 6)
    np.testing.assert_array_equal(np.concatenate(list(resample_counts(6, 9, seed=7))), expected)


def test_bootstrap_p_value_agrees_with_the_interval():
    above = np.append(0.5, np.linspace(-0.01, 1, 1000))  # 10 of 1000 replicates at or below 0
    assert bootstrap_p_value(above) == pytest.approx(2 * 11 / 1001)
    assert interval_of(above, n=30, level=0.95).low > 0
    assert bootstrap_p_value(-above) == bootstrap_p_value(above)
    assert bootstrap_p_value(np.zeros(11)) == 1
    assert np.isnan(interval_of(above, n=1).low)


@random
@given(st.integers(1, 40), st.integers(1, 12), seeds, st.integers(1, 50), st.integers(1, 60), st.integers(1, 40))
def test_counts_of_parts_are_those_of_all_observations(n, n_resamples, seed, batch, drawn, largest):
    draws = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    expected = np.stack([np.bincount(draw, minlength=n) for draw in draws])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "BATCH_VALUES", batch)
        patch.setattr(statistics, "DRAWN_VALUES", drawn)
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
