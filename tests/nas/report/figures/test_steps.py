"""Distances and rank agreement by number of steps, from made-up summaries."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.report.figures import steps
from nas.store.tables import write_table

ORDERS = {"pixels": 0.04, "slic.first": 0.01}


@pytest.fixture
def new_summary():
    """A function that makes a summary, of some numbers of steps, in an order of its own."""

    def make(counts=(4, 8, 64), used=8):
        rows = [
            {"direction": "least", "order": order, "replacement": "mean", "n_steps": n, "used": n == used,
             "most_parts": 99, "most_steps": n, "value": shift * (64 - n) / 64, "low": 0.5 * shift * (64 - n) / 64,
             "high": 2 * shift * (64 - n) / 64, "n": 4,
             "tau": 1 - shift * (64 - n) / 64, "tau_low": 0.5, "tau_high": 1.0,
             "dataset": "made", "network": "mobilenet_v2", "seed": 3}
            for order, shift in ORDERS.items() for n in counts
        ]  # fmt: skip
        return pd.DataFrame(rows).sample(frac=1, random_state=0)

    yield make
    plt.close("all")


def test_an_order_is_a_line_over_fewer_steps_than_the_most(new_summary):
    summary = new_summary()
    left, right = steps.distances(summary).axes
    for ax, column in ((left, "value"), (right, "tau")):
        lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
        assert set(lines) == {"pixels", "SLIC"}
        for (order, _), line in zip(ORDERS.items(), (lines["pixels"], lines["SLIC"]), strict=True):
            expected = summary[(summary["order"] == order) & (summary["n_steps"] < 64)].sort_values("n_steps")
            assert line.get_ydata().tolist() == expected[column].tolist()
            np.testing.assert_allclose(line.get_xdata(), [4, 8], rtol=0.05)  # side by side
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["4", "8"]
    assert -0.01 < left.get_ylim()[0] < 0 and left.get_ylim()[1] >= 2 * 0.04 * 60 / 64 and right.get_ylim()[1] > 1


def test_the_caption_says_how_far_the_report_is_from_the_most(new_summary):
    caption = steps.caption(new_summary())
    assert "on made with MobileNetV2 (n = 4 photos, seed 3, replacement: mean)" in caption and "of 64 steps" in caption
    assert caption.endswith(
        "(dotted): areas are 0.035 away on average where it is most (pixels), and the lowest tau is 0.96 (pixels)."
    )
    assert steps.caption(new_summary(used=64)).endswith("This report uses 64 steps, the most of these.")


def test_rankings_that_are_not_known_are_left_out(new_summary):
    caption = steps.caption(new_summary().assign(tau=np.nan))
    assert caption.endswith("areas are 0.035 away on average where it is most (pixels).")


def test_one_number_of_steps_is_shown_itself(new_summary):
    left, _ = steps.distances(new_summary([8])).axes
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["8"]


def test_nothing_to_show_is_said(new_summary):
    nothing = new_summary().iloc[:0]
    assert "nothing to show" in steps.caption(nothing) and len(steps.distances(nothing).axes) == 0


def test_it_is_loaded_from_the_statistics(tmp_path, new_summary):
    path = tmp_path / "data/statistics/steps/made/net/summary.parquet"
    path.parent.mkdir(parents=True)
    write_table(new_summary(), path)
    pd.testing.assert_frame_equal(steps.load(tmp_path, "made", "net"), new_summary().reset_index(drop=True))
