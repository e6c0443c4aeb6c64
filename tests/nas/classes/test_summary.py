"""The summary against intervals of the rows of each class, and of each photo once."""

import numpy as np
import pandas as pd

from nas.classes.agreement import MEASURES
from nas.classes.summary import summaries
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling
from nas.store.tables import write_table

RESAMPLING = Resampling(0.9, 60, 2)


def test_the_summary_is_of_each_class_and_of_all_photos_once(tmp_path):
    generator = np.random.default_rng(0)
    photos = {"bird": "abc", "crane": "ab", "dog": "de"}  # two birds are in two classes
    rows = [
        {"id": photo, "class": name, "own_k": k, **dict.fromkeys(("depths", "clusters", "weighting"), "4")}
        | dict(zip([*MEASURES, "class_clusters"], generator.random(len(MEASURES) + 1), strict=True))
        for name, members in photos.items()
        for photo in members
        for k in (3, 2)
    ]
    write_table(pd.DataFrame(rows), tmp_path / "table.parquet")
    summary = summaries(tmp_path, RESAMPLING)["summary"]
    assert len(summary) == 4 * 2 * (len(MEASURES) + 1)
    assert (summary[["depths", "clusters", "weighting"]] == "4").all(axis=None)
    for row in summary.to_dict("records"):
        of_class = [each for each in rows if row["class"] in (each["class"], "all") and each["own_k"] == row["own_k"]]
        by_photo = {}
        for each in of_class:
            by_photo.setdefault(each["id"], []).append(each[row["measure"]])
        expected = interval([np.mean(values) for values in by_photo.values()], *RESAMPLING)
        np.testing.assert_allclose([row[key] for key in expected._fields], expected, atol=1e-12)
    assert set(summary.loc[summary["class"] == "all", "n"]) == {5}
