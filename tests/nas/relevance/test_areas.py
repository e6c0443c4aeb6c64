"""Areas by hand, and mean curves against intervals point by point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from plain import store

from nas.relevance import areas
from nas.relevance.areas import FRACTIONS, area, halving, mean_curve, removable_shares
from nas.relevance.curves import RelevanceCurve
from nas.store.shards import Shards

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


def test_a_curve_halves_between_the_fractions_where_it_first_does():
    falls = np.interp(FRACTIONS, [0, 0.3, 1], [0.8, 0.2, 0.9])  # 0.4 at 0.2, and again above later
    steps = np.where(FRACTIONS < 0.55, 0.6, 0.0)
    never, nothing = np.full(21, 0.5), np.zeros(21)
    at = halving(np.stack([falls, steps, never, nothing]))
    assert at == pytest.approx([0.2, 0.525, 1.0, 0.0])


def test_removable_shares_are_means_over_curves_of_each_photo(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    photos = {
        f"p{number}": {f"least/{order}/mean/lrp": np.sort(generator.random(21))[::-1] for order in ("a", "b", "c")}
        for number in range(5)
    }
    stored, names = Shards(store(tmp_path / "relevance", photos)), ["least/a/mean/lrp", "least/c/mean/lrp"]
    expected = [np.mean([halving(curves[name][None]) for name in names]) for curves in photos.values()]
    np.testing.assert_allclose(removable_shares(stored, names), expected)
    monkeypatch.setattr(areas, "PHOTOS", 2)
    np.testing.assert_allclose(removable_shares(stored, names), expected)
