"""Convergence by method and count."""

import pandas as pd

from nas.report.tables import convergence
from nas.saliency.summary import SETTING


def test_the_table_marks_the_count_used():
    summary = pd.DataFrame(
        [
            {"method": "rise", "parameter": "n_masks", "factor": factor, "count": int(factor * 128),
             "reference_count": 512, "value": 0.9 - 0.1 / factor, "low": 0.1, "high": 0.95, "n": 2}
            for factor in (0.25, 0.5, 1.0, 2.0)
        ]
    )  # fmt: skip
    frame = convergence.table(summary, summary.assign(value=[0.01, 0.02, 0.03, 0.04], low=0.0, high=0.05))
    assert frame["count"].tolist() == ["32 masks", "64 masks", "128 masks", "256 masks"]
    assert frame["used here"].tolist() == ["", "", "yes", ""] and set(frame["reference"]) == {"512"}
    assert frame["rank correlation"].iloc[2] == "0.800 [0.100, 0.950]" and set(frame["n"]) == {"2"}
    assert frame["AUROC, distance"].tolist() == [f"0.0{number}0 [0.000, 0.050]" for number in (1, 2, 3, 4)]
    assert set(frame["method"]) == {"RISE"}


def test_without_a_count_there_is_no_row():
    summary = pd.DataFrame(columns=[*SETTING, "measure", "value", "low", "high", "n"])
    assert convergence.table(summary, summary).empty
