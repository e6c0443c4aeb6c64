"""Figures and tables of data sets of which nothing is known, and where a network can do no method: they say so."""

import convergence as convergence_stage
import localization as localization_stage
import matplotlib.pyplot as plt
import numpy as np
import pages
import pandas as pd
import pytest
import relevance as relevance_stage
import semantics as semantics_stage

from nas.relevance.agreement import setting_agreement
from nas.report.figures import (
    convergence,
    figure6_localization,
    figure7_semantics,
    figure8_relevance,
    figure9_relevance,
)
from nas.report.figures.convergence import Content, correlation
from nas.report.figures.figure5_saliency import GAINS, auroc_gains, contrast
from nas.report.figures.figure6_localization import box_accuracy
from nas.report.figures.figure7_semantics import Content, few_labels
from nas.report.figures.figure8_relevance import relevance
from nas.report.tables import convergence, saliency, table1_localization, table3_semantics
from nas.report.tables.rankings import by_difference, controls
from nas.report.tables.table3_semantics import labels
from nas.report.writing import write_printed

CARRIED = ["dataset", "network", "seed"]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def empty(columns):
    """A table without rows, as a stage writes it."""
    return pd.DataFrame(columns=[*columns, *CARRIED])


def said(figure):
    """What a figure says that shows nothing."""
    [text] = figure.texts
    assert not figure.axes
    return text.get_text()


def test_localization_without_boxes():
    curves = empty(localization_stage.CURVE)
    assert said(box_accuracy(curves, ["cam"], ["raw"])) == "Nothing to show: no data set has boxes"
    assert figure6_localization.caption(curves, ["raw"]) == "Box accuracy: nothing to show, no data set has boxes."


def test_localization_by_methods_that_no_network_can_do():
    curves = pd.DataFrame([dict.fromkeys([*localization_stage.CURVE, *CARRIED], "lrp")])
    assert "no network can do" in said(box_accuracy(curves, ["cam"], ["raw"]))


def test_figure_7_without_tags():
    names = (semantics_stage.SETTING, semantics_stage.FEW)
    content = Content([], "", "", *(empty(columns) for columns in (*names, names[1])))
    assert said(few_labels(content)).startswith("Nothing to show: no data set has a class with masks, boxes")
    assert "nothing to show, no data set has a class with masks, boxes or tags" in figure7_semantics.caption(content)


def test_relevance_by_methods_that_no_network_can_do():
    row = {"direction": "least", "replacement": "mean", "order": "tiles", "method": "lrp"}
    figure, caption = figure8_relevance.load(pd.DataFrame([row]), ["cam"], ["tiles"], "mean")
    assert "no network can do" in said(figure) and "no network can do" in caption
    with pytest.raises(ValueError, match=r"^relevance_curves.orders has 'pixels': allowed are tiles, "):
        figure8_relevance.load(pd.DataFrame([row]), ["lrp"], ["pixels"], "mean")


def test_the_curves_of_a_single_photo_have_no_bands_and_an_axis():
    known = {"dataset": "made", "network": "own", "order": "pixels", "method": "lrp", "low": np.nan, "high": np.nan}
    curves = pd.DataFrame([{**known, "fraction": x, "mean": 0.5 * (1 - x)} for x in (0.0, 0.5, 1.0)])
    figure = relevance(curves, ["lrp"], ["pixels"])
    figure.canvas.draw()
    assert figure.axes[0].get_ylim() == (0, 1)


def test_convergence_without_a_count():
    summary = empty([*convergence_stage.SETTING, "mean"])
    content = Content(summary, summary, empty(convergence_stage.COLUMNS))
    assert "no method has a count" in said(correlation(content))
    assert "no method has a count" in convergence.caption(content)
    assert convergence.table(summary, summary).empty


def test_the_gains_of_no_photo_are_a_table_with_columns(tmp_path):
    folder = tmp_path / "data/localization/made/net"
    folder.mkdir(parents=True)
    empty([*localization_stage.CONTRAST, "level", "resamples"]).to_parquet(folder / "table.parquet")
    gains = auroc_gains(tmp_path, ["made"], ["net"])
    assert gains.empty and list(gains) == GAINS
    assert saliency.table(gains).empty


def test_one_setting_of_relevance_agrees_with_no_other():
    rows = [
        {"id": photo, "direction": "least", "order": "tiles", "replacement": "mean", "method": method, "auc": auc}
        for photo in "ab"
        for auc, method in enumerate(["lrp", "rise", "random"])
    ]
    areas, carried = pd.DataFrame(rows), {"dataset": "made", "network": "net", "seed": 0}
    taus = setting_agreement(areas, 0.95, 10, 0).assign(**carried)
    means = areas.groupby(["direction", "order", "replacement", "method"])["auc"].mean().rename("mean").reset_index()
    summary = relevance_stage.ranked(means).assign(n=2, **carried)
    assert taus.empty and by_difference(taus, taus).empty
    figure, caption = figure9_relevance.load(taus, summary, "real")
    figure.canvas.draw()
    assert "n = 2 photos" in caption


TABLES = {
    "table 1": lambda: table1_localization.table(empty([*localization_stage.SCORES, "labelled"])),
    "table 3": lambda: table3_semantics.table(
        empty([*semantics_stage.SETTING, "measure", "mean", "low", "high", "n", "truth"])
    ),
}


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_a_table_without_rows_is_in_the_report(tmp_path, make):
    table, best, caption = make()
    assert len(table) == 0 and len(table.columns) > 3
    write_printed(table, tmp_path / "table", caption, best)
    tag = pages.table_tag(tmp_path, "table")
    assert caption.endswith("so that nothing is measured.") and caption in tag
    assert f"<th>{table.columns[0]}</th>" in tag and "<td>" not in tag
    assert "data set" in (tmp_path / "table.csv").read_text() and "toprule" in (tmp_path / "table.tex").read_text()


def test_the_lists_beside_them_may_be_empty():
    few = ["group", "photos", "labelled", "measure", "draws", "mean", "low", "high"]
    for table in (
        table1_localization.gains(empty([*localization_stage.SCORES, "labelled"])),
        setting_agreement(empty(["against", "measure", "tau", "low", "high", "n", "methods"])),
        labels(empty(few)),
        controls(empty([*relevance_stage.SETTING, "control", "share", "rank", "methods", "n"])),
    ):
        assert table.empty and table.style.hide(axis="index").to_html()


def test_a_single_photo_has_means_without_intervals():
    row = {"dataset": "made", "network": "net", "method": "lrp", "regions": "slic.first", "raw": 0.5, "averaged": 0.6}
    gains = pd.DataFrame([row | {"mean": 0.1, "low": np.nan, "high": np.nan, "n": 1}])
    photo, maps = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8))
    contrast([photo], {"lrp": [(maps, maps)]}, [None], gains).canvas.draw()
    assert saliency.table(gains)["averaged"].tolist() == ["0.600"]
