"""Means and rank agreement by number of steps against plain means and scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from nas.relevance.steps_summary import STEPS_COLUMNS, steps_summaries
from nas.statistics import Resampling
from nas.store.tables import TABLE, write_table


def table_of():
    generator = np.random.default_rng(0)
    rows = [
        {"id": photo, "method": method, "direction": "least", "order": order, "replacement": "mean", "n_steps": n,
         "used": n == 4, "parts": 9, "steps": n, "auc": generator.random()}
        for photo in "abcde" for method in ("lrp", "random", "rise") for order in ("pixels", "tiles")
        for n in (4, 16, 64)
    ]  # fmt: skip
    return pd.DataFrame(rows)[STEPS_COLUMNS]


def test_summaries_are_those_of_plain_means_and_of_scipy(tmp_path):
    table = table_of()
    write_table(table, tmp_path / TABLE)
    found = steps_summaries(tmp_path, Resampling(0.95, 200, 0))["summary"]
    assert list(zip(found["order"], found["n_steps"], strict=True)) == [
        (order, n) for order in ("pixels", "tiles") for n in (4, 16, 64)
    ]
    for row in found.to_dict("records"):
        of_order = table[table["order"] == row["order"]]
        few, most = (of_order[of_order["n_steps"] == n].pivot(index="id", columns="method", values="auc")
                     for n in (row["n_steps"], 64))  # fmt: skip
        assert row["value"] == pytest.approx((few - most).abs().to_numpy().mean())
        assert row["tau"] == pytest.approx(kendalltau(few.mean(), most.mean()).statistic)
        assert row["low"] <= row["value"] <= row["high"] and row["tau_low"] <= row["tau_high"]
        assert (row["used"], row["n"], row["most_steps"], row["most_parts"]) == (
            row["n_steps"] == 4,
            5,
            row["n_steps"],
            9,
        )
    at_most = found[found["n_steps"] == 64]
    assert (at_most["value"] == 0).all() and (at_most["tau"] == 1).all()


def test_nothing_measured_is_a_table_without_rows(tmp_path):
    write_table(table_of().iloc[:0], tmp_path / TABLE)
    found = steps_summaries(tmp_path, Resampling(0.95, 200, 0))["summary"]
    assert found.empty and {"value", "tau", "used"} <= set(found)
