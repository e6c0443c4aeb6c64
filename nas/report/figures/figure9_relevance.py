"""Figure 9: how far the settings of a relevance benchmark agree on the ranking of methods."""

from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nas.relevance import SETTING
from nas.report import looks, style
from nas.report.names import label_of, label_of_regions
from nas.saliency import CONTROLS

Setting = tuple[str, ...]
SCALE = mpl.colors.BoundaryNorm(np.round(np.arange(-1, 1.01, 0.2), 1), 256)
LEFT, RIGHT = 0.19, 0.9  # of the matrices, in shares of the width


def inconsistency(taus: pd.DataFrame, summary: pd.DataFrame, threshold: float) -> Figure:
    """A row for each data set and network, a matrix of Kendall's tau between the settings of each direction in it;
    below the ranks of methods by setting of the first direction.

    Parameters
    ----------
    taus : dataset, network, `SETTING`, `other_SETTING`, tau, low, high, for every two settings
    summary : dataset, network, `SETTING`, method, rank, rank_low, rank_high
    threshold : of tau, from which two rankings count as alike; a stroke on the scale
    """
    style.use()
    pairs = list(summary.groupby(["dataset", "network"], sort=False))
    directions = list(dict.fromkeys(summary["direction"]))
    side = style.WIDTH * (RIGHT - LEFT) / max(2, len(directions))
    upper, lower = (side + 0.28) * len(pairs) + 1.15, 1.55 * len(pairs) + 1.35
    figure = plt.figure(figsize=(style.WIDTH, upper + lower))
    layout = figure.add_gridspec(2, 1, height_ratios=(upper, lower))
    above, below = figure.add_subfigure(layout[0]), figure.add_subfigure(layout[1])
    matrices = above.subplots(len(pairs), len(directions), sharex="col", sharey="row", squeeze=False)
    charts = below.subplots(len(pairs), 1, sharex=True, squeeze=False)[:, 0]
    for row, chart, ((dataset, network), of_pair) in zip(matrices, charts, pairs, strict=True):
        found = taus[(taus["dataset"] == dataset) & (taus["network"] == network)]
        for ax, direction in zip(row, directions, strict=True):
            chosen = of_pair[of_pair["direction"] == direction]
            settings = list(chosen[SETTING].drop_duplicates().itertuples(index=False, name=None))
            alike = found[(found["direction"] == direction) & (found["other_direction"] == direction)]
            image = _matrix(ax, *symmetric(alike, settings), settings)
            mean = "" if alike["tau"].isna().all() else f", mean τ {alike['tau'].mean():.2f}"
            ax.set_title(f"{label_of(direction)}{mean}", loc="left", fontsize=7)
        row[0].set_ylabel(f"{label_of(network)}\n{dataset}", fontsize=8, labelpad=8)
        first = of_pair[of_pair["direction"] == directions[0]]
        ranked = list(first[SETTING].drop_duplicates().itertuples(index=False, name=None))
        _ranks(chart, first, ranked)
        chart.set_title(f"{label_of(directions[0])}: {label_of(network)}, {dataset}", loc="left")
    style.letter(matrices[0][0], "a")
    style.letter(charts[0], "b")
    above.subplots_adjust(LEFT, 1.0 / upper, RIGHT, 1 - 0.2 / upper, wspace=0.06, hspace=0.2)
    charts[-1].set_xticks(range(len(ranked)), [setting_name(setting) for setting in ranked], rotation=90)
    below.subplots_adjust(left=0.18, right=0.82, top=1 - 0.25 / lower, bottom=1.35 / lower, hspace=0.22)
    bar = above.colorbar(
        image, cax=above.add_axes((RIGHT + 0.015, 0.5, 0.014, 0.4)), ticks=[-1, -0.6, -0.2, 0.2, 0.6, 1]
    )
    bar.set_label("Kendall's τ", labelpad=1)
    bar.ax.axhline(threshold, color=style.ACCENT, linewidth=1.6)
    return figure


def setting_name(setting: Sequence[str]) -> str:
    """The order and the replacement of a setting in a few words, such as "NAS clusters, blur"."""
    return f"{label_of_regions(setting[1])}, {setting[2]}"


def symmetric(taus: pd.DataFrame, settings: Sequence[Setting]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Tau between settings, (S, S) with 1 on the diagonal, and where its interval has 0 inside, or is not known."""
    place = {setting: number for number, setting in enumerate(settings)}
    tau, unclear = np.eye(len(settings)), np.zeros((len(settings), len(settings)), dtype=bool)
    for row in taus.to_dict("records"):
        i, j = (place[tuple(row[f"{prefix}{key}"] for key in SETTING)] for prefix in ("", "other_"))
        tau[i, j] = tau[j, i] = row["tau"]
        unclear[i, j] = unclear[j, i] = not (row["low"] > 0 or row["high"] < 0)
    return tau, unclear


def _matrix(
    ax: Axes, tau: NDArray[np.float64], unclear: NDArray[np.bool_], settings: Sequence[Setting]
) -> mpl.image.AxesImage:
    below = np.tril(np.ones_like(unclear), -1).astype(bool)  # the other half says the same
    image = ax.imshow(np.ma.masked_where(~below, tau), cmap="PuOr", norm=SCALE)
    ax.plot(*np.nonzero((unclear & below).T), ".", color=style.INK, markersize=1.6, markeredgewidth=0)
    orders = [setting[1] for setting in settings]
    for number, (one, following) in enumerate(pairwise(orders)):
        if one != following:
            ax.axhline(number + 0.5, color="white", linewidth=0.8)
            ax.axvline(number + 0.5, color="white", linewidth=0.8)
    centres = {order: np.mean([n for n, each in enumerate(orders) if each == order]) for order in dict.fromkeys(orders)}
    names = [label_of_regions(order) for order in centres]
    ax.set_xticks(list(centres.values()), names, rotation=90, fontsize=6.5)
    ax.set_yticks(list(centres.values()), names, fontsize=6.5)
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)
    return image


def _ranks(ax: Axes, summary: pd.DataFrame, settings: Sequence[Setting]) -> None:
    """Lines of ranks of one direction, with their intervals side by side; names of the methods at both ends."""
    ranks, lows, highs = (
        summary.pivot(index="method", columns=SETTING, values=value)[list(settings)]
        for value in ("rank", "rank_low", "rank_high")
    )
    for number, (method, look) in enumerate(looks.of_methods(ranks.index).items()):
        ax.plot(np.arange(len(settings)), ranks.loc[method], markersize=3, linewidth=1.3, **looks.line_of(look))
        beside = np.arange(len(settings)) + (number - (len(ranks) - 1) / 2) * 0.07
        ax.vlines(beside, lows.loc[method], highs.loc[method], color=look.color, linewidth=0.7, alpha=0.6, zorder=1)
    for column, x, side in ((0, -0.75, "right"), (-1, len(settings) - 0.6, "left")):
        for place, method in enumerate(ranks.iloc[:, column].sort_values(kind="stable").index, start=1):
            ink = style.MUTED if method in CONTROLS else style.INK
            ax.text(x, place, label_of(method), ha=side, va="center_baseline", fontsize=7, color=ink)
    ax.set_xlim(-0.4, len(settings) - 0.7)
    ax.set_ylim(len(ranks) + 0.4, 0.6)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def shown(taus: pd.DataFrame, summary: pd.DataFrame, methods: str) -> pd.DataFrame:
    """The numbers that figure 9 draws: in panel a tau with its interval, in panel b ranks of the first direction."""
    tau = taus[(taus["methods"] == methods) & (taus["direction"] == taus["other_direction"])]
    ranks = summary[summary["direction"] == summary["direction"].iloc[0]]
    kept = ["dataset", "network", *SETTING, "method", "rank", "rank_low", "rank_high", "n"]
    drawn: pd.DataFrame = pd.concat([tau.assign(panel="a"), ranks[kept].assign(panel="b")], ignore_index=True)
    return drawn


def load(taus: pd.DataFrame, summary: pd.DataFrame, methods: str, threshold: float) -> tuple[Figure, str]:
    """Figure 9 and its caption; `methods` is "real" or "all", those whose rankings are compared in the matrices."""
    compared_taus = taus[taus["methods"] == methods]
    compared = "all methods" if methods == "all" else "the methods that are no controls"
    replacements = ", ".join(dict.fromkeys(summary["replacement"]))
    caption = (
        f"a: Kendall's τ between the rankings of {compared} by mean area under LeRF and under MoRF, and by the "
        "symmetric gain, in every two settings: an order of removal, named, with the replacements "
        f"{replacements} in that order. 1 is the same ranking, 0 is chance, -1 the reverse; dots: the "
        f"bootstrap interval over photos has 0 inside; stroke on the scale: {threshold:g}, the threshold of the "
        "claims, there for the mean over single photos. "
        f"b: methods from the first rank to the last, by setting of {label_of(summary['direction'].iloc[0])}; a "
        "consistent benchmark would draw level lines; thin bars, side by side: where ranks lie when photos are drawn "
        "anew. Controls in grey. "
        f"n = {int(summary['n'].max())} photos of {', '.join(summary['dataset'].unique())}, seed "
        f"{summary['seed'].iloc[0]}."
    )
    return inconsistency(compared_taus, summary, threshold), caption
