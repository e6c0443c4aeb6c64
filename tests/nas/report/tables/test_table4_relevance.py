import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from nas.relevance.agreement import SETTING, mean_setting_agreement, scores_of, setting_agreement
from nas.report.figures.figure9_relevance import symmetric
from nas.report.tables import table4_relevance
from nas.report.tables.rankings import by_difference, references
from nas.statistics.rankings import pairwise_tau
from nas.store.tables import write_table

METHODS, IDS = ["grad_cam", "lrp", "gradient", "random"], ["b", "a", "d", "c"]
SETTINGS = [("least", "pixels", "mean"), ("least", "slic.first", "blur"), ("most", "pixels", "mean")]


@pytest.fixture
def areas():
    keys = [(i, *setting, method) for i in IDS for setting in SETTINGS for method in METHODS]
    table = pd.DataFrame(keys, columns=["id", *SETTING, "method"])
    values = np.random.default_rng(0).random(len(table))
    return table.assign(auc=values, dataset="made", network="mobilenet_v2", seed=0, level=0.9, resamples=50)


def test_the_best_of_a_row_is_bold_by_its_direction(areas):
    summary = (
        areas.groupby(["dataset", "network", *SETTING, "method"], sort=False)["auc"].mean().reset_index(name="mean")
    )
    absent = (summary["method"] == "lrp") & (summary["order"] == "slic.first")
    steps = {"least_parts": 4, "most_parts": 9, "least_steps": 3, "most_steps": 4}
    summary = summary.assign(low=0.0, high=1.0, n=4, seed=0, **steps)[~absent]
    frame, bold, caption = table4_relevance.table(summary)
    assert "A curve has 4 to 5 images" in caption and "pixels 4 to 9 in 3 to 4; SLIC 4 to 9 in 3 to 4" in caption
    assert frame["direction"].tolist() == ["LeRF", "LeRF", "MoRF"]
    assert frame["LRP"].iloc[1] == "n/a" and not bold["LRP"].iloc[1]
    columns = ["Grad-CAM", "LRP", "gradient", "random (control)"]
    assert list(frame) == ["data set", "network", "direction", "order", "replacement", *columns, "n"]
    for row, (direction, best) in enumerate(zip(frame["direction"], bold.to_numpy(), strict=True)):
        values = frame.loc[row, columns].str.split(" ").str[0].replace("n/a", np.nan).astype(float)
        expected = values.idxmax() if direction == "LeRF" else values.idxmin()
        assert list(np.array(list(frame))[best]) == [expected]


@pytest.mark.parametrize("direction", ["least", "most"])
def test_what_prints_the_same_as_the_best_is_bold_too(direction):
    means = {"lrp": 0.7449, "rise": 0.7351, "gradient": 0.7349, "random": 0.7451, "cam": np.nan}
    row = {"dataset": "made", "network": "mobilenet_v2", "direction": direction, "order": "tiles", "low": 0.1}
    row |= {"replacement": "mean", "high": 0.9, "n": 4, "seed": 0, "least_parts": 9, "most_parts": 9}
    row |= {"least_steps": 4, "most_steps": 4}
    frame, bold, _ = table4_relevance.table(
        pd.DataFrame([row | {"method": m, "mean": mean} for m, mean in means.items()])
    )
    best = {"least": ["random (control)"], "most": ["gradient"]}[direction]
    assert list(frame.columns[bold.iloc[0]]) == best
    means |= {"random": 0.7401} if direction == "least" else {"gradient": 0.7448}
    frame, bold, _ = table4_relevance.table(
        pd.DataFrame([row | {"method": m, "mean": mean} for m, mean in means.items()])
    )
    cells = frame.iloc[0][frame.columns[bold.iloc[0]]]
    assert len(cells) > 1 and cells.str.startswith("0.74 ").all()
    assert not frame.iloc[0][frame.columns[~bold.iloc[0]]].str.startswith("0.74 ").any()


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
    both = references(tmp_path, ["made"], ["mobilenet_v2"])
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
    assert references(tmp_path, ["made"], ["mobilenet_v2"]).empty


def test_intervals_have_the_level_and_resamples_of_the_run(areas, tmp_path):
    raw = [
        {"id": i, "method": method, "regions": "raw", "auroc": np.random.default_rng([n, m]).random()}
        for n, i in enumerate(IDS) for m, method in enumerate(METHODS)
    ]  # fmt: skip
    for stage, table in {"localization": pd.DataFrame(raw), "semantics": UNTAGGED}.items():
        write_table(table, tmp_path / "data" / stage / "made" / "mobilenet_v2" / "table.parquet")
    scores = pd.DataFrame(raw).pivot(index="id", columns="method", values="auroc").sort_index()[METHODS].to_numpy()
    found = {}
    for level, resamples in ((0.9, 50), (0.5, 50), (0.9, 80)):
        table = areas.assign(level=level, resamples=resamples)
        write_table(table, tmp_path / "data" / "relevance" / "made" / "mobilenet_v2" / "table.parquet")
        found[level, resamples] = references(tmp_path, ["made"], ["mobilenet_v2"])["τ, all methods"][0]
        first = scores_of(areas).values[0]
        expected = pairwise_tau(np.stack([first, scores]), level, resamples, seed=0)
        low, high = expected.low[0, 1], expected.high[0, 1]
        assert found[level, resamples] == f"{expected.tau[0, 1]:.2f} [{low:.2f}, {high:.2f}]"
    assert found[0.9, 50] != found[0.5, 50]


def test_the_mean_of_tau_has_an_interval_and_n(areas):
    taus, means = (
        make(areas, 0.9, 50, seed=0).assign(dataset="made", network="mobilenet_v2")
        for make in (agreement, mean_agreement)
    )
    taus, means = taus[taus["methods"] == "all"], means[means["methods"] == "all"]
    found = by_difference(taus, means).set_index("what differs")
    assert set(found["n"]) == {"4"}
    for kind, row in means.set_index("differs").iterrows():
        assert found.loc[kind, "mean τ"] == f"{row['tau']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def test_pairs_are_counted_by_what_differs(areas):
    taus = setting_agreement(areas, 0.95, 20, seed=0).assign(dataset="made", network="mobilenet_v2")
    means = mean_setting_agreement(areas, 0.95, 20, seed=0).assign(dataset="made", network="mobilenet_v2")
    found = by_difference(taus[taus["methods"] == "all"], means[means["methods"] == "all"])
    expected = {"order, replacement": "1", "direction": "1", "direction, order, replacement": "1"}
    assert found.set_index("what differs")["pairs of settings"].to_dict() == expected


def test_a_matrix_of_tau_is_symmetric_and_marks_intervals_around_zero():
    rows = [(0, 1, 0.5, 0.1, 0.8), (0, 2, -0.4, -0.6, -0.1), (1, 2, 0.2, -0.1, 0.5)]
    table = pd.DataFrame(
        [
            {
                **dict(zip(SETTING, SETTINGS[i], strict=True)),
                **{f"other_{key}": value for key, value in zip(SETTING, SETTINGS[j], strict=True)},
                **{"tau": tau, "low": low, "high": high},
            }
            for i, j, tau, low, high in rows
        ]
    )
    tau, unclear = symmetric(table, SETTINGS)
    np.testing.assert_array_equal(tau, [[1, 0.5, -0.4], [0.5, 1, 0.2], [-0.4, 0.2, 1]])
    np.testing.assert_array_equal(unclear, [[False] * 3, [False, False, True], [False, True, False]])
