"""Cells hold what is known, by id."""

import math

import pandas as pd

from nas.claims.cells import Cell


def test_what_is_not_known_is_dropped_and_ids_are_text():
    cell = Cell.of("a", "b", "c", pd.Series([0.5, math.nan, 1], [3, 4, 5]), "why")
    assert cell.values.to_dict() == {"3": 0.5, "5": 1.0} and cell.missing == ""
    assert Cell.of("a", "b", "c", pd.Series([math.nan], ["x"]), "why").missing == "why"
    assert Cell("a", "b", "c").values.empty
