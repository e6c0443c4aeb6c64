"""Agreement of settings against scipy, setting by setting."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from nas.relevance.agreement import (
    SETTING,
    differences,
    directions,
    mean_setting_agreement,
    ranked,
    scores_of,
    setting_agreement,
    with_gains,
)
from nas.saliency.methods import CONTROLS
from nas.statistics.rankings import ranking_replicates


def score(areas, setting, i, method):
    """The area of one row, negated for MoRF."""
    row = areas[(areas[[*SETTING, "id", "method"]] == [*setting, i, method]).all(axis=1)]
    return row["auc"].item() * (1 if setting[0] == "least" else -1)


def test_scores_are_the_areas_by_setting_photo_and_method(areas):
    settings, methods, ids, values = scores_of(areas)
    assert sorted(methods) == sorted(areas["method"].unique()) and ids == ["a", "b", "c"] and len(settings) == 3
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
    summary = areas.groupby([*SETTING, "method"], sort=False)["auc"].mean().rename("value").reset_index()
    for _, group in ranked(summary).groupby(SETTING):
        of_least = group["direction"].iloc[0] == "least"
        for row in group.to_dict("records"):
            better = (group["value"] > row["value"]) if of_least else (group["value"] < row["value"])
            assert row["rank"] == better.sum() + (1 + (group["value"] == row["value"]).sum()) / 2


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


def test_gains_are_lerf_minus_morf_where_both_are_and_agree_with_gains_alone(areas):
    both = areas[areas["direction"] == "most"].assign(order="tiles", replacement="blur")
    both["auc"] = np.random.default_rng(1).random(len(both))
    found = with_gains(pd.concat([areas, both]))
    gains = found[found["direction"] == "gain"]
    assert len(found) == len(areas) + len(both) + len(gains) and len(gains) == 2 * 15
    for row in gains.to_dict("records"):
        setting = (row["order"], row["replacement"])
        least, most = (score(found, (direction, *setting), row["id"], row["method"]) for direction in ("least", "most"))
        assert row["auc"] == pytest.approx(least + most)  # areas of MoRF are negated
    settings, _, _, values = scores_of(found)
    assert (values[[s[0] == "gain" for s in settings]] > 0).any()
    pairs = setting_agreement(found, 0.8, 20, seed=3)
    assert ((pairs["direction"] == "gain") == (pairs["other_direction"] == "gain")).all()
    assert (pairs["direction"] == "gain").sum() == 2  # one pair, of all methods and of real ones
    means = mean_setting_agreement(found, 0.8, 20, seed=3)
    assert set(means["directions"]) == {"least", "most", "gain", "least, most"}


def test_directions_are_named_once_where_they_are_the_same():
    assert directions(("least", "a", "b"), ("least", "c", "d")) == "least"
    assert directions(("least", "a", "b"), ("most", "c", "d")) == "least, most"


def test_what_differs_is_named_in_order():
    assert differences(("least", "tiles", "blur"), ("least", "pixels", "mean")) == "order, replacement"
    assert differences(("most", "tiles", "blur"), ("least", "tiles", "blur")) == "direction"
    assert differences(("most", "tiles", "blur"), ("most", "tiles", "blur")) == ""


def test_one_setting_agrees_with_no_other(areas):
    alone = areas[(areas["direction"] == "most")]
    found = setting_agreement(alone, 0.8, 30, seed=3)
    assert found.empty and list(found) == list(setting_agreement(areas, 0.8, 30, seed=3))
    assert mean_setting_agreement(alone, 0.8, 30, seed=3).empty


def test_methods_that_are_equal_everywhere_agree_by_a_number_that_is_not_known(areas):
    found = mean_setting_agreement(areas.assign(auc=0.0), 0.8, 30, seed=3)
    assert len(found) and found[["tau", "low", "high"]].isna().all(axis=None) and (found["n"] == 3).all()
