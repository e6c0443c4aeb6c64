"""How far settings agree, with each other and with what is known, and how controls fare."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from nas.relevance.agreement import SETTING, mean_setting_agreement, scores_of, setting_agreement
from nas.relevance.outranking import outranking
from nas.report.tables.rankings import by_difference, controls, references
from nas.statistics.rankings import pairwise_tau
from nas.statistics.resampling import Resampling
from nas.store.tables import write_table

RESAMPLING = Resampling(0.9, 50, 0)
METHODS, IDS = ["grad_cam", "lrp", "gradient", "random"], ["b", "a", "d", "c"]
SETTINGS = [("least", "pixels", "mean"), ("least", "slic.first", "blur"), ("most", "pixels", "mean")]


@pytest.fixture
def areas():
    keys = [(i, *setting, method) for i in IDS for setting in SETTINGS for method in METHODS]
    table = pd.DataFrame(keys, columns=["id", *SETTING, "method"])
    values = np.random.default_rng(0).random(len(table))
    return table.assign(auc=values, dataset="made", network="mobilenet_v2", seed=0)


UNTAGGED = pd.DataFrame({key: pd.Series(dtype=object) for key in ("id", "method", "regions", "against", "mass_share")})


def test_areas_are_held_against_the_masks_of_the_same_photos_and_methods(areas, tmp_path):
    known = ["d", "a", "b"]  # in another order, and one photo has no mask
    rows = [
        {"id": i, "method": method, "regions": kind, "auroc": np.random.default_rng([n, m, kind == "raw"]).random()}
        for n, i in enumerate(known)
        for m, method in enumerate(["random", "lrp", "cam", "grad_cam"])
        for kind in ("raw", "slic.first")
    ]
    auroc = pd.DataFrame(rows)
    tagged = auroc.assign(against="hand tags", mass_share=auroc["auroc"])
    for stage, table in {"relevance": areas, "localization": auroc, "semantics": tagged}.items():
        write_table(table, tmp_path / "data" / stage / "made" / "mobilenet_v2" / "table.parquet")
    both = references(tmp_path, ["made"], ["mobilenet_v2"], RESAMPLING)
    assert both["against"].unique().tolist() == ["mask, AUROC", "hand tags, mass share"]
    found, same = (
        rows.drop(columns="against").reset_index(drop=True) for _, rows in both.groupby("against", sort=False)
    )
    pd.testing.assert_frame_equal(found, same)
    raw = auroc[auroc["regions"] == "raw"].groupby("method")["auroc"].mean()
    for row, setting in zip(found.to_dict("records"), SETTINGS, strict=True):
        chosen = areas[(areas[SETTING] == list(setting)).all(axis=1) & areas["id"].isin(known)]
        means = chosen.groupby("method")["auc"].mean() * (1 if setting[0] == "least" else -1)
        for heading, methods in {
            "all methods": ["random", "lrp", "grad_cam"],
            "without controls": ["lrp", "grad_cam"],
        }.items():
            expected = kendalltau(means[methods], raw[methods]).statistic
            assert row[f"τ, {heading}"].startswith(f"{expected:.2f} [")
        assert row["n"] == "3"


def test_a_data_set_without_masks_has_no_rows(areas, tmp_path):
    unlocated = UNTAGGED.rename(columns={"mass_share": "auroc"})
    for stage, table in {"relevance": areas, "localization": unlocated, "semantics": UNTAGGED}.items():
        write_table(table, tmp_path / "data" / stage / "made" / "mobilenet_v2" / "table.parquet")
    assert references(tmp_path, ["made"], ["mobilenet_v2"], RESAMPLING).empty


def test_intervals_have_the_level_and_resamples_of_the_run(areas, tmp_path):
    raw = [
        {"id": i, "method": method, "regions": "raw", "auroc": np.random.default_rng([n, m]).random()}
        for n, i in enumerate(IDS) for m, method in enumerate(METHODS)
    ]  # fmt: skip
    for stage, table in {"localization": pd.DataFrame(raw), "semantics": UNTAGGED}.items():
        write_table(table, tmp_path / "data" / stage / "made" / "mobilenet_v2" / "table.parquet")
    scores = pd.DataFrame(raw).pivot(index="id", columns="method", values="auroc").sort_index()[METHODS].to_numpy()
    write_table(areas, tmp_path / "data" / "relevance" / "made" / "mobilenet_v2" / "table.parquet")
    found = {}
    for resampling in (Resampling(0.9, 50, 0), Resampling(0.5, 50, 0), Resampling(0.9, 80, 0), Resampling(0.9, 50, 1)):
        found[resampling] = references(tmp_path, ["made"], ["mobilenet_v2"], resampling)["τ, all methods"][0]
        first = scores_of(areas).values[0]
        expected = pairwise_tau(np.stack([first, scores]), *resampling)
        low, high = expected.low[0, 1], expected.high[0, 1]
        assert found[resampling] == f"{expected.tau[0, 1]:.2f} [{low:.2f}, {high:.2f}]"
    assert found[0.9, 50, 0] != found[0.5, 50, 0]


def test_the_mean_of_tau_has_an_interval_and_n(areas):
    taus, means = (
        make(areas, 0.9, 50, seed=0).assign(dataset="made", network="mobilenet_v2")
        for make in (setting_agreement, mean_setting_agreement)
    )
    found = by_difference(taus, means, "all").set_index("what differs")
    assert set(found["n"]) == {"4"}
    for kind, row in means[means["methods"] == "all"].set_index("differs").iterrows():
        assert found.loc[kind, "mean τ"] == f"{row['tau']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def test_pairs_are_counted_by_what_differs(areas):
    taus = setting_agreement(areas, 0.95, 20, seed=0).assign(dataset="made", network="mobilenet_v2")
    means = mean_setting_agreement(areas, 0.95, 20, seed=0).assign(dataset="made", network="mobilenet_v2")
    found = by_difference(taus, means, "all")
    expected = {"order, replacement": "1", "direction": "1", "direction, order, replacement": "1"}
    assert found.set_index("what differs")["pairs of settings"].to_dict() == expected


def test_the_range_of_tau_is_of_the_methods_and_pairs_of_a_kind(areas):
    fourth = areas[areas["direction"] == "most"].assign(order="slic.first", replacement="blur")
    fourth["auc"] = np.random.default_rng(1).random(len(fourth))
    areas = pd.concat([areas, fourth], ignore_index=True)
    taus, means = (
        make(areas, 0.9, 50, seed=0).assign(dataset="made", network="mobilenet_v2")
        for make in (setting_agreement, mean_setting_agreement)
    )
    for methods in ("all", "real"):
        of_kind = {}
        for row in taus[taus["methods"] == methods].to_dict("records"):
            names = {"least": "LeRF", "most": "MoRF"}
            measured = " and ".join(dict.fromkeys(names[row[key]] for key in ("direction", "other_direction")))
            kind = measured, ", ".join(key for key in SETTING if row[key] != row[f"other_{key}"])
            of_kind.setdefault(kind, []).append(row)
        found = by_difference(taus, means, methods).set_index(["measure", "what differs"])
        assert set(found.index) == set(of_kind) and len(of_kind["LeRF and MoRF", "direction"]) == 2
        for kind, rows in of_kind.items():
            ends = [min(row["tau"] for row in rows), max(row["tau"] for row in rows)]
            assert found.loc[kind, ["lowest τ", "highest τ"]].tolist() == [f"{tau:.2f}" for tau in ends]
            around = sum(not (row["low"] > 0 or row["high"] < 0) for row in rows)
            assert found.loc[kind, "interval has 0 inside"] == str(around)


def test_one_setting_agrees_with_no_other(areas):
    one = areas[(areas[SETTING] == list(SETTINGS[0])).all(axis=1)]
    taus = setting_agreement(one, *RESAMPLING).assign(dataset="made", network="mobilenet_v2")
    assert taus.empty and by_difference(taus, taus, "all").empty


def test_a_control_has_its_share_and_rank_by_setting(areas):
    found = outranking(areas, *RESAMPLING)
    frame = controls(found.assign(dataset="made", network="mobilenet_v2"))
    assert list(frame) == ["data set", "network", "direction", "order", "replacement", "random (control): share",
                           "random (control): rank of 4", "n"]  # fmt: skip
    assert frame["direction"].tolist() == ["LeRF", "LeRF", "MoRF"] and set(frame["n"]) == {"4"}
    for row, setting in zip(frame.to_dict("records"), SETTINGS, strict=True):
        wide = areas[(areas[SETTING] == list(setting)).all(axis=1)].pivot(index="id", columns="method", values="auc")
        better = wide if setting[0] == "least" else -wide
        wins = [better.loc[i, "random"] > better.loc[i, method] for i in IDS for method in METHODS[:3]]
        ranks = better.rank(axis=1, ascending=False)["random"]
        assert row["random (control): share"].startswith(f"{np.mean(wins):.2f} [")
        assert row["random (control): rank of 4"].startswith(f"{ranks.mean():.1f} [")


def test_without_controls_there_is_nothing_to_tell_of_them():
    columns = ["dataset", "network", *SETTING, "control", "share", "rank", "methods", "n"]
    none = controls(pd.DataFrame(columns=columns))
    assert none.empty and none.style.hide(axis="index").to_html()
