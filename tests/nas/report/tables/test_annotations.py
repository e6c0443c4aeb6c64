"""Photos about which something was decided."""

from pathlib import Path

import pandas as pd

from nas.data.records import Record
from nas.report.tables.annotations import table


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
