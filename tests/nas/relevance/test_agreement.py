from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from nas.relevance.agreement import SETTING, mean_setting_agreement, ranked, scores_of, setting_agreement
from nas.relevance.outranking import outranking, rank_methods
from nas.saliency.methods import CONTROLS
from nas.statistics.bootstrap import interval, resample_counts
from nas.statistics.rankings import pairwise_tau, ranking_agreement, ranking_replicates

fast = settings(max_examples=30, deadline=None, derandomize=True)


def test_ranks_share_ties_and_one_is_best():
    np.testing.assert_array_equal(rank_methods([[0.5, 0.9, 0.5, 0.1]]), [[2.5, 1, 2.5, 4]])


@fast
@given(st.integers(2, 4), st.integers(1, 5), st.integers(2, 5), st.integers(0, 1000), st.data())
def test_tau_is_scipys_in_every_resample(n_settings, n_images, n_methods, seed, data):
    shape = (n_settings, n_images, n_methods)
    scores = data.draw(arrays(np.int64, shape, elements=st.integers(0, 3)))
    found = pairwise_tau(scores, level=0.8, n_resamples=20, seed=seed)
    draws = np.random.default_rng(seed).integers(n_images, size=(20, n_images))
    for i in range(n_settings):
        for j in range(n_settings):
            sums = scores.sum(axis=1)
            np.testing.assert_allclose(found.tau[i, j], kendalltau(sums[i], sums[j]).statistic, atol=1e-12)
            taus = [kendalltau(scores[i, draw].sum(axis=0), scores[j, draw].sum(axis=0)).statistic for draw in draws]
            taus = [tau for tau in taus if not np.isnan(tau)]
            low, high = np.quantile(taus, [0.1, 0.9]) if taus and n_images > 1 else (np.nan, np.nan)
            np.testing.assert_allclose([found.low[i, j], found.high[i, j]], [low, high], atol=1e-12)


@fast
@given(arrays(np.int64, (2, 3, 4), elements=st.integers(0, 2)))
def test_outranking_share_counts_ties_half(scores):
    expected = [
        [[np.mean([(row[c] > row[m]) + 0.5 * (row[c] == row[m]) for row in setting]) for m in (0, 2)] for c in (1, 3)]
        for setting in scores
    ]
    np.testing.assert_allclose(outranking_share(scores, [False, True, False, True]), expected)


@fast
@given(arrays(np.int64, (2, 5, 4), elements=st.integers(0, 3)), st.integers(0, 1000))
def test_replicates_begin_with_the_sample_and_intervals_are_their_quantiles(scores, seed):
    replicates = ranking_replicates(scores, n_resamples=50, seed=seed)
    found = pairwise_tau(scores, level=0.9, n_resamples=50, seed=seed)
    assert replicates.shape == (51, 2, 2)
    np.testing.assert_array_equal(replicates[0], found.tau)
    known = replicates[1:, 0, 1][~np.isnan(replicates[1:, 0, 1])]
    expected = np.quantile(known, [0.05, 0.95]) if len(known) else (np.nan, np.nan)
    np.testing.assert_allclose([found.low[0, 1], found.high[0, 1]], expected, atol=1e-12)
    between = ranking_agreement(scores[0], scores[1], 0.9, 50, seed)
    np.testing.assert_allclose(between, [found.tau[0, 1], *expected, 5], atol=1e-12)


def test_agreement_of_rankings_ignores_the_scale_and_sees_the_order():
    scores = np.random.default_rng(0).random((6, 5))
    assert ranking_agreement(scores, 3 * scores - 1).value == 1
    assert ranking_agreement(scores, -scores) == (-1, -1, -1, 6)


METHODS = ["cam", "random", "lrp", "sobel", "gradient"]


@pytest.fixture
def areas():
    """A row for each setting, photo and method, in no order, as a stage may write them."""
    settings = [("least", "pixels", "mean"), ("least", "tiles", "blur"), ("most", "pixels", "mean")]
    keys = [(*setting, i, method) for setting in settings for i in ("b", "c", "a") for method in METHODS]
    table = pd.DataFrame(keys, columns=[*SETTING, "id", "method"])
    values = np.random.default_rng(1).integers(0, 6, len(table)) / 5  # with ties
    return table.assign(auc=values).sample(frac=1, random_state=0)


def score(areas, setting, i, method):
    """The area of one row, negated for MoRF."""
    row = areas[(areas[[*SETTING, "id", "method"]] == [*setting, i, method]).all(axis=1)]
    return row["auc"].item() * (1 if setting[0] == "least" else -1)


def test_scores_are_the_areas_by_setting_photo_and_method(areas):
    settings, methods, ids, values = scores_of(areas)
    assert sorted(methods) == sorted(METHODS) and ids == ["a", "b", "c"] and len(settings) == 3
    for s, setting in enumerate(settings):
        for n, i in enumerate(ids):
            for m, method in enumerate(methods):
                assert values[s, n, m] == score(areas, setting, i, method)


def test_agreement_has_every_pair_of_settings_with_and_without_controls(areas):
    found = setting_agreement(areas, 0.8, 30, seed=3)
    settings, methods, _, values = scores_of(areas)
    pairs = list(combinations(range(len(settings)), 2))
    assert len(found) == 2 * len(pairs) and (found["n"] == 3).all()
    real = [m for m, method in enumerate(methods) if method not in CONTROLS]
    for name, kept in (("all", slice(None)), ("real", real)):
        for (i, j), row in zip(pairs, found[found["methods"] == name].to_dict("records"), strict=True):
            assert tuple(row[key] for key in SETTING) == settings[i]
            assert tuple(row[f"other_{key}"] for key in SETTING) == settings[j]
            expected = kendalltau(values[i].sum(axis=0)[kept], values[j].sum(axis=0)[kept]).statistic
            np.testing.assert_allclose(row["tau"], expected, atol=1e-12)


def test_rank_one_has_the_largest_area_of_lerf_and_the_smallest_of_morf(areas):
    summary = areas.groupby([*SETTING, "method"], sort=False)["auc"].mean().rename("mean").reset_index()
    for _, group in ranked(summary).groupby(SETTING):
        of_least = group["direction"].iloc[0] == "least"
        for row in group.to_dict("records"):
            better = (group["mean"] > row["mean"]) if of_least else (group["mean"] < row["mean"])
            assert row["rank"] == better.sum() + (1 + (group["mean"] == row["mean"]).sum()) / 2


def test_outranking_counts_photos_and_real_methods_one_by_one(areas):
    found = outranking(areas, 0.9, 200, seed=0)
    assert len(found) == 3 * 2
    for row in found.to_dict("records"):
        setting, control = tuple(row[key] for key in SETTING), row["control"]
        shares, ranks = [], []
        for i in ("a", "b", "c"):
            own = score(areas, setting, i, control)
            others = {method: score(areas, setting, i, method) for method in METHODS if method != control}
            points = [(own > v) + (own == v) / 2 for method, v in others.items() if method not in CONTROLS]
            shares.append(np.mean(points))
            ranks.append(1 + sum((v > own) + (v == own) / 2 for v in others.values()))
        for measure, values in (("share", shares), ("rank", ranks)):
            expected = interval(values, 0.9, 200, 0)
            bounds = [row[measure], row[f"{measure}_low"], row[f"{measure}_high"]]
            np.testing.assert_allclose(bounds, expected[:3], atol=1e-12)
        assert (row["methods"], row["n"]) == (5, 3)


def test_without_controls_nothing_is_outranked(areas):
    assert outranking(areas[~areas["method"].isin(CONTROLS)], 0.9, 200, seed=0).empty


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rank_methods([1.0, np.nan]), "scores has shape"),
        (lambda: pairwise_tau(np.zeros((2, 3))), "scores has shape"),
        (lambda: pairwise_tau(np.zeros((2, 3, 4)), level=1), "level is 1"),
        (lambda: ranking_agreement(np.zeros((2, 3)), np.zeros((3, 3))), "a has shape"),
        (lambda: outranking_share(np.zeros((3, 2)), [True, True]), "controls is"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_mean_tau_is_the_mean_over_pairs_in_every_resample(areas):
    found = mean_setting_agreement(areas, 0.8, 40, seed=1)
    scores = scores_of(areas)
    taus = ranking_replicates(scores.values, 40, seed=1)
    for row in found[found["methods"] == "all"].to_dict("records"):
        pairs = [
            (i, j)
            for i, j in combinations(range(len(scores.settings)), 2)
            if [k for k, a, b in zip(SETTING, scores.settings[i], scores.settings[j], strict=True) if a != b]
            == row["differs"].split(", ")
        ]
        means = [np.mean([each[i, j] for i, j in pairs]) for each in taus]
        assert row["pairs"] == len(pairs) and row["n"] == len(scores.ids)
        assert row["tau"] == pytest.approx(means[0])
        assert [row["low"], row["high"]] == pytest.approx(np.quantile(means[1:], [0.1, 0.9]).tolist())
    n = len(scores.settings)
    assert found.groupby("methods")["pairs"].sum().to_dict() == {"all": n * (n - 1) // 2, "real": n * (n - 1) // 2}


def test_settings_one_by_one_rank_as_all_at_once():
    scores = np.random.default_rng(5).random((4, 31, 6))
    counts = np.concatenate(list(resample_counts(31, 70, 9)))
    sums = np.concatenate([scores.sum(axis=1)[None], np.einsum("rn,snm->rsm", counts, scores)]).round(9)
    expected = [[[kendalltau(a, b).statistic for b in each] for a in each] for each in sums]
    np.testing.assert_allclose(ranking_replicates(scores, 70, 9), expected, atol=1e-6)
