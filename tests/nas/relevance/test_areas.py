"""Areas by hand, and mean curves against intervals point by point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.relevance.areas import area, mean_curve
from nas.relevance.curves import RelevanceCurve

fast = settings(max_examples=30, deadline=None, derandomize=True)


def test_area_by_hand():
    curve = RelevanceCurve(0, "", "zero", 0, np.array([0, 0.25, 1]), np.array([1.0, 0.6, 0.2]))
    assert area(curve) == pytest.approx(0.25 * 0.8 + 0.75 * 0.4)


@fast
@given(arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4)), elements=st.floats(0, 1)))
def test_a_band_is_the_interval_of_each_of_its_points(curves):
    found = mean_curve(curves, level=0.9, n_resamples=40, seed=5)
    draws = np.random.default_rng(5).integers(len(curves), size=(40, len(curves)))
    resampled = np.array([curves[draw].mean(axis=0) for draw in draws])
    np.testing.assert_allclose(found.value, curves.mean(axis=0))
    np.testing.assert_allclose([found.low, found.high], np.quantile(resampled, [0.05, 0.95], axis=0), atol=1e-12)


def test_a_single_curve_has_no_band():
    found = mean_curve([[0.5, 0.25]])
    np.testing.assert_array_equal(found, [[0.5, 0.25], [np.nan] * 2, [np.nan] * 2])


def test_curves_that_are_no_table_are_refused():
    with pytest.raises(ValueError, match="curves has shape"):
        mean_curve([0.5, 0.25])
