"""Scores against plain loops over pixels."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.saliency.contrast import auroc, ranking_scores
from nas.semantics.scores import SCORES, mass_share, pointing_game, score, score_against_mask

fast = settings(max_examples=40, deadline=None, derandomize=True)
masks = arrays(
    np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.sampled_from([0, 0, 1, 2, 254, 255])
)


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
    assume(objects.any())
    pixels = [(float(value), bool(inside)) for value, inside in zip(saliency, objects, strict=True)]

    inside = sum(max(value, 0) for value, on in pixels if on)
    total = sum(max(value, 0) for value, _ in pixels)
    share = inside / total if total else objects.sum() / objects.size
    assert mass_share(saliency, objects) == pytest.approx(share)

    best = [on for value, on in pixels if value == max(saliency)]
    assert pointing_game(saliency, objects) == pytest.approx(sum(best) / len(best))

    expected = {"mass_share": share, "pointing_game": sum(best) / len(best), **ranking_scores(saliency, objects)}
    found = score(saliency[None], objects[None].astype(int), [False, True])
    assert tuple(found) == SCORES and found == pytest.approx(expected, nan_ok=True)


@fast
@given(saliency_and_objects(), st.integers(-300, 300))
def test_scores_do_not_depend_on_the_unit_of_the_saliency(drawn, exponent):
    saliency, objects = drawn
    for function in (mass_share, pointing_game, auroc):
        np.testing.assert_allclose(function(saliency * 2.0**exponent, objects), function(saliency, objects))


def test_a_map_without_positive_values_scores_like_a_constant_one():
    objects = np.array([[True, False], [False, False]])
    tags, clusters = np.array([False, True]), objects.astype(int)
    for constant in (0.0, 1.0):
        found = score(np.full((2, 2), constant), clusters, tags)
        assert found == {"mass_share": 0.25, "average_precision": 0.25, "pointing_game": 0.25, "auroc": 0.5}
    assert mass_share(np.array([[-1.0, -2.0], [0.0, -5.0]]), objects) == 0.25


def test_no_object_pixel_leaves_every_score_undefined():
    found = score(np.ones((2, 2)), np.zeros((2, 2), int), [False, True])
    assert len(found) == 4
    assert np.isnan(list(found.values())).all()
    ignored = score_against_mask(np.ones((2, 2)), np.full((2, 2), 255))
    assert np.isnan(list(ignored.values())).all()


@fast
@given(masks, st.data())
def test_ignored_pixels_change_nothing(truth, data):
    values = st.floats(-4, 4, allow_subnormal=False)
    saliency = data.draw(arrays(np.float64, truth.shape, elements=values))
    changed = np.where(truth == 255, data.draw(arrays(np.float64, truth.shape, elements=values)), saliency)
    found = score_against_mask(saliency, truth)
    np.testing.assert_equal(score_against_mask(changed, truth), found)

    clusters = np.where(truth == 255, 1, (truth > 0).astype(int))
    by_clusters = score(saliency, clusters, [False, True], ignored=truth == 255)
    np.testing.assert_equal(by_clusters, found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: score(np.ones((2, 2)), np.zeros((2, 3), int), [True]), "saliency has shape"),
        (lambda: score(np.ones((2, 2)), np.zeros((2, 2), int), [True], np.zeros((2, 3))), "and ignored"),
        (lambda: score_against_mask(np.ones(4), np.zeros(4, int)), "give each as"),
        (lambda: score([[np.nan]], [[0]], [True]), "give finite values"),
        (lambda: mass_share(np.ones(2), np.ones(2)), r"objects \(2,\) of float64"),
        (lambda: pointing_game(np.ones(2), np.ones(3, bool)), r"objects \(3,\) of bool"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
