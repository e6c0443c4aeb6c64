import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.localization.scores import CURVE
from nas.report.figures import figure6_localization
from nas.report.figures.figure6_localization import box_accuracy

KINDS = ["raw", "nas_clusters.first", "nas_clusters.tuned", "nas_components.first", "slic.first"]
METHODS = ["grad_cam", "rise"]


@pytest.fixture
def curves():
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"dataset": "made", "network": network, "method": method, "regions": kind, "axis": axis, "x": x,
             "value": generator.random(), "low": 0.1, "high": 0.9, "n": 7, "seed": 3}
            for network in ("mobilenet_v2", "own") for method in METHODS for kind in KINDS
            for axis in ("iou", "threshold") for x in (0.2, 0.5, 0.8)
        ]
    )  # fmt: skip


@pytest.fixture
def axes(curves):
    yield box_accuracy(curves, METHODS, KINDS).axes
    plt.close("all")


def test_every_kind_has_a_line_of_its_own_values(curves, axes):
    panels = [(axis, network, method) for axis in ("iou", "threshold") for network in ("mobilenet_v2", "own")
              for method in METHODS]  # fmt: skip
    for ax, (axis, network, method) in zip(axes, panels, strict=True):
        for line, kind in zip(ax.lines, KINDS, strict=True):
            same = curves[
                (curves[["axis", "network", "method", "regions"]] == [axis, network, method, kind]).all(axis=1)
            ]
            np.testing.assert_array_equal(line.get_xydata(), same[["x", "value"]])


def test_lines_differ_by_dashes_as_well_as_by_colour(axes):
    for ax in axes:
        dashes = {str(line._unscaled_dash_pattern) for line in ax.lines}
        assert len(dashes) == len({line.get_color() for line in ax.lines}) == len(KINDS)


def test_bands_are_those_of_raw_maps_and_one_kind_and_the_caption_says_which(curves, axes):
    for ax in axes[:4]:
        assert len(ax.collections) == 2
        colours = {tuple(np.round(band.get_facecolor()[0][:3], 6)) for band in ax.collections}
        drawn = {tuple(np.round(plt.matplotlib.colors.to_rgb(line.get_color()), 6)) for line in ax.lines[:2]}
        assert colours == drawn
    assert not any(ax.collections for ax in axes[4:])
    assert "drawn for raw maps and NAS clusters alone" in figure6_localization.caption(curves, KINDS)


def test_labels_stand_at_the_rim_only(axes):
    assert [ax.get_xlabel() != "" for ax in axes] == [False, False, True, True] * 2
    assert [ax.get_title("left") for ax in axes] == ["Grad-CAM", "RISE", *[""] * 6]


def said(figure):
    """What a figure says that shows nothing."""
    [text] = figure.texts
    assert not figure.axes
    plt.close(figure)
    return text.get_text()


def test_without_boxes_there_is_nothing_to_show():
    none = pd.DataFrame(columns=[*CURVE, "dataset", "network", "seed"])
    figure, caption = figure6_localization.load(none, ["cam"], ["raw"])
    assert said(figure) == "Nothing to show: no data set has boxes"
    assert caption == "Box accuracy: nothing to show, no data set has boxes."


def test_methods_that_no_network_can_do_are_left_out(curves):
    assert "no network can do" in said(box_accuracy(curves, ["cam"], ["raw"]))
    figure = box_accuracy(curves, ["cam", "rise"], ["raw"])
    assert [ax.get_title("left") for ax in figure.axes] == ["RISE", *[""] * 3]
    plt.close(figure)


def test_kinds_of_regions_that_there_are_not_are_left_out(curves):
    figure, caption = figure6_localization.load(curves, METHODS, ["raw", "felzenszwalb.first", "slic.first"])
    assert all(len(ax.lines) == 2 for ax in figure.axes)
    assert "made (n = 7 photos with boxes)" in caption and "seed 3." in caption and "raw maps and SLIC alone" in caption
    plt.close(figure)
