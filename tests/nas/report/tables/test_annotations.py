"""Photos about which something was decided."""

from pathlib import Path

import pandas as pd

from nas.data.records import Record
from nas.data.taken import Taken, write_taken
from nas.report.tables.annotations import table, taken, without_boundaries


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
    write_taken(
        Taken(9, 5, 4, 0.2345, 0.5, "squares of 6 x 6 pixels", ["a", "b", "c"], {"squares": 3, "names": 1}),
        tmp_path / "data/raw/stl10",
    )
    write_taken(Taken(3, 0, 0, without=["d"]), tmp_path / "data/raw/cub")
    write_taken(Taken(1, 1, 1, 0.25), tmp_path / "data/raw/folder")
    found = taken(tmp_path, ["stl10", "cub", "folder"])
    squares = "squares of 6 x 6 pixels"
    assert found.iloc[0].to_list() == ["stl10", 9, 5, 4, "23.4%", "50.0%", squares, "a, b, c", "squares: 3, names: 1"]
    assert found.iloc[1].to_list() == ["cub", 3, 0, 0, "-", "-", "-", "d", "-"]
    assert found.iloc[2].to_list() == ["folder", 1, 1, 1, "25.0%", "0.0%", "pixels", "-", "-"]
    said = "Boundaries are not measured where masks of stl10 are made of squares of 6 x 6 pixels."
    assert without_boundaries(tmp_path, ["stl10", "cub", "folder"]) == said
    assert without_boundaries(tmp_path, ["cub", "folder"]) == ""
