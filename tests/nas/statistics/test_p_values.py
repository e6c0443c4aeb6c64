import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.statistics.bootstrap import (
    interval_of,
)
from nas.statistics.p_values import bootstrap_p_value, sign_flip_p_value

random = settings(max_examples=30, deadline=None, derandomize=True)


def vectors(minimum, maximum):
    """Vectors with ties."""
    return hnp.arrays(np.float64, st.integers(minimum, maximum), elements=st.integers(-4, 4))


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


def test_bootstrap_p_value_agrees_with_the_interval():
    above = np.append(0.5, np.linspace(-0.01, 1, 1000))  # 10 of 1000 replicates at or below 0
    assert bootstrap_p_value(above) == pytest.approx(2 * 11 / 1001)
    assert interval_of(above, n=30, level=0.95).low > 0
    assert bootstrap_p_value(-above) == bootstrap_p_value(above)
    assert bootstrap_p_value(np.zeros(11)) == 1
    assert np.isnan(interval_of(above, n=1).low)


def test_the_same_seed_gives_the_same_p_value():
    values = np.random.default_rng(2).random(30) - 0.4
    assert sign_flip_p_value(values, 50, seed=5) == sign_flip_p_value(values, 50, seed=5)
    assert len({sign_flip_p_value(values, 50, seed=seed) for seed in range(9)}) > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sign_flip_p_value([1, 2], 0), "n_permutations is 0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@random
@given(hnp.arrays(np.float64, st.integers(2, 40), elements=st.integers(-2, 2)))
def test_a_p_value_of_replicates_is_twice_the_smaller_side_of_0(replicates):
    below = sum(value <= 0 for value in replicates[1:])
    above = sum(value >= 0 for value in replicates[1:])
    expected = min(1, 2 * (min(below, above) + 1) / len(replicates))
    assert bootstrap_p_value(replicates) == pytest.approx(expected)
