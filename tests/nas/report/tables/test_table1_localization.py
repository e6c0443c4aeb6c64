import re

import numpy as np
import pandas as pd
import pytest

from nas.report import pages
from nas.report.tables import table1_localization
from nas.report.writing import write_printed

MEASURES = ["BoxAcc@0.3", "MaxBoxAccV2", "BoxAcc@0.7", "PxAP"]
KINDS = ["raw", "nas_clusters.first", "slic.first"]
PAIRS = [("made", "mobilenet_v2"), ("made", "own_network"), ("cub", "mobilenet_v2")]
METHODS = ["lrp", "grad_cam", "rise", "random"]


def rows(dataset, network, method, kind, **given):
    """Estimates of all measures, that differ."""
    generator = np.random.default_rng(list(f"{dataset}{network}{method}{kind}".encode()))
    found = []
    for measure in MEASURES:
        value, gain = generator.random(), 0.0 if kind == "raw" else generator.normal(scale=0.1)
        estimate = {"value": value, "low": value - 0.1, "high": value + 0.1}
        gains = {"gain": gain, "gain_low": gain - 0.05, "gain_high": gain + 0.05, "gain_p": 0.0312}
        setting = {"dataset": dataset, "network": network, "method": method, "regions": kind, "measure": measure}
        found.append(setting | estimate | gains | {"n": 9, "labelled": 9, "seed": 3} | given)
    return found


@pytest.fixture
def summary():
    found = []
    for pair in PAIRS:
        for method in METHODS:
            found += [row for kind in KINDS for row in rows(*pair, method, kind)]
        found += rows(*pair, "center_gaussian", "raw")
        for kind in KINDS[1:]:
            found += rows(*pair, "mean", kind, value=np.nan, low=np.nan, high=np.nan)
    return pd.DataFrame(found)


def test_a_row_is_a_method_and_kind_of_a_network(summary):
    frame, bold, caption = table1_localization.table(summary)
    columns = ["data set", "network", "method", "regions", "MaxBoxAccV2", "Δ MaxBoxAccV2", "BoxAcc@0.7"]
    # what the claims are of comes first
    assert list(frame) == list(bold) == [*columns, "Δ BoxAcc@0.7", "BoxAcc@0.3", "PxAP", "n"]
    few = table1_localization.short(frame)
    assert few.any() and set(frame.loc[few, "method"]) <= table1_localization.PAPER
    assert set(frame.loc[few, "regions"]) <= table1_localization.INSIDE
    assert len(frame) == len(PAIRS) * (len(METHODS) * len(KINDS) + 1) and set(frame["n"]) == {"9"}
    assert list(frame.loc[0, columns[:4]]) == ["made", "MobileNetV2", "LRP", "raw"]
    assert set(frame["regions"]) == {"raw", "NAS clusters", "SLIC"} and "seed 3" in caption
    assert set(frame["network"]) == {"MobileNetV2", "own_network"} and "mean" not in set(frame["method"])
    settings = summary[summary["method"] != "mean"].drop_duplicates(["dataset", "network", "method", "regions"])
    for row, setting in zip(frame.to_dict("records"), settings.to_dict("records"), strict=True):
        same = (summary[["dataset", "network", "method", "regions"]] == [setting[key] for key in (
            "dataset", "network", "method", "regions")]).all(axis=1)  # fmt: skip
        for found in summary[same].to_dict("records"):
            measure = found["measure"]
            if measure in frame:
                assert row[measure] == f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
            if f"Δ {measure}" in frame:
                gain = f"{found['gain']:+.3f} [{found['gain_low']:+.3f}, {found['gain_high']:+.3f}]"
                assert row[f"Δ {measure}"] == ("" if found["regions"] == "raw" else gain)


def test_the_best_kind_of_a_method_is_bold_and_ties_are(summary):
    tied = (summary["method"] == "lrp") & (summary["measure"] == "PxAP") & (summary["regions"] != "raw")
    summary.loc[tied, "value"] = 2.0
    frame, bold, _ = table1_localization.table(summary)
    for _, group in frame.groupby(["data set", "network", "method"]):
        for measure in ("MaxBoxAccV2", "BoxAcc@0.7", "PxAP"):
            values = group[measure].str.split(" ").str[0].astype(float)
            expected = (values == values.max()) & (len(group) > 1)  # a control that is not averaged has no best
            assert bold.loc[group.index, measure].tolist() == expected.tolist()
    assert bold.loc[frame["method"] == "LRP", "PxAP"].sum() == 2 * len(PAIRS)
    assert not bold[["data set", "network", "method", "regions", "Δ BoxAcc@0.7", "n"]].any(axis=None)


def test_gains_count_the_methods_that_are_no_controls(summary):
    found = table1_localization.gains(summary)
    assert len(found) == len(PAIRS) * 2 * 2
    for row in found.to_dict("records"):
        kind = {"NAS clusters": "nas_clusters.first", "SLIC": "slic.first"}[row["regions"]]
        network = {"MobileNetV2": "mobilenet_v2"}.get(row["network"], row["network"])
        setting = [row["data set"], network, kind, row["measure"]]
        same = summary[(summary[["dataset", "network", "regions", "measure"]] == setting).all(axis=1)]
        same = same.set_index("method")
        real, mean = same.loc[["lrp", "grad_cam", "rise"]], same.loc["mean"]
        assert row["mean gain"].startswith(f"{mean['gain']:+.3f} [") and row["p"] == "0.031" and row["methods"] == "3"
        counts = [real["gain"] > 0, real["gain_low"] > 0, real["gain"] < 0, real["gain_high"] < 0]
        found_counts = [row[name] for name in ("better", "interval above 0", "worse", "interval below 0")]
        assert found_counts == [str(int(each.sum())) for each in counts]


def test_a_mean_without_a_p_value_says_so(summary):
    found = table1_localization.gains(summary.assign(gain_p=np.nan))
    assert set(found["p"]) == {"n/a"}


def test_controls_alone_have_no_mean_gain(summary):
    assert table1_localization.gains(summary[summary["method"].isin(["random", "center_gaussian"])]).empty


def test_a_data_set_in_which_nothing_can_be_located_has_an_empty_table(summary, tmp_path):
    frame, bold, caption = table1_localization.table(summary.iloc[:0])
    assert frame.empty and bold.empty and list(frame) == list(bold) == ["data set", "network", "method", "regions", "n"]
    write_printed(frame, tmp_path / "table1", caption, bold)
    assert (tmp_path / "table1.csv").read_text() == ",".join(frame) + "\n"
    assert "toprule" in (tmp_path / "table1.tex").read_text() and caption.endswith("so that nothing is measured.")
    tag = pages.table_tag(tmp_path, "table1")
    assert caption in tag and re.search("<th[^>]*>data set</th>", tag) and "<td" not in tag
    assert "seed" not in caption and table1_localization.gains(summary.iloc[:0]).empty


def test_measures_of_boxes_are_blank_where_there_are_masks_alone(summary):
    masks = summary["dataset"] == "cub"
    frame, bold, _ = table1_localization.table(summary[~masks | (summary["measure"] == "PxAP")])
    cub = frame[frame["data set"] == "cub"]
    assert (cub[["MaxBoxAccV2", "Δ MaxBoxAccV2", "BoxAcc@0.7"]] == "").all(axis=None) and (cub["PxAP"] != "").all()
    assert not bold.loc[cub.index, "BoxAcc@0.7"].any() and len(table1_localization.gains(summary[masks])) == 4


def test_maps_of_predictions_are_named_with_their_numbers(summary):
    assert "own prediction" not in table1_localization.table(summary)[2]
    some = (summary["dataset"] == "cub") | (summary["network"] == "own_network")
    caption = table1_localization.table(summary.assign(labelled=np.where(some, 4, 9)))[2]
    assert caption.endswith(": own_network on made (5 of 9), MobileNetV2 on cub (5 of 9).")
