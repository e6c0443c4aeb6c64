"""Numbers in cells are those of the summary."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.report.cells import prints_alike, signed, wide, with_interval
from nas.statistics.bootstrap import Estimate

many = settings(max_examples=40, deadline=None, derandomize=True)


def summary():
    rows = [("nas", "ua", 0.5, 0.25, 0.75, 9), ("nas", "n", 12.0, 11.0, 13.0, 10), ("slic", "ua", 0.1, 0.0, 0.2, 8)]
    rows.append(("slic", "n", np.nan, np.nan, np.nan, 0))
    return pd.DataFrame(rows, columns=["method", "measure", "value", "low", "high", "n"])


def test_a_wide_table_has_one_row_per_setting_and_one_column_per_measure():
    found = wide(summary(), {"method": "Method"}, {"n": "regions", "ua": "UA"}, digits=2)
    expected = pd.DataFrame(
        {
            "Method": ["nas", "slic"],
            "regions": ["12.00 [11.00, 13.00]", "n/a"],
            "UA": ["0.50 [0.25, 0.75]", "0.10 [0.00, 0.20]"],
            "n": ["10 / 9", "8"],
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_settings_of_several_columns_stay_in_their_order():
    rows = pd.concat([summary().assign(k=k) for k in (9, 5)])
    found = wide(rows, {"k": "clusters", "method": "method"}, {"ua": "UA"})
    assert found[["clusters", "method"]].to_numpy().tolist() == [
        ["9", "nas"], ["9", "slic"], ["5", "nas"], ["5", "slic"]
    ]  # fmt: skip
    assert found["n"].tolist() == ["9", "8"] * 2  # of the measures that are shown


def test_an_estimate_reads_the_same_as_a_row_or_by_itself():
    row = {"value": 0.8125, "low": -0.79, "high": 0.8349, "measure": "x"}
    assert with_interval(row) == with_interval(Estimate(0.8125, -0.79, 0.8349, 3))
    assert with_interval(row, 2) == "0.81 [-0.79, 0.83]"


@pytest.mark.parametrize("digits", [0, 2, 3])
@many
@given(numbers=st.tuples(*[st.floats(-5, 5)] * 3))
def test_printed_numbers_are_the_numbers_up_to_their_digits(digits, numbers):
    estimate = Estimate(*numbers, 7)
    for text, last in ((with_interval(estimate, digits), digits), (signed(estimate._asdict()), 3)):
        printed = [float(part) for part in text.replace("[", "").replace("]", "").replace(",", "").split(" ")]
        np.testing.assert_allclose(printed, numbers, atol=0.5000001 * 10.0**-last)


def test_a_single_photo_has_no_interval():
    of_one = {"value": 0.4774, "low": np.nan, "high": np.nan}
    assert with_interval(of_one) == "0.477 [n/a]" and signed(of_one) == "+0.477 [n/a]"


def test_a_difference_has_its_sign():
    assert signed({"value": 0.0421, "low": -0.01, "high": 0.0904}) == "+0.042 [-0.010, +0.090]"


@many
@given(value=st.floats(0, 1), best=st.floats(0, 1))
def test_what_prints_alike_has_the_same_cell(value, best):
    cells = [with_interval(Estimate(each, 0, 1, 3)) for each in (value, best)]
    assert prints_alike(value, best) == (cells[0] == cells[1])
    assert prints_alike(value, value) and not prints_alike(np.nan, best) and not prints_alike(np.nan, np.nan)
