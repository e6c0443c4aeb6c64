"""Figure 9, of areas made up here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.relevance.agreement import SETTING, ranked, setting_agreement
from nas.relevance.outranking import rank_intervals
from nas.report.figures import figure9_relevance
from nas.report.figures.figure9_relevance import setting_name, symmetric
from nas.report.looks import of_methods
from nas.report.names import label_of

METHODS, IDS = ["grad_cam", "lrp", "gradient", "random"], ["b", "a", "d", "c"]
SETTINGS = [("least", "pixels", "mean"), ("least", "slic.first", "blur"), ("most", "pixels", "mean")]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def made_of(settings, networks=("mobilenet_v2",)):
    """Tau and ranks, as the stage statistics makes them."""
    taus, summaries = [], []
    for number, network in enumerate(networks):
        keys = [(i, *setting, method) for i in IDS for setting in settings for method in METHODS]
        areas = pd.DataFrame(keys, columns=["id", *SETTING, "method"])
        areas["auc"] = np.random.default_rng(number).random(len(areas))
        carried = {"dataset": "made", "network": network, "seed": 6}
        taus.append(setting_agreement(areas, 0.9, 50, 0).assign(**carried))
        means = areas.groupby([*SETTING, "method"], sort=False)["auc"].mean().reset_index(name="value")
        ranks = ranked(means).merge(rank_intervals(areas, 0.9, 50, 0))
        summaries.append(ranks.assign(n=len(IDS), **carried))
    return pd.concat(taus, ignore_index=True), pd.concat(summaries, ignore_index=True)


def test_a_matrix_of_tau_is_symmetric_and_marks_intervals_around_zero():
    rows = [(0, 1, 0.5, 0.1, 0.8), (0, 2, -0.4, -0.6, -0.1), (1, 2, 0.2, -0.1, 0.5)]
    table = pd.DataFrame(
        [
            {
                **dict(zip(SETTING, SETTINGS[i], strict=True)),
                **{f"other_{key}": value for key, value in zip(SETTING, SETTINGS[j], strict=True)},
                **{"tau": tau, "low": low, "high": high},
            }
            for i, j, tau, low, high in rows
        ]
    )
    tau, unclear = symmetric(table, SETTINGS)
    np.testing.assert_array_equal(tau, [[1, 0.5, -0.4], [0.5, 1, 0.2], [-0.4, 0.2, 1]])
    np.testing.assert_array_equal(unclear, [[False] * 3, [False, False, True], [False, True, False]])


@pytest.mark.parametrize("methods", ["real", "all"])
def test_matrices_are_tau_and_lines_are_ranks(methods):
    networks = ["mobilenet_v2", "own", "third"]
    taus, summary = made_of(SETTINGS, networks)
    figure, caption = figure9_relevance.load(taus, summary, methods, 0.8)
    above, under = figure.subfigs
    matrices = [ax for ax in above.axes if ax.images]
    places = [(network, direction) for network in networks for direction in ("least", "most")]
    for ax, (network, direction) in zip(matrices, places, strict=True):
        found = taus[(taus["network"] == network) & (taus["methods"] == methods)]
        settings = [setting for setting in SETTINGS if setting[0] == direction]
        expected, unclear = symmetric(
            found[(found["direction"] == direction) & (found["other_direction"] == direction)], settings
        )
        below = np.tril(np.ones(expected.shape, bool), -1)  # one half says it all
        drawn = ax.images[0].get_array()
        np.testing.assert_array_equal(drawn.mask, ~below)
        np.testing.assert_array_equal(drawn.data[below], expected[below])
        dots = {(int(y), int(x)) for x, y in ax.lines[0].get_xydata()}
        assert dots == set(zip(*np.nonzero(unclear & below), strict=True))
        mean = f", mean τ {expected[0, 1]:.2f}" if direction == "least" else ""  # of one setting there is none
        assert ax.get_title("left") == label_of(direction) + mean
    assert [ax.get_ylabel() for ax in matrices[::2]] == ["MobileNetV2\nmade", "own\nmade", "third\nmade"]
    for chart, network in zip(under.axes, networks, strict=True):
        ranks = summary[summary["network"] == network].pivot(index="method", columns=SETTING, values="rank")
        ranks = ranks[SETTINGS[:2]]
        for line, method in zip(chart.lines, of_methods(ranks.index), strict=True):
            assert list(line.get_ydata()) == ranks.loc[method].tolist()
        bars = [collection.get_segments() for collection in chart.collections]
        of_network = summary[summary["network"] == network].set_index(["method", *SETTING])
        for bar, method in zip(bars, of_methods(ranks.index), strict=True):
            found = [tuple(segment[:, 1]) for segment in bar]
            expected = [of_network.loc[(method, *each), ["rank_low", "rank_high"]] for each in SETTINGS[:2]]
            assert found == [tuple(each) for each in expected]
        names = [text.get_text() for text in chart.texts if text.get_ha() == "right"]
        first = ranks.iloc[:, 0].sort_values(kind="stable").index
        assert names == [label_of(method) for method in first]
    numbers = figure9_relevance.shown(taus, summary, methods)
    assert numbers["panel"].value_counts().to_dict() == {"a": 3, "b": 3 * 2 * len(METHODS)}
    said = "all methods" if methods == "all" else "the methods that are no controls"
    assert f"rankings of {said} by" in caption and "n = 4 photos of made, seed 6." in caption


def test_one_setting_agrees_with_no_other():
    taus, summary = made_of(SETTINGS[:1])
    assert taus.empty
    figure, caption = figure9_relevance.load(taus, summary, "real", 0.8)
    figure.canvas.draw()
    assert "n = 4 photos" in caption


def test_settings_are_named_by_order_and_replacement():
    assert setting_name(("least", "nas_clusters.first", "blur")) == "NAS clusters, blur"
    assert setting_name(("most", "slic.image", "mean")) == "SLIC (image grid), mean"
