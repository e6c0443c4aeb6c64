import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.localization.scores import CURVE, MEAN
from nas.report import looks
from nas.report.figures import figure6_localization
from nas.report.figures.figure6_localization import box_accuracy, shown

KINDS = ["raw", "nas_clusters.first", "nas_clusters.tuned", "nas_components.first", "slic.first"]
METHODS = ["grad_cam", "rise"]
NETWORKS = ("mobilenet_v2", "own")
X = (0.3, 0.5, 0.6)


@pytest.fixture
def curves():
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"dataset": "made", "network": network, "method": method, "regions": kind, "axis": axis, "x": x,
             "value": generator.random(), "gain": generator.random(), "gain_low": -0.1, "gain_high": 0.9 + x,
             "n": 7, "seed": 3}
            for network in NETWORKS for method in [*METHODS, "lrp", MEAN] for kind in KINDS
            for axis in ("iou", "threshold") for x in X
        ]
    )  # fmt: skip


@pytest.fixture
def axes(curves):
    yield box_accuracy(curves, METHODS, KINDS).axes
    plt.close("all")


def rows_of(curves, axis, network, method, kind):
    return curves[(curves[["axis", "network", "method", "regions"]] == [axis, network, method, kind]).all(axis=1)]


def test_every_kind_has_a_line_of_its_own_values(curves, axes):
    panels = [(axis, network, method) for axis in ("iou", "threshold") for network in NETWORKS
              for method in [MEAN, *METHODS]]  # fmt: skip
    for ax, (axis, network, method) in zip(axes, panels, strict=True):
        drawn = [line for line in ax.lines if len(line.get_xdata()) == len(X) and line.get_linestyle() != "None"]
        kinds = KINDS if axis == "threshold" else KINDS[1:]
        for line, kind in zip(drawn, kinds, strict=True):
            same = rows_of(curves, axis, network, method, kind)
            np.testing.assert_array_equal(line.get_xydata(), same[["x", "value" if axis == "threshold" else "gain"]])
            assert line.get_color() == looks.of_regions(kind).color


def test_intervals_stand_at_a_few_ious_side_by_side(curves, axes):
    bars = axes[0].collections
    assert len(bars) == len(KINDS) - 1
    for number, bar in enumerate(bars):
        ends = np.array(bar.get_segments())
        middle = ends[:, 0, 0] - figure6_localization.APART * (number - 1.5)
        np.testing.assert_allclose(middle, [0.3, 0.5])
        np.testing.assert_allclose(ends[:, :, 1], [[-0.1, 1.2], [-0.1, 1.4]])


def test_lines_differ_by_dashes_as_well_as_by_colour(axes):
    for ax in axes[6:]:
        dashes = {str(line._unscaled_dash_pattern) for line in ax.lines}
        assert len(dashes) >= len(KINDS) - 1 and len({line.get_color() for line in ax.lines}) == len(KINDS)


def test_labels_stand_at_the_rim_only(axes):
    assert [ax.get_xlabel() != "" for ax in axes] == [False, False, False, False, True, False] * 2
    assert [ax.get_title("left") for ax in axes] == ["mean of methods", "Grad-CAM", "RISE", "", "", ""] * 2


def test_the_numbers_drawn_are_those_of_the_methods_and_kinds_without_gains_of_raw_maps(curves):
    found = shown(curves, METHODS, KINDS[:2])
    assert set(found["method"]) == {MEAN, *METHODS} and set(found["regions"]) == set(KINDS[:2])
    assert set(found.loc[found["regions"] == "raw", "axis"]) == {"threshold"}


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
    assert shown(none, ["cam"], ["raw"]).empty


def test_methods_that_no_network_can_do_are_left_out(curves):
    assert "no network can do" in said(box_accuracy(curves, ["cam"], ["raw"]))
    figure = box_accuracy(curves, ["cam", "rise"], ["raw"])
    assert [ax.get_title("left") for ax in figure.axes] == ["mean of methods", "RISE", "", ""] * 2
    plt.close(figure)


def test_kinds_of_regions_that_there_are_not_are_left_out(curves):
    figure, caption = figure6_localization.load(curves, METHODS, ["raw", "felzenszwalb.first", "slic.first"])
    assert all(len(ax.lines) == 2 for ax in figure.axes[6:])
    assert "made (n = 7 photos with boxes)" in caption and "seed 3." in caption
    plt.close(figure)
