import csv
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.report.cells import wide, with_interval
from nas.report.writing import write_printed
from nas.statistics.bootstrap import Estimate
from nas.statistics.summaries import ratio_of_means, summarize, with_columns
from nas.store.tables import collect

random = settings(max_examples=25, deadline=None, derandomize=True)
NUMBERS = st.floats(-5, 5).map(lambda value: round(value, 3)) | st.just(float("nan"))
BOOTSTRAP = {"level": 0.9, "n_resamples": 200, "seed": 3}
# what a table may hold: anything that the formats treat specially
TEXT = st.text("ab 7&%$#_{}~^\\|<>\"',;*", min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def measured(draw):
    """Rows of two settings, in turns, with some numbers missing."""
    n = draw(st.integers(1, 6))
    rows = [
        {"size": size, "k": k, "a": draw(NUMBERS), "b": draw(NUMBERS), "c": draw(st.floats(1, 5))}
        for _ in range(n)
        for size, k in (("first", "5"), ("image", "auto"))
    ]
    return pd.DataFrame(rows)


def test_what_was_not_measured_has_no_number():
    rows = pd.DataFrame({"k": [1, 1], "a": [0.5, 1.5]})
    found = summarize(rows, ["k"], ["a", "absent"], ratios={"ratio": ("a", "gone")}, **BOOTSTRAP)
    assert found["n"].tolist() == [2, 0, 0] and found["mean"].isna().tolist() == [False, True, True]
    assert list(with_columns(rows, ["a", "absent"]).columns) == ["k", "a", "absent"]


@random
@given(rows=measured())
def test_means_are_plain_means_of_the_photos_that_have_a_number(rows):
    found = summarize(rows, ["size", "k"], ["a", "b"], ratios={"ratio": ("a", "c")}, **BOOTSTRAP)
    assert found[["size", "k", "measure"]].to_numpy().tolist() == [
        [*setting, measure] for setting in (("first", "5"), ("image", "auto")) for measure in ("a", "b", "ratio")
    ]
    for row in found.to_dict("records"):
        group = rows[rows["size"] == row["size"]]
        if row["measure"] == "ratio":
            group = group[~np.isnan(group["a"])]
            used, expected = group["a"].to_numpy(), group["a"].sum() / group["c"].sum() if len(group) else np.nan
        else:
            used = np.array([value for value in group[row["measure"]] if not np.isnan(value)])
            expected = sum(used) / len(used) if len(used) else np.nan
        assert row["n"] == len(used)
        np.testing.assert_allclose(row["mean"], expected, atol=1e-9)
        if len(used) < 2:
            assert np.isnan(row["low"]) and np.isnan(row["high"])
        else:
            assert row["low"] <= row["high"]
            if row["measure"] != "ratio":
                assert used.min() - 1e-9 <= row["low"] and row["high"] <= used.max() + 1e-9


@random
@given(rows=measured())
def test_a_setting_is_summarized_from_its_own_rows_alone(rows):
    both = summarize(rows, ["size"], ["a"], ratios={"ratio": ("b", "c")}, **BOOTSTRAP)
    image = rows[rows["size"] == "image"]
    alone = summarize(image, ["size"], ["a"], ratios={"ratio": ("b", "c")}, **BOOTSTRAP)
    pd.testing.assert_frame_equal(both[both["size"] == "image"].reset_index(drop=True), alone)


def test_intervals_are_those_of_resampled_means():
    values = np.random.default_rng(0).normal(size=(40, 2)) + 3
    rows = pd.DataFrame(values, columns=["a", "b"]).assign(method="nas")
    found = summarize(
        rows, ["method"], ["a"], ratios={"ratio": ("a", "b")}, level=0.8, n_resamples=4000, seed=0
    ).set_index("measure")
    drawn = values[np.random.default_rng(1).integers(40, size=(4000, 40))]
    means = drawn.mean(axis=1)
    for measure, replicates in (("a", means[:, 0]), ("ratio", means[:, 0] / means[:, 1])):
        expected = np.quantile(replicates, [0.1, 0.9])
        np.testing.assert_allclose(found.loc[measure, ["low", "high"]].to_numpy(float), expected, atol=0.02)


@random
@given(above=st.lists(st.floats(-5, 5), min_size=1, max_size=5), below=st.floats(1, 5))
def test_a_ratio_of_means_is_no_mean_of_ratios(above, below):
    denominators = [below * (n + 1) for n in range(len(above))]
    expected = (sum(above) / len(above)) / (sum(denominators) / len(denominators))
    found = ratio_of_means(np.array(above), np.array(denominators))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def summary():
    rows = [("nas", "ua", 0.5, 0.25, 0.75, 9), ("nas", "n", 12.0, 11.0, 13.0, 10), ("slic", "ua", 0.1, 0.0, 0.2, 8)]
    rows.append(("slic", "n", np.nan, np.nan, np.nan, 0))
    return pd.DataFrame(rows, columns=["method", "measure", "mean", "low", "high", "n"])


def test_a_wide_table_has_one_row_per_setting_and_one_column_per_measure():
    found = wide(summary(), {"method": "Method"}, {"n": "regions", "ua": "UA"}, digits=2)
    expected = pd.DataFrame(
        {
            "Method": ["nas", "slic"],
            "regions": ["12.00 [11.00, 13.00]", "n/a"],
            "UA": ["0.50 [0.25, 0.75]", "0.10 [0.00, 0.20]"],
            "n": ["10", "8"],
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_an_estimate_reads_the_same_as_a_row_or_by_itself():
    row = {"mean": 0.8125, "low": -0.79, "high": 0.8349, "measure": "x"}
    assert with_interval(row) == with_interval(Estimate(0.8125, -0.79, 0.8349, 3))
    assert with_interval(row, 2) == "0.81 [-0.79, 0.83]"


def test_tables_are_collected_of_what_is_asked_for_and_nothing_else(tmp_path):
    for dataset in ("sample", "other"):
        for network in ("one", "two"):
            folder = tmp_path / "data" / "ablation" / dataset / network
            folder.mkdir(parents=True)
            pd.DataFrame({"dataset": [dataset] * 2, "network": network}).to_parquet(folder / "summary.parquet")
    found = collect(tmp_path, "ablation", ["sample"], ["two", "one"])
    assert found["network"].tolist() == ["two", "two", "one", "one"]
    assert set(found["dataset"]) == {"sample"} and found.index.tolist() == [0, 1, 2, 3]
    with pytest.raises(OSError, match="absent"):
        collect(tmp_path, "ablation", ["absent"], ["one"])


@st.composite
def printed(draw):
    headings = draw(st.lists(TEXT, min_size=1, max_size=3, unique=True))
    n = draw(st.integers(1, 3))
    return pd.DataFrame({heading: draw(st.lists(TEXT, min_size=n, max_size=n)) for heading in headings})


def cells(table):
    return [list(table.columns), *table.to_numpy().tolist()]


@random
@given(table=printed(), caption=TEXT)
def test_the_same_cells_are_in_csv_markdown_and_latex(tmp_path_factory, table, caption):
    stem = tmp_path_factory.mktemp("tables") / "deep" / "table1"
    write_printed(table, stem, caption)
    assert sorted(path.name for path in stem.parent.iterdir()) == ["table1.csv", "table1.md", "table1.tex"]

    with stem.with_suffix(".csv").open(newline="") as file:
        assert list(csv.reader(file)) == cells(table)

    heading, blank, *lines = stem.with_suffix(".md").read_text().split("\n")
    assert (heading, blank) == (caption, "")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line]
    assert re.fullmatch(r"[|:-]+", lines[1])
    assert [[cell.strip().replace(r"\|", "|") for cell in row] for row in rows[:1] + rows[2:]] == cells(table)

    text = stem.with_suffix(".tex").read_text()
    body = re.search(r"\\toprule\n(.*) \\\\\n\\midrule\n(.*) \\\\\n\\bottomrule\n", text, re.DOTALL)
    rows = [body.group(1), *body.group(2).split(" \\\\\n")]
    assert [[unescape(cell) for cell in row.split(" & ")] for row in rows] == cells(table)
    assert unescape(re.search(r"\\caption\{(.*)\}\n", text).group(1)) == caption


def unescape(text):
    """What LaTeX would print; fails on a special character that is not escaped."""
    spelled = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "space": " "}
    pattern = r"\\(text\w+|space)(?:\{\}| ?)|\\([&%$#_{}])|([^&%$#_{}~^\\])|(?P<bare>.)"
    printed = ""
    for found in re.finditer(pattern, text):
        assert not found["bare"], text
        printed += spelled[found[1]] if found[1] else found[2] or found[3]
    return printed.strip()
