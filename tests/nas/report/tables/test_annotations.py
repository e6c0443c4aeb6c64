"""Photos about which something was decided."""

from pathlib import Path

import pandas as pd

from nas.data.records import Record
from nas.data.taken import Taken, write_taken
from nas.report.tables.annotations import table, taken


def test_only_photos_with_a_decision_are_listed():
    known = {"class_name": "crane", "label_source": "ours"}
    records = [
        Record("a", Path("a.png"), "0", note="the shadow is not part of it", **known),
        Record("b", Path("b.png"), "0", **known),
        Record("c", Path("c.png"), "0", note="both birds", class_name="owl", label_source="ImageNet"),
    ]
    expected = {
        "photo": ["a", "c"],
        "class": ["crane", "owl"],
        "label": ["ours", "ImageNet"],
        "decision": ["the shadow is not part of it", "both birds"],
    }
    pd.testing.assert_frame_equal(table(records), pd.DataFrame(expected))
    assert table(records[1:2]).empty


def test_what_was_taken_is_a_row_for_each_data_set(tmp_path):
    write_taken(Taken(9, 4, 0.2345, ["a", "b", "c"]), tmp_path / "data/raw/folder")
    write_taken(Taken(3, 0, 0.0, ["d"]), tmp_path / "data/raw/cub")
    found = taken(tmp_path, ["folder", "cub"])
    assert found.iloc[0].to_list() == ["folder", 9, 4, "23.4%", "a, b, c"]
    assert found.iloc[1].to_list() == ["cub", 3, 0, "-", "d"]
