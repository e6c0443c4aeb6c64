"""Rankings of pixels against scikit-learn and plain loops over pairs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from nas.saliency.contrast import auroc, auroc_against_mask, check_pair, ranking_scores

fast = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def saliency_and_objects(draw):
    """Values with ties, signs and zeros, on object and background pixels."""
    n = draw(st.integers(1, 12))
    values = draw(arrays(np.int64, n, elements=st.integers(-3, 3)))
    return values / 3, draw(arrays(bool, n))


@fast
@given(saliency_and_objects())
def test_scores_are_those_of_plain_loops(drawn):
    saliency, objects = drawn
    pixels = [(float(value), bool(inside)) for value, inside in zip(saliency, objects, strict=True)]
    found = ranking_scores(saliency, objects)
    assert found["auroc"] == pytest.approx(auroc(saliency, objects), nan_ok=True)
    if not objects.any():
        assert all(math.isnan(value) for value in found.values())
        return
    precision, last_recall = 0.0, 0.0
    for threshold in sorted(set(saliency), reverse=True):
        kept = [on for value, on in pixels if value >= threshold]
        recall = sum(kept) / objects.sum()
        precision += sum(kept) / len(kept) * (recall - last_recall)
        last_recall = recall
    assert found["average_precision"] == pytest.approx(precision)
    if objects.all():
        assert math.isnan(found["auroc"])
    else:
        pairs = [(a > b) + 0.5 * (a == b) for a, on in pixels if on for b, other in pixels if not other]
        assert found["auroc"] == pytest.approx(np.mean(pairs))


@fast
@given(saliency_and_objects(), st.integers(-300, 300))
def test_scores_do_not_depend_on_the_unit_of_the_saliency(drawn, exponent):
    saliency, objects = drawn
    found, expected = (ranking_scores(values, objects) for values in (saliency * 2.0**exponent, saliency))
    np.testing.assert_allclose(list(found.values()), list(expected.values()))


def test_curve_scores_are_scikit_learns_on_a_map_of_many_pixels():
    generator = np.random.default_rng(0)
    saliency = generator.normal(size=(40, 50)).astype(np.float32).round(2)
    objects = saliency + generator.normal(size=saliency.shape) > 1
    expected = average_precision_score(objects.ravel(), saliency.ravel())
    assert ranking_scores(saliency, objects)["average_precision"] == pytest.approx(expected, abs=1e-12)
    assert auroc(saliency, objects) == pytest.approx(roc_auc_score(objects.ravel(), saliency.ravel()), abs=1e-12)


@fast
@given(arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 0, 1, 2, 254, 255])), st.integers(0, 2**32))
def test_against_a_mask_ignored_pixels_do_not_count(truth, seed):
    saliency = np.random.default_rng(seed).random((4, 5))
    known = truth != 255
    found = auroc_against_mask(saliency, truth)
    if len(set((truth[known] > 0).tolist())) == 2:
        assert found == pytest.approx(roc_auc_score(truth[known] > 0, saliency[known]))
    else:
        assert math.isnan(found)
    changed = np.where(known, saliency, 7.0)
    assert auroc_against_mask(changed, truth) == pytest.approx(found, nan_ok=True)
    assert math.isnan(auroc_against_mask(saliency, None))


@pytest.mark.parametrize(
    ("saliency", "objects", "message"),
    [
        (np.ones(2), np.ones(2), r"objects \(2,\) of float64"),
        (np.ones(2), np.ones(3, bool), r"saliency has shape \(2,\) and objects \(3,\) of bool"),
        ([np.nan, 1], [True, False], "give finite values and bools of the same shape"),
        ([np.inf, 1], [True, False], "give finite values and bools of the same shape"),
    ],
)
def test_errors_name_what_is_wrong(saliency, objects, message):
    for call in (check_pair, auroc, ranking_scores):
        with pytest.raises(ValueError, match=message):
            call(saliency, objects)


def test_a_pair_becomes_two_vectors():
    values, inside = check_pair(np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(6).reshape(2, 3) > 3)
    assert values.dtype == np.float64 and values.tolist() == [0, 1, 2, 3, 4, 5]
    assert inside.tolist() == [False] * 4 + [True] * 2
