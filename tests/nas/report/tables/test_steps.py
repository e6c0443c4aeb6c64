"""The table of steps, from a made-up summary."""

import numpy as np
import pandas as pd

from nas.report.tables import steps

ROW = {"order": "slic.first", "most_parts": 31, "n_steps": 8, "used": True, "value": 0.0123, "low": 0.01, "high": 0.02,
       "n": 4, "tau": 0.9, "tau_low": 0.7, "tau_high": 1.0}  # fmt: skip


def test_a_row_has_the_distance_and_the_agreement():
    other = {**ROW, "n_steps": 64, "used": False, "tau": np.nan}
    found = steps.table(pd.DataFrame([ROW, other]))
    assert found.iloc[0].tolist() == ["SLIC", "31", "8", "0.012 [0.010, 0.020]", "0.90 [0.70, 1.00]", "yes", "4"]
    assert found.iloc[1][["steps", "tau of rankings", "used here"]].tolist() == ["64", "n/a", ""]


def test_nothing_is_a_table_without_rows():
    assert steps.table(pd.DataFrame([ROW]).iloc[:0]).empty
