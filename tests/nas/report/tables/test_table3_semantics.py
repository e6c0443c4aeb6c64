import re

import numpy as np
import pandas as pd
import pytest

from nas.report import pages
from nas.report.tables import table3_semantics
from nas.report.tables.table3_semantics import SCORES, agreement, labels
from nas.report.writing import write_printed
from nas.semantics.few_labels import FEW_LABELS_COLUMNS

SETTING = ["dataset", "network", "method", "regions", "against"]
MEASURES = [*SCORES, *(f"gain_{score}" for score in SCORES)]


@pytest.fixture
def summary():
    rows = []
    for network in ("mobilenet_v2", "own_network"):
        for against in ("learnt tags", "truth"):
            for method in ("lrp", "random"):
                for kind in ("raw", "nas_components.first"):
                    setting = dict(zip(SETTING, ("made", network, method, kind, against), strict=True))
                    generator = np.random.default_rng(list("".join(setting.values()).encode()))
                    for measure in MEASURES:
                        value = generator.random()
                        estimate = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 7}
                        rows.append(setting | {"measure": measure, "seed": 3, "truth": "mask"} | estimate)
    return pd.DataFrame(rows)


def test_cells_are_the_estimates(summary):
    frame, bold, caption = table3_semantics.table(summary)
    columns = ["data set", "network", "against", "method", "regions", *SCORES.values(), "Δ mass share", "n"]
    assert list(frame) == list(bold) == columns and len(frame) == 16 and "seed 3" in caption
    assert set(frame["against"]) == {"clusters, learnt tags", "mask"} and set(frame["n"]) == {"7"}
    assert set(frame["regions"]) == {"raw", "NAS components"} and set(frame["method"]) == {"LRP", "random (control)"}
    for row, (_, group) in zip(frame.to_dict("records"), summary.groupby(SETTING, sort=False), strict=True):
        found = group.set_index("measure")
        for measure, heading in SCORES.items():
            mean, low, high = found.loc[measure, ["value", "low", "high"]]
            assert row[heading] == f"{mean:.3f} [{low:.3f}, {high:.3f}]"
        mean = found.loc["gain_mass_share", "value"]
        assert (
            row["Δ mass share"] == "" if row["regions"] == "raw" else row["Δ mass share"].startswith(f"{mean:+.3f} [")
        )


def test_boxes_are_not_called_masks(summary):
    frame, _, caption = table3_semantics.table(summary.assign(truth="boxes"))
    assert set(frame["against"]) == {"clusters, learnt tags", "box"}
    assert "against the box and" in caption and "from the boxes of" in caption and "mask " not in caption


def test_the_best_of_a_network_and_reference_is_bold(summary):
    frame, bold, _ = table3_semantics.table(summary)
    for _, group in frame.groupby(["network", "against"]):
        for heading in SCORES.values():
            values = group[heading].str.split(" ").str[0].astype(float)
            assert bold.loc[group.index, heading].tolist() == (values == values.max()).tolist()
    assert not bold[["method", "Δ mass share", "n"]].any(axis=None)


def test_a_data_set_without_tags_has_empty_tables(summary, tmp_path):
    whole, _, _ = table3_semantics.table(summary)
    frame, bold, caption = table3_semantics.table(summary.iloc[:0])
    assert frame.empty and bold.empty and "seed" not in caption
    assert list(frame) == list(bold) == list(whole)
    write_printed(frame, tmp_path / "table3", caption, bold)
    assert (tmp_path / "table3.csv").read_text() == ",".join(whole) + "\n"
    assert "toprule" in (tmp_path / "table3.tex").read_text() and caption.endswith("so that nothing is measured.")
    tag = pages.table_tag(tmp_path, "table3")
    assert caption in tag and re.search("<th[^>]*>data set</th>", tag) and "<td" not in tag
    for none in (agreement(pd.DataFrame(columns=["dataset", "network", "against", "measure", "value"])),
                 labels(pd.DataFrame(columns=["dataset", "network", *FEW_LABELS_COLUMNS]))):  # fmt: skip
        assert none.empty and none.style.hide(axis="index").to_html()


def test_what_no_photo_tells_is_not_available(summary):
    unknown = summary["against"] == "learnt tags"
    summary.loc[unknown, ["value", "low", "high"]] = np.nan
    summary.loc[unknown, "n"] = 0
    frame, bold, _ = table3_semantics.table(summary)
    learnt = frame["against"] == "clusters, learnt tags"
    assert (frame.loc[learnt, list(SCORES.values())] == "n/a").all(axis=None)
    assert not bold[learnt].any(axis=None) and bold[~learnt].any(axis=None)


def test_agreement_has_a_row_for_each_source_of_tags_and_score():
    found = pd.DataFrame(
        [
            {"dataset": "made", "network": "mobilenet_v2", "against": against, "measure": measure, "value": 0.256,
             "low": -0.1, "high": 0.5, "n": 7, "methods": 5}
            for against in ("learnt tags", "hand tags") for measure in SCORES
        ]
    )  # fmt: skip
    frame = agreement(found)
    assert frame["score"].tolist() == [*SCORES.values()] * 2
    assert set(frame["τ"]) == {"0.26 [-0.10, 0.50]"} and set(frame["n"]) == {"7"} and set(frame["methods"]) == {"5"}


def test_labels_have_a_row_for_each_class_and_number():
    rows = [
        {"dataset": "made", "network": "mobilenet_v2", "class": name, "photos": 5, "labelled": n, "measure": measure,
         "draws": draws, "value": mean + n / 100, "low": 0.1, "high": 0.9}
        for name in ("dog", "bird") for n in (1, 2) for measure, draws, mean in (("IoU", 20, 0.5), ("tau", 18, 0.6))
    ]  # fmt: skip
    frame = labels(pd.DataFrame(rows))
    assert frame[["class", "labelled photos"]].to_numpy().tolist() == [
        [name, f"{n} of 5"] for name in ("dog", "bird") for n in (1, 2)
    ]
    assert frame["IoU of the others"].tolist() == ["0.51 [0.10, 0.90]", "0.52 [0.10, 0.90]"] * 2
    assert frame["τ of methods"].tolist() == ["0.61 [0.10, 0.90]", "0.62 [0.10, 0.90]"] * 2
    assert set(frame["draws"]) == {"20"}
