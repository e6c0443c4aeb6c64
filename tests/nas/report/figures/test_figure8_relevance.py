"""Figure 8, of curves made up here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.report.figures import figure8_relevance
from nas.report.figures.figure8_relevance import relevance, shown, steps_taken

METHODS = ["random", "lrp", "cam"]
STEPS = {"least_parts": 4, "most_parts": 9, "least_steps": 3, "most_steps": 4}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def curves():
    generator = np.random.default_rng(0)
    rows = [
        {"dataset": "made", "network": network, "direction": direction, "order": order, "replacement": replacement,
         "method": method, "fraction": fraction, "value": generator.random() / 2, "n": 5, "seed": 6, **STEPS}
        for network in ("mobilenet_v2", "own") for direction in ("least", "most") for order in ("tiles", "slic.first")
        for replacement in ("mean", "blur") for method in METHODS for fraction in (0.0, 0.5, 1.0)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(low=frame["value"] - 0.1, high=frame["value"] + 0.1)


def test_a_line_is_a_method_in_an_order_of_a_network(curves):
    orders = ["slic.first", "pixels", "tiles"]  # one of them was not made
    figure, caption = figure8_relevance.load(curves, ["lrp", "rise", "random"], orders, "blur")
    axes = np.reshape(figure.axes, (2, 2))
    assert [ax.get_title("left") for ax in axes[0]] == ["SLIC", "tiles"]
    shown = curves[(curves["direction"] == "least") & (curves["replacement"] == "blur")]
    for row, network in zip(axes, ("mobilenet_v2", "own"), strict=True):
        for ax, order in zip(row, ("slic.first", "tiles"), strict=True):
            for line, band, method in zip(ax.lines, ax.collections, ("lrp", "random"), strict=True):
                own = shown[(shown[["network", "order", "method"]] == [network, order, method]).all(axis=1)]
                np.testing.assert_array_equal(line.get_xydata(), own[["fraction", "value"]])
                corners = band.get_paths()[0].vertices
                assert {*own["low"], *own["high"]} <= set(corners[:, 1])
            assert ax.get_ylim()[1] == pytest.approx(1.05 * shown[shown["method"] != "cam"]["high"].max())
    assert axes[1, 0].get_ylabel() == "own, made\nprobability"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["LRP", "random (control)"]
    assert "replacement: blur)" in caption and "n = 5 photos of made" in caption and "seed 6." in caption
    assert "A curve has 4 to 5 images" in caption and "tiles 4 to 9 in 3 to 4" in caption


def test_what_was_not_made_is_not_shown(curves):
    for methods, orders in ((["xrai"], ["tiles"]), (["lrp"], ["pixels"])):
        figure, caption = figure8_relevance.load(curves, methods, orders, "mean")
        assert not figure.axes and "Nothing to show" in figure.texts[0].get_text()
        assert "nothing to show, nothing of relevance.figure was made" in caption


def test_the_curves_of_a_single_photo_have_no_bands_and_an_axis():
    known = {"dataset": "made", "network": "own", "order": "pixels", "method": "lrp", "low": np.nan, "high": np.nan}
    curves = pd.DataFrame([{**known, "fraction": x, "value": 0.5 * (1 - x)} for x in (0.0, 0.5, 1.0)])
    figure = relevance(curves, ["lrp"], ["pixels"])
    figure.canvas.draw()
    assert figure.axes[0].get_ylim() == (0, 1)


def test_the_numbers_drawn_are_those_of_one_replacement_least_first():
    rows = [{"direction": direction, "replacement": replacement, "order": order, "method": method}
            for direction in ("least", "most") for replacement in ("blur", "zero")
            for order in ("pixels", "tiles") for method in ("lrp", "rise")]  # fmt: skip
    found = shown(pd.DataFrame(rows), ["rise"], ["tiles"], "zero")
    assert found.to_dict("records") == [rows[7]]
    assert shown(pd.DataFrame(rows), ["rise"], ["tiles"], "mean").to_dict("records") == [rows[3]]


def test_equal_numbers_of_steps_are_no_range():
    rows = [{"order": "tiles", "least_parts": 9, "most_parts": 9, "least_steps": 9, "most_steps": 9},
            {"order": "slic.first", "least_parts": 5, "most_parts": 30, "least_steps": 9, "most_steps": 9}]  # fmt: skip
    text = steps_taken(pd.DataFrame(rows))
    assert "A curve has 10 images" in text and text.endswith("(parts in steps: tiles 9 in 9; SLIC 5 to 30 in 9).")
