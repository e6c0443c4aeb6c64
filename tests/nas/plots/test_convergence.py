import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.plots import convergence
from nas.results import convergence as results

COUNTS = {"smoothgrad": ("n_samples", 16), "rise": ("n_masks", 128), "lime": ("n_samples", 1000)}
NAMES = {"smoothgrad": "SmoothGrad", "rise": "RISE", "lime": "LIME"}


@pytest.fixture
def new_summary():
    """A function that makes a summary of some methods at multiples of their counts."""

    def make(methods=tuple(COUNTS), factors=(0.25, 0.5, 1.0, 2.0)):
        rows = [
            {"method": method, "parameter": COUNTS[method][0], "factor": factor,
             "count": int(factor * COUNTS[method][1]), "reference_count": 4 * COUNTS[method][1],
             "mean": 0.9 - 0.1 / factor - 0.01 * number, "low": 0.1,
             "high": 0.95, "n": 2, "dataset": "made", "network": "mobilenet_v2", "seed": 3}
            for number, method in enumerate(methods) for factor in factors
        ]  # fmt: skip
        return pd.DataFrame(rows).sample(frac=1, random_state=0)

    return make


@pytest.fixture
def drawn():
    """A function that draws, and gives the axes."""
    yield lambda summary: convergence.correlation(summary).axes[0]
    plt.close("all")


def lines_of(ax):
    return {line.get_label().partition(",")[0]: line for line in ax.lines if not line.get_label().startswith("_")}


@pytest.mark.parametrize("methods", [["rise"], list(COUNTS)])
def test_a_method_is_a_line_over_its_counts(new_summary, drawn, methods):
    summary = new_summary(methods)
    ax = drawn(summary)
    lines = lines_of(ax)
    assert set(lines) == {NAMES[method] for method in methods}
    for line in lines.values():
        assert line.get_xdata().tolist() == [0.25, 0.5, 1, 2] and (np.diff(line.get_ydata()) > 0).all()
    assert lines["RISE"].get_label() == "RISE, 128 masks"
    assert len({(line.get_color(), line.get_marker()) for line in lines.values()}) == len(methods)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.25×", "0.5×", "1×", "2×"]
    assert ax.get_ylim()[0] <= 0 and ax.get_ylim()[1] > 1 and "rank correlation" in ax.get_ylabel()
    assert len(ax.get_legend().get_texts()) == len(methods)


def test_negative_correlations_are_inside_the_figure(new_summary, drawn):
    summary = new_summary()
    summary["mean"] -= 1
    assert drawn(summary).get_ylim()[0] <= summary["mean"].min()


def test_the_count_used_is_known_where_it_was_not_run(new_summary, drawn):
    summary = new_summary(factors=(0.5, 2.0))
    labels = {line.get_label() for line in lines_of(drawn(summary)).values()}
    assert labels == {"SmoothGrad, 16 samples", "RISE, 128 masks", "LIME, 1000 samples"}
    assert "one of 4 times the count" in convergence.caption(summary)


def test_the_caption_says_what_was_compared(new_summary):
    caption = convergence.caption(new_summary())
    assert "on made with MobileNetV2 (n = 2 photos, seed 3)" in caption and "one of 4 times the count" in caption


def test_the_table_marks_the_count_used(new_summary):
    summary = new_summary(["rise"]).sort_values("factor")
    frame = results.table(summary)
    assert frame["count"].tolist() == ["32 masks", "64 masks", "128 masks", "256 masks"]
    assert frame["used here"].tolist() == ["", "", "yes", ""] and set(frame["reference"]) == {"512"}
    assert frame["rank correlation"].iloc[2] == "0.800 [0.100, 0.950]" and set(frame["n"]) == {"2"}
