import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.report.figures import convergence
from nas.report.figures.convergence import Content, correlation
from nas.saliency.summary import CONVERGENCE_COLUMNS, SETTING
from nas.store.tables import write_table

COUNTS = {"smoothgrad": ("n_samples", 16), "rise": ("n_masks", 128), "lime": ("n_samples", 1000)}
NAMES = {"smoothgrad": "SmoothGrad", "rise": "RISE", "lime": "LIME"}


@pytest.fixture
def new_summary():
    """A function that makes a summary of some methods at multiples of their counts."""

    def make(methods=tuple(COUNTS), factors=(0.25, 0.5, 1.0, 2.0)):
        rows = [
            {"method": method, "parameter": COUNTS[method][0], "factor": factor,
             "count": int(factor * COUNTS[method][1]), "reference_count": 4 * COUNTS[method][1],
             "value": 0.9 - 0.1 / factor - 0.01 * number, "low": 0.1,
             "high": 0.95, "n": 2, "dataset": "made", "network": "mobilenet_v2", "seed": 3}
            for number, method in enumerate(methods) for factor in factors
        ]  # fmt: skip
        return pd.DataFrame(rows).sample(frac=1, random_state=0)

    return make


def content_of(summary, masks=True):
    """With two photos on either side of each mean, and an AUROC that nears the reference's."""
    shift = 0.04 / summary["factor"] if masks else np.nan
    photos = [
        summary.assign(id=photo, spearman=summary["value"] + side, auroc=0.7 + sign * shift, reference_auroc=0.7)
        for photo, side, sign in (("a", 0.02, 1), ("b", -0.02, -1))
    ]
    return Content(summary, summary.assign(value=shift), pd.concat(photos))


@pytest.fixture
def drawn():
    """A function that draws, and gives the axes."""
    yield lambda summary: correlation(content_of(summary)).axes[0]
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
    summary["value"] -= 1
    assert drawn(summary).get_ylim()[0] <= summary["value"].min()


def test_the_count_used_is_known_where_it_was_not_run(new_summary, drawn):
    summary = new_summary(factors=(0.5, 2.0))
    labels = {line.get_label() for line in lines_of(drawn(summary)).values()}
    assert labels == {"SmoothGrad, 16 samples", "RISE, 128 masks", "LIME, 1000 samples"}
    assert "one of 4 times the count" in convergence.caption(content_of(summary))


def test_the_caption_says_what_was_compared(new_summary):
    caption = convergence.caption(content_of(new_summary()))
    assert "on made with MobileNetV2 (n = 2 photos, seed 3)" in caption and "one of 4 times the count" in caption


def test_every_photo_has_its_mark(new_summary):
    content = content_of(new_summary())
    figure = correlation(content)
    for ax, value in zip(figure.axes, ("spearman", "auroc"), strict=True):
        marks = np.concatenate([each.get_offsets() for each in ax.collections])
        expected = content.photos[value] if value == "spearman" else (content.photos[value] - 0.7).abs()
        np.testing.assert_allclose(np.sort(marks[:, 1]), np.sort(expected))
        nearest = 2.0 ** np.round(np.log2(marks[:, 0]))  # side by side, but nearer to their factor than to another
        assert sorted(nearest) == sorted(content.photos["factor"])
    plt.close("all")


def test_the_caption_names_what_has_not_converged_from_the_least_up(new_summary):
    summary = new_summary()
    summary.loc[summary["factor"] == 1, "value"] = summary["method"].map(
        {"smoothgrad": 0.62, "rise": 0.41, "lime": 0.9}
    )
    caption = convergence.caption(content_of(summary))
    assert "(below 0.9, dashed): RISE (0.41), SmoothGrad (0.62). They are scored" in caption
    assert "at the counts used at most 0.040 (" in caption
    summary["value"] = 0.95
    caption = convergence.caption(content_of(summary))
    assert "every method is at 0.9 or above" in caption and "Not converged" not in caption


def test_without_masks_there_is_no_word_and_no_panel_of_auroc(new_summary):
    content = content_of(new_summary(), masks=False)
    assert len(correlation(content).axes) == 1 and "AUROC" not in convergence.caption(content)
    plt.close("all")


def test_without_a_count_there_is_nothing_to_show():
    summary = pd.DataFrame(columns=[*SETTING, "value", "dataset", "network", "seed"])
    content = Content(summary, summary, pd.DataFrame(columns=CONVERGENCE_COLUMNS))
    figure = correlation(content)
    assert "no method has a count" in figure.texts[0].get_text() and not figure.axes
    assert "no method has a count" in convergence.caption(content)
    plt.close("all")


def test_what_is_loaded_are_the_summaries_and_the_photos(new_summary, tmp_path):
    content = content_of(new_summary())
    for place, table in (("statistics/convergence/made/net/summary", content.summary),
                         ("statistics/convergence/made/net/contrast", content.contrast),
                         ("convergence/made/net/table", content.photos)):  # fmt: skip
        write_table(table, tmp_path / f"data/{place}.parquet")
    for found, expected in zip(convergence.load(tmp_path, "made", "net"), content, strict=True):
        pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))
