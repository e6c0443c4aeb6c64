"""Agreement of rankings on each photo against scipy's tau, pair by pair."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from nas.claims import ranking
from nas.claims.localizing import PhotoScores
from nas.claims.ranking import Rankings
from nas.relevance.agreement import SETTING
from nas.saliency.methods import CONTROLS
from nas.store.tables import write_table

IDS, METHODS = ["b", "a", "c", "d"], ["lrp", "cam", "rise", "gradient", *CONTROLS]
REAL = METHODS[:4]
ORDERS = [("pixels", "mean"), ("pixels", "blur"), ("tiles", "mean")]


@pytest.fixture
def made(tmp_path):
    """Areas, truth of three photos, and tags, all at random; two classes have a photo in common."""
    generator = np.random.default_rng(0)
    keys = product(IDS, ("least", "most"), ORDERS, METHODS)
    areas = pd.DataFrame([(i, d, *order, m) for i, d, order, m in keys], columns=["id", *SETTING, "method"])
    areas["auc"] = generator.random(len(areas))
    truth = {method: pd.Series(generator.random(3), ["c", "a", "b"]) for method in REAL[::-1]}
    keys = product(
        [("bird", "a"), ("bird", "b"), ("animal", "a")], ("learnt tags", "truth"), METHODS, ("raw", "slic.first")
    )
    tags = pd.DataFrame(
        [(name, i, against, m, r) for (name, i), against, m, r in keys],
        columns=["class", "id", "against", "method", "regions"],
    )
    tags["mass_share"] = generator.random(len(tags))
    write_table(areas, tmp_path / "relevance/table.parquet")
    write_table(tags, tmp_path / "semantics/table.parquet")
    rankings = Rankings(tmp_path / "relevance", PhotoScores(truth=truth), tmp_path / "semantics")
    return rankings, areas, truth, tags


def scores(areas, photo, direction, order):
    """Areas of the real methods, those of MoRF negated."""
    rows = areas[(areas["id"] == photo) & (areas["direction"] == direction)]
    rows = rows[(rows["order"] == order[0]) & (rows["replacement"] == order[1])].set_index("method")["auc"]
    return rows[REAL].to_numpy() * (1 if direction == "least" else -1)


def tau(one, other):
    return kendalltau(one, other).statistic


def test_every_claim_is_the_mean_tau_of_the_photo(made):
    rankings, areas, truth, tags = made
    found = {name: values for name, (values, _) in rankings.values().items()}
    for photo in IDS:
        least = {order: scores(areas, photo, "least", order) for order in ORDERS}
        most = {order: scores(areas, photo, "most", order) for order in ORDERS}
        gain = {order: least[order] + most[order] for order in ORDERS}
        pairs = list(combinations(ORDERS, 2))
        alike = np.mean([tau(least[a], least[b]) for a, b in pairs])
        assert found["lerf_is_inconsistent"][photo] == pytest.approx(alike)
        assert found["gain_is_more_consistent"][photo] == pytest.approx(
            np.mean([tau(gain[a], gain[b]) for a, b in pairs]) - alike
        )
        expected = np.mean([tau(least[order], most[order]) for order in ORDERS])
        assert found["lerf_disagrees_with_morf"][photo] == pytest.approx(expected)
        if photo != "d":  # of which nothing is known
            known = [truth[method][photo] for method in REAL]
            expected = np.mean([tau(least[order], known) for order in ORDERS])
            assert found["lerf_disagrees_with_truth"][photo] == pytest.approx(expected)
    assert "d" not in found["lerf_disagrees_with_truth"].index
    raw = tags[tags["regions"] == "raw"]

    def of_tags(name, photo):
        rows = raw[(raw["class"] == name) & (raw["id"] == photo)].pivot(
            index="method", columns="against", values="mass_share"
        )
        return tau(rows.loc[REAL, "learnt tags"], rows.loc[REAL, "truth"])

    of_classes = found["semantics_need_few_labels"]
    assert of_classes["b"] == pytest.approx(of_tags("bird", "b"))
    assert of_classes["a"] == pytest.approx((of_tags("bird", "a") + of_tags("animal", "a")) / 2)
    assert rankings.values()["semantics_by_hand"][1] == "no class has hand tags of an object"


def test_photos_that_are_compared_a_few_at_a_time_and_rows_in_another_order_are_the_same(made, monkeypatch):
    rankings, areas, _, _ = made
    whole = rankings.values()
    monkeypatch.setattr(ranking, "PHOTOS", 3)
    write_table(areas.sample(frac=1, random_state=1), rankings.relevance / "table.parquet")
    for name, (values, _) in rankings.values().items():
        pd.testing.assert_series_equal(values.sort_index(), whole[name][0].sort_index())


def test_a_setting_that_ranks_all_methods_equal_is_left_out(made):
    rankings, areas, _, _ = made
    flat = areas.assign(auc=areas["auc"].where((areas["order"] != "tiles") | (areas["id"] != "a"), 0.5))
    write_table(flat, rankings.relevance / "table.parquet")
    found = rankings.values()["lerf_is_inconsistent"][0]
    one, other = (scores(areas, "a", "least", order) for order in ORDERS[:2])
    assert found["a"] == pytest.approx(tau(one, other))
