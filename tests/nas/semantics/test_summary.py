"""Means and rank agreement of a table made up here."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from nas.semantics.evaluation import GAINS
from nas.semantics.scores import SCORES
from nas.semantics.summary import SETTING, rank_agreement, summaries
from nas.semantics.tags import HAND, LEARNT, TRUTH
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling
from nas.store.tables import write_table

RESAMPLING = Resampling(0.9, 60, 4)
REAL, CLASSES = ["lrp", "rise", "cam", "gradient"], {"bird": "cab", "dog": "ed"}


@pytest.fixture
def table():
    generator = np.random.default_rng(0)
    rows = [
        {"id": photo, "class": name, "method": method, "regions": inside, "truth": "mask", "against": against}
        | dict(zip([*SCORES, *GAINS], generator.random(2 * len(SCORES)), strict=True))
        for name, photos in CLASSES.items()
        for photo in photos
        for method in [*REAL, "random", "center_gaussian"]
        for inside in ("raw", "slic.first")
        for against in (LEARNT, TRUTH, *([HAND] if name == "bird" else []))
    ]
    found = pd.DataFrame(rows)
    found.loc[(found["id"] == "a") & (found["against"] == LEARNT), "auroc"] = np.nan  # tags that name no object
    return found


def assert_agreement(found, table, measures):
    for row in found.to_dict("records"):
        raw = table[(table["regions"] == "raw") & table["method"].isin(REAL)]
        scores = raw.pivot(index=["class", "id"], columns=["against", "method"], values=row["measure"])
        scores = scores[[row["against"], TRUTH]].dropna()
        means = scores.mean()
        expected = kendalltau(*(means[against][REAL] for against in (row["against"], TRUTH))).statistic
        assert row["value"] == pytest.approx(expected) and row["low"] <= row["high"]
        assert (row["n"], row["methods"]) == (len(scores), len(REAL))
    assert set(zip(found["against"], found["measure"], strict=True)) == measures


def test_agreement_is_between_the_rankings_of_the_methods_that_are_no_controls(table):
    measures = {(source, measure) for source in (LEARNT, HAND) for measure in SCORES}
    found = rank_agreement(table, RESAMPLING)
    assert_agreement(found, table, measures)
    counts = found.set_index(["against", "measure"])["n"]
    assert counts[LEARNT, "auroc"] == 4 and counts[LEARNT, "mass_share"] == 5 and counts[HAND, "auroc"] == 3


@pytest.mark.parametrize("left", [(TRUTH,), (LEARNT, HAND)])
def test_without_truth_or_tags_nothing_agrees(table, left):
    found = rank_agreement(table[table["against"].isin(left)], RESAMPLING)
    assert found.empty and list(found) == list(rank_agreement(table, RESAMPLING))


def test_means_are_over_the_photos_of_all_classes(table, tmp_path):
    write_table(table, tmp_path / "table.parquet")
    found = summaries(tmp_path, RESAMPLING)
    groups = dict(list(table.groupby(SETTING)))
    assert len(found["summary"]) == len(groups) * 2 * len(SCORES) and set(found["summary"]["truth"]) == {"mask"}
    for row in found["summary"].to_dict("records"):
        expected = interval(groups[tuple(row[key] for key in SETTING)][row["measure"]], *RESAMPLING)
        assert tuple(row[key] for key in expected._fields) == pytest.approx(tuple(expected), nan_ok=True)
    assert_agreement(found["agreement"], table, {(source, m) for source in (LEARNT, HAND) for m in SCORES})


def test_the_kinds_of_truth_are_told_and_an_empty_table_has_all_columns(table, tmp_path):
    table.loc[table["class"] == "dog", "truth"] = "boxes"
    write_table(table, tmp_path / "table.parquet")
    full = summaries(tmp_path, RESAMPLING)
    assert set(full["summary"]["truth"]) == {"boxes,mask"}
    write_table(table.iloc[:0], tmp_path / "empty/table.parquet")
    for name, each in summaries(tmp_path / "empty", RESAMPLING).items():
        assert each.empty and list(each) == list(full[name])
