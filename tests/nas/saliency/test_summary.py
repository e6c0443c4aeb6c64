"""Summaries of rows against plain means and intervals."""

import numpy as np
import pandas as pd
import pytest

from nas.saliency.summary import CONVERGENCE_COLUMNS, SETTING, summaries
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling
from nas.store.tables import write_table

RESAMPLING = Resampling(0.9, 50, 3)
COUNTS = {"integrated_gradients": "n_steps", "smoothgrad": "n_samples", "kernel_shap": "n_samples"}


def measured():
    """Two photos, of which the second has no mask, three methods at two factors."""
    generator = np.random.default_rng(0)
    for photo in "ab":
        for method, parameter in COUNTS.items():
            for factor, count in ((0.5, 4), (3.0, 12)):
                found = generator.random(3)
                found[1:] = found[1:] if photo == "a" else np.nan
                yield (photo, method, parameter, factor, count, 20, *found)


def test_summaries_have_the_mean_over_photos_of_each_method_and_count(tmp_path):
    table = pd.DataFrame(measured(), columns=CONVERGENCE_COLUMNS)
    write_table(table, tmp_path / "table.parquet")
    found = summaries(tmp_path, RESAMPLING)
    for name, measure, values in (
        ("summary", "spearman", table["spearman"]),
        ("contrast", "auroc_shift", (table["auroc"] - table["reference_auroc"]).abs()),
    ):
        rows = found[name].to_dict("records")
        assert len(rows) == 3 * 2
        for row in rows:
            of_setting = (table[SETTING] == [row[key] for key in SETTING]).all(axis=1)
            expected = interval(values[of_setting], *RESAMPLING)
            assert row["measure"] == measure
            assert tuple(row[key] for key in expected._fields) == pytest.approx(tuple(expected), nan_ok=True)
    empty = table.iloc[:0]
    write_table(empty, tmp_path / "empty/table.parquet")
    for name, each in summaries(tmp_path / "empty", RESAMPLING).items():
        assert each.empty and list(each) == list(found[name])
