"""How often controls beat real methods, counted photo by photo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.relevance.agreement import SETTING, scores_of
from nas.relevance.outranking import outranked, outranking, rank_intervals, rank_methods
from nas.saliency.methods import CONTROLS
from nas.statistics.bootstrap import interval, resample_counts

fast = settings(max_examples=30, deadline=None, derandomize=True)


def test_ranks_share_ties_and_one_is_best():
    np.testing.assert_array_equal(rank_methods([[0.5, 0.9, 0.5, 0.1]]), [[2.5, 1, 2.5, 4]])


@fast
@given(arrays(np.int64, (2, 3, 4), elements=st.integers(0, 2)))
def test_outranked_counts_ties_half(scores):
    expected = [
        [[[(row[c] > row[m]) + 0.5 * (row[c] == row[m]) for m in (0, 2)] for c in (1, 3)] for row in setting]
        for setting in scores
    ]
    np.testing.assert_allclose(outranked(scores, [False, True, False, True]), expected)


def score(areas, setting, i, method):
    """The area of one row, negated for MoRF."""
    row = areas[(areas[[*SETTING, "id", "method"]] == [*setting, i, method]).all(axis=1)]
    return row["auc"].item() * (1 if setting[0] == "least" else -1)


def test_outranking_counts_photos_and_real_methods_one_by_one(areas):
    found = outranking(areas, 0.9, 200, seed=0)
    assert len(found) == 3 * 2
    for row in found.to_dict("records"):
        setting, control = tuple(row[key] for key in SETTING), row["control"]
        shares, ranks = [], []
        for i in ("a", "b", "c"):
            own = score(areas, setting, i, control)
            others = {
                method: score(areas, setting, i, method) for method in areas["method"].unique() if method != control
            }
            points = [(own > v) + (own == v) / 2 for method, v in others.items() if method not in CONTROLS]
            shares.append(np.mean(points))
            ranks.append(1 + sum((v > own) + (v == own) / 2 for v in others.values()))
        for measure, values in (("share", shares), ("rank", ranks)):
            expected = interval(values, 0.9, 200, 0)
            bounds = [row[measure], row[f"{measure}_low"], row[f"{measure}_high"]]
            np.testing.assert_allclose(bounds, expected[:3], atol=1e-12)
        assert (row["methods"], row["n"]) == (5, 3)


def test_ranks_have_percentiles_over_resampled_photos(areas):
    found = rank_intervals(areas, 0.8, 40, seed=1).set_index([*SETTING, "method"])
    settings, methods, ids, scores = scores_of(areas)
    drawn = np.concatenate(list(resample_counts(len(ids), 40, seed=1)))
    for setting, of_setting in zip(settings, scores, strict=True):
        ranks = rank_methods([counts @ of_setting for counts in drawn])
        for method, of_method in zip(methods, ranks.T, strict=True):
            low, high = np.quantile(of_method, [0.1, 0.9])
            assert tuple(found.loc[(*setting, method), ["rank_low", "rank_high"]]) == pytest.approx((low, high))
    alone = rank_intervals(areas[areas["id"] == "a"], 0.8, 40, seed=1)
    assert alone[["rank_low", "rank_high"]].isna().all(axis=None)


def test_without_controls_nothing_is_outranked(areas):
    assert outranking(areas[~areas["method"].isin(CONTROLS)], 0.9, 200, seed=0).empty


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rank_methods([1.0, np.nan]), "scores has shape"),
        (lambda: outranked(np.zeros((3, 2)), [True, True]), "controls is"),
        (lambda: outranked(np.zeros((3, 2)), [False, False]), "controls is"),
        (lambda: outranked(np.zeros((3, 2)), [1, 0]), "controls is"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
