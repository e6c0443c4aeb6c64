"""The table of classes, of what the stages classes and statistics make of photos made up here."""

import pytest
from class_projects import NETWORK, run_classes

from nas.classes.summary import summaries
from nas.report.tables import classes
from nas.statistics.resampling import Resampling


@pytest.fixture(scope="module")
def made(new_classes):
    """A project in which the stage classes has run."""
    return run_classes(new_classes())


def classes_summary(folder):
    """What the stage statistics makes of it."""
    found = summaries(folder / "data/classes/folder" / NETWORK, Resampling(0.9, 200, 3))["summary"]
    return found.assign(dataset="folder", network=NETWORK, seed=3)


def test_the_table_of_the_report_has_every_class_with_chance_and_interval(made):
    summary = classes_summary(made)
    table, caption = classes.table(summary)
    assert table["class"].tolist() == ["bird", "bird", "dog", "dog", "all", "all"]
    assert table["own k"].tolist() == ["3", "2"] * 3 and table["n"].tolist() == ["3", "3", "2", "2", "5", "5"]
    mean = summary.query("`class` == 'all' and own_k == 3").set_index("measure")["value"]
    row = table.iloc[4]
    assert row["ARI"].startswith(f"{mean['adjusted_rand_index']:.3f} [")
    assert row["ARI by chance"] == f"{mean['adjusted_rand_index_chance']:.3f}"
    assert row["Δ V-measure"].startswith(f"{mean['v_measure_above_chance']:+.3f} [")
    assert "(k = 4)" in caption
    assert set(table["network"]) == {"MobileNetV2"} and "depths 2-3-4, recipe's grid, seed 3." in caption


def test_shares_and_counts_are_those_of_the_summary(made):
    summary = classes_summary(made)
    table, _ = classes.table(summary)
    wide = summary.pivot(index=["class", "own_k"], columns="measure", values="value")
    for row in table.to_dict("records"):
        mean = wide.loc[(row["class"], int(row["own k"]))]
        assert row["shifts"] == f"{100 * mean['adjusted_rand_index_reached']:.2f}%"
        assert row["clusters seen"] == f"{mean['class_clusters']:.1f} of 4"
