"""The tests behind findings, against all patterns of signs and against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas.claims.claims import SUPPORTED, UNDECIDED, Claim
from nas.claims.findings import Finding, of_differences, of_replicates
from nas.claims.verdicts import decide
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling

many = settings(max_examples=60, deadline=None, derandomize=True)
NAN = math.nan


@many
@given(values=st.lists(st.integers(-4, 6) | st.just(NAN), max_size=9))
def test_differences_have_the_p_value_of_all_signs(values):
    found = of_differences("above", "made", "net", values, Resampling(0.95, 2000, 0), "no mask")
    known = [value for value in values if not math.isnan(value)]
    assert found.missing == ("" if known else "no mask")
    assert (found.claim, found.dataset, found.network, found.null, found.n) == ("above", "made", "net", 0, len(known))
    if len(known) < 2:
        assert math.isnan(found.low) and not found.p < 1
        return
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(known))).reshape(len(known), -1)
    sums, total = np.array(known) @ signs, sum(known)
    tails = (sums <= total).mean(), (sums >= total).mean()
    assert found.p == pytest.approx(min(1, 2 * min(tails)))
    assert found.value == pytest.approx(np.mean(known)) and found.low <= found.value <= found.high


def test_differences_have_the_p_value_and_the_interval_of_scipy():
    values = np.random.default_rng(0).normal(0.3, 1, 40)
    found = of_differences("above", "made", "net", values, Resampling(0.9, 2000, 0), "no mask")
    test = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1)
    assert found.p == pytest.approx(test.pvalue, abs=0.01)
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    spread = stats.t.interval(0.9, 39, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(spread, abs=0.03)
    assert found == of_differences("above", "made", "net", values, Resampling(0.9, 2000, 0), "no mask")


def test_the_interval_is_of_as_many_resamples_as_are_wanted():
    values = np.random.default_rng(0).normal(0.3, 1, 40)
    few, many = (of_differences("above", "made", "net", values, Resampling(0.9, n, 0), "") for n in (200, 4000))
    assert (few.low, few.high) == interval(values, 0.9, 200, 0)[1:3] != (many.low, many.high) and few.p == many.p


def test_rounding_is_no_effect():
    scores = np.array([0.5, *[0.5 + 1e-16] * 40, *[0.5 - 1e-17] * 60])
    assert of_replicates("above", "made", "net", scores, 0.5, 12, 0.9, "").p == 1


def test_replicates_have_their_quantiles_and_the_smaller_tail_about_the_null():
    scores = np.concatenate([[0.4], np.linspace(0, 1, 101), [NAN] * 7])
    found = of_replicates("below", "made", "net", scores, 0.905, 12, 0.9, "")
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.05, 0.95))
    assert found.p == pytest.approx(2 * (1 + 10) / (1 + 101))
    assert (found.null, found.n) == (0.905, 12)


@pytest.mark.parametrize("claim", ["above", "below"])
@pytest.mark.parametrize(
    ("scores", "n"),
    [
        ([0.4, *[0.4] * 50], 1),  # one photo: all resamples are that photo
        ([NAN, *[0.4] * 50], 9),
        ([0.4, *[NAN] * 50], 9),
        ([NAN, *[NAN] * 50], 9),
    ],
)
def test_replicates_that_say_nothing_decide_nothing(claim, scores, n):
    found = of_replicates(claim, "made", "net", np.array(scores), 0.0, n, 0.95, "why")
    assert found.value == pytest.approx(scores[0], nan_ok=True)
    assert math.isnan(found.p) and math.isnan(found.low) and math.isnan(found.high)
    assert found.missing == ("why" if math.isnan(scores[0]) else "")
    known = Finding("above", "made", "net", 0.3, 0.2, 0.4, 0.0, 0.05, 9)
    decided = decide([found, known], [Claim("above", "", "", ""), Claim("below", "", "", "", greater=False)], 0.05)
    assert [test.verdict for test in decided] == [UNDECIDED, SUPPORTED]
