"""The pooled test against scipy's t, and its level, power and coverage in simulation."""

import numpy as np
import pytest
from scipy import stats

from nas.statistics.pooled import Pooled, detectable, heterogeneity, photos_needed, pool
from nas.statistics.resampling import LEAST_PHOTOS

VALUES = {
    "normal": (lambda generator, n: generator.normal(size=n), 0.0),
    "shares of a mean of 1/7": (lambda generator, n: generator.beta(1, 6, size=n), 1 / 7),
    "exponential": (lambda generator, n: generator.exponential(size=n), 1.0),
    "taus in fifths": (lambda generator, n: np.round(generator.uniform(-1, 1, size=n) * 5) / 5, 0.0),
    "gains over twelve methods": (
        lambda generator, n: (generator.binomial(12, 0.1, n) - generator.binomial(12, 0.1, n)) / 12, 0.0),
    "long tails": (lambda generator, n: generator.standard_t(3, size=n), 0.0),
    "taus near 1": (lambda generator, n: 1 - 2 * generator.beta(1, 4, size=n), 0.6),
}  # fmt: skip


def symmetric(n, mean, spread):
    half = np.linspace(0.1, 1, n // 2) * spread
    return mean + np.concatenate([half, -half])


def test_of_symmetric_values_it_is_students_t():
    sample = symmetric(24, 0.2, 0.7)
    found, expected = pool([sample], 0.05, 0.9), stats.ttest_1samp(sample, 0.05)
    assert (found.value, found.p) == pytest.approx((0.2, expected.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    assert (found.df, found.n, found.se) == pytest.approx((23, 24, stats.sem(sample)))


def test_data_sets_weigh_the_same_and_their_errors_add_up_as_welch_has_it():
    one, other = symmetric(30, 0.4, 1.0), symmetric(200, 0.0, 0.2)
    found = pool([one, other])
    expected = stats.ttest_ind(one, -other, equal_var=False)
    assert found.value == pytest.approx(0.2) and found.n == 230
    assert (found.p, found.df) == pytest.approx((expected.pvalue, expected.df))


def test_the_hull_and_the_larger_p_value_of_skewed_values_are_those_of_hall_or_of_t():
    sample = np.random.default_rng(0).exponential(size=40)
    found, plain = pool([sample], 1.0), stats.ttest_1samp(sample, 1.0)
    a = stats.skew(sample, bias=False) / np.sqrt(40)
    turned = plain.statistic + a * plain.statistic**2 / 3 + a**2 * plain.statistic**3 / 27 + a / 6
    assert found.p == pytest.approx(max(plain.pvalue, 2 * stats.t.sf(abs(turned), 39)))
    low, high = plain.confidence_interval(0.95)
    assert found.low == pytest.approx(low) and found.high > high + 0.01


@pytest.mark.parametrize("null", [-0.3, 0.0, 0.7])
def test_the_interval_leaves_out_what_the_test_rejects(null):
    generator = np.random.default_rng(int(100 * null) + 50)
    for _ in range(60):
        sample = generator.beta(1, 6, size=24) * generator.choice([-1, 1])
        found = pool([sample], sample.mean() + null * stats.sem(sample) * 4)
        inside = found.low <= sample.mean() + null * stats.sem(sample) * 4 <= found.high
        assert inside == (found.p >= 0.05)


def test_equal_values_are_as_sure_as_signs_can_be():
    same = pool([np.full(20, -1.0)])
    assert same == Pooled(-1.0, -1.0, -1.0, 2.0**-19, 0.0, 19.0, 20)
    assert pool([np.zeros(30)]).p == 1 and pool([np.full(5, 0.3)], 0.3).p == 1
    few = np.zeros(24)
    few[:2] = 0.5, 0.4999
    assert pool([few]).p >= 0.5


def test_one_photo_has_a_value_and_no_test():
    found = pool([np.array([0.3])])
    assert (found.value, found.n) == (0.3, 1) and np.isnan([found.low, found.high, found.p, found.se]).all()
    assert pool([np.array([0.3]), np.arange(20.0)]).n == 21 and np.isnan(pool([np.array([0.3]), np.arange(20.0)]).p)
    assert np.isnan(pool([]).value) and np.isnan(pool([np.zeros(0)]).value)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("datasets", [1, 2])
def test_the_level_holds_from_the_least_number_of_photos_on(name, datasets):
    draw, mean = VALUES[name]
    generator = np.random.default_rng(datasets)
    ps = np.array([pool([draw(generator, LEAST_PHOTOS) for _ in range(datasets)], mean).p for _ in range(4000)])
    # 5.5 of 100, and three standard errors of 4,000 samples
    assert np.mean(ps <= 0.05) <= 0.055 + 3 * np.sqrt(0.055 * 0.945 / len(ps))
    small = 0.05 / 36
    assert np.mean(ps <= small) <= 2 * small + 3 * np.sqrt(2 * small / len(ps))


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("n", [24, 200])
def test_intervals_cover_what_they_say(name, n):
    draw, mean = VALUES[name]
    generator = np.random.default_rng(n)
    found = [pool([draw(generator, n)]) for _ in range(3000)]
    covered = np.mean([each.low <= mean <= each.high for each in found])
    assert 0.92 <= covered <= 0.98


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_a_detectable_effect_is_found_in_so_many_repetitions(alpha):
    generator = np.random.default_rng(1)
    n = 60
    effect = detectable(Pooled(0, 0, 0, 1, 1 / np.sqrt(n), n - 1, n), alpha)
    ps = np.array([pool([generator.normal(effect, 1, n)]).p for _ in range(1500)])
    assert 0.74 <= np.mean(ps <= alpha) <= 0.86


def test_photos_that_an_effect_needs_show_it():
    generator, alpha = np.random.default_rng(2), 0.002
    needed = photos_needed(Pooled(0.3, 0, 0, 1, 1 / np.sqrt(24), 23, 24), 0.0, alpha)
    assert 130 < needed < 190
    ps = np.array([pool([generator.normal(0.3, 1, int(needed))]).p for _ in range(1500)])
    assert 0.74 <= np.mean(ps <= alpha) <= 0.86
    assert photos_needed(Pooled(0.3, 0, 0, 1, 0.1, 23, 24), 0.3, alpha) == np.inf


def test_heterogeneity_is_what_errors_do_not_explain():
    values, errors = np.array([0.1, 0.5, 0.3]), np.array([0.1, 0.1, 0.1])
    assert heterogeneity(values, errors) == pytest.approx(1 - 2 / 8)
    assert heterogeneity(np.array([0.1, 0.1]), np.array([0.1, 0.2])) == 0
    assert np.isnan(heterogeneity(np.array([0.1, np.nan]), np.array([0.1, 0.2])))
