"""Summaries are read from where the stage writes them."""

import pandas as pd
import pytest

from nas.report import results
from nas.store.tables import write_table


@pytest.fixture
def stored(tmp_path):
    for dataset in ("made", "other"):
        for network in ("one", "two"):
            for subject, name in (("statistics/relevance", "summary"), ("statistics/relevance", "tau"),
                                  ("semantics", "labels")):  # fmt: skip
                row = {"dataset": dataset, "network": network, "from": f"{subject}/{name}"}
                write_table(pd.DataFrame([row]), tmp_path / "data" / subject / dataset / network / f"{name}.parquet")
    return tmp_path


def test_summaries_are_of_what_is_asked_for_in_that_order(stored):
    found = results.summary(stored, "relevance", ["other", "made"], ["two", "one"])
    pairs = [("other", "two"), ("other", "one"), ("made", "two"), ("made", "one")]
    assert list(zip(found["dataset"], found["network"], strict=True)) == pairs
    assert set(found["from"]) == {"statistics/relevance/summary"}
    taus = results.summary(stored, "relevance", ["made"], ["one"], "tau")
    assert taus["from"].tolist() == ["statistics/relevance/tau"]


def test_labels_are_those_of_the_stage_semantics(stored):
    found = results.labels(stored, ["made"], ["one", "two"])
    assert set(found["from"]) == {"semantics/labels"} and found["network"].tolist() == ["one", "two"]
