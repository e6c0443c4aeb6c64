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
from nas.report import style
from nas.report.figures.figure8_relevance import looks
from nas.report.names import label_of, label_of_regions
from nas.saliency import CONTROLS

Setting = tuple[str, ...]
COLUMNS = 2
SCALE = mpl.colors.BoundaryNorm(np.round(np.arange(-1, 1.01, 0.2), 1), 256)


def setting_name(setting: Sequence[str]) -> str:
    """A setting in a few words, such as "NAS clusters, blur"."""
    direction, order, replacement = setting
    return f"{'MoRF ' if direction == 'most' else ''}{label_of_regions(order)}, {replacement}"


def inconsistency(taus: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """For each data set and network a matrix of Kendall's tau between settings, and the ranks of methods by setting.

    Parameters
    ----------
    taus : dataset, network, `SETTING`, `other_SETTING`, tau, low, high, for every two settings
    summary : dataset, network, `SETTING`, method, rank
    """
    style.use()
    pairs = list(summary.groupby(["dataset", "network"], sort=False))
    columns = min(COLUMNS, len(pairs))
    rows = -(-len(pairs) // columns)
    left, right = (0.215, 0.9) if columns > 1 else (0.36, 0.705)  # a single matrix stands in the middle
    upper, lower = 3.65 * rows, 1.55 * len(pairs) + 1.2
    figure = plt.figure(figsize=(style.WIDTH, upper + lower))
    layout = figure.add_gridspec(2, 1, height_ratios=(upper, lower))
    above, below = figure.add_subfigure(layout[0]), figure.add_subfigure(layout[1])
    matrices = above.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    charts = below.subplots(len(pairs), 1, sharex=True, squeeze=False)[:, 0]
    for ax in matrices[len(pairs) :]:
        ax.set_visible(False)
    for matrix, chart, ((dataset, network), of_pair) in zip(matrices, charts, pairs, strict=False):
        settings = list(of_pair[SETTING].drop_duplicates().itertuples(index=False, name=None))
        found = taus[(taus["dataset"] == dataset) & (taus["network"] == network)]
        image = _matrix(matrix, *symmetric(found, settings), settings)
        _ranks(chart, of_pair, settings)
        for ax in (matrix, chart):
            ax.set_title(f"{label_of(network)}, {dataset}", loc="left")
    charts[-1].set_xticks(range(len(settings)), [setting_name(setting) for setting in settings], rotation=90)
    above.subplots_adjust(left=left, right=right, top=1 - 0.25 / upper, bottom=1.2 / upper, wspace=0.06, hspace=0.6)
    below.subplots_adjust(left=0.18, right=0.82, top=1 - 0.25 / lower, bottom=1.35 / lower, hspace=0.22)
    place = above.add_axes((right + 0.025, 0.5, 0.018, 0.4))
    bar = above.colorbar(image, cax=place, ticks=[-1, -0.6, -0.2, 0.2, 0.6, 1])
    bar.set_label("Kendall's τ", labelpad=1)
    return figure


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
    image = ax.imshow(tau, cmap="PuOr", norm=SCALE)
    ax.plot(*np.nonzero(unclear), "x", color=style.INK, markersize=2.6, markeredgewidth=0.6)
    for number, (one, following) in enumerate(pairwise(settings)):
        if one[:2] != following[:2]:
            width = 0.5 if one[0] == following[0] else 1.6
            ax.axhline(number + 0.5, color="white", linewidth=width)
            ax.axvline(number + 0.5, color="white", linewidth=width)
    names = [setting_name(setting) for setting in settings]
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    ax.set_yticks(range(len(names)), names, fontsize=7)
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)
    return image


def _ranks(ax: Axes, summary: pd.DataFrame, settings: Sequence[Setting]) -> None:
    """Lines of ranks, broken where the direction changes; names of the methods at both ends."""
    directions = [setting[0] for setting in settings]
    breaks = [i + 1 for i, (a, b) in enumerate(pairwise(directions)) if a != b]
    ranks = summary.pivot(index="method", columns=SETTING, values="rank")[list(settings)]
    for method, look in looks(ranks.index).items():
        for part in np.split(np.arange(len(settings)), breaks):
            ax.plot(part, ranks.loc[method].iloc[part], markersize=3, linewidth=1.3, **look)
    for number in breaks:
        ax.axvline(number - 0.5, color=style.MUTED, linewidth=0.6, linestyle=":")
    for column, x, side in ((0, -0.75, "right"), (-1, len(settings) - 0.6, "left")):
        for place, method in enumerate(ranks.iloc[:, column].sort_values(kind="stable").index, start=1):
            ink = style.MUTED if method in CONTROLS else style.INK
            ax.text(x, place, label_of(method), ha=side, va="center_baseline", fontsize=7, color=ink)
    ax.set_xlim(-0.4, len(settings) - 0.7)
    ax.set_ylim(len(ranks) + 0.4, 0.6)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def load(taus: pd.DataFrame, summary: pd.DataFrame, methods: str) -> tuple[Figure, str]:
    """Figure 9 and its caption; `methods` is "real" or "all", those whose rankings are compared in the matrices."""
    shown = taus[taus["methods"] == methods]
    compared = "all methods" if methods == "all" else "the methods that are no controls"
    caption = (
        f"Above: Kendall's τ between the rankings of {compared} by mean area under the curve in every two settings, an "
        "order of removal and a replacement (LeRF, and MoRF where it says so). 1 is the same ranking, 0 is chance, -1 "
        "the reverse; crosses: the bootstrap interval over photos has 0 inside. Below: methods from the first rank to "
        "the last, by setting; a consistent benchmark would draw level lines. Controls in grey. "
        f"n = {int(summary['n'].max())} photos of {', '.join(summary['dataset'].unique())}, seed "
        f"{summary['seed'].iloc[0]}."
    )
    return inconsistency(shown, summary), caption
