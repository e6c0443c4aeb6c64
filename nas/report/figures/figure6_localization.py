"""Figure 6: what averaging adds to box accuracy over the IoU asked for, and box accuracy over the map's threshold."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.localization import MEAN
from nas.report import looks, style
from nas.report.names import REGIONS, label_of, label_of_regions
from nas.saliency import RAW

WITHOUT = "no data set has boxes"
AXES = {"iou": "IoU that is a hit", "threshold": "threshold of the map, share of its maximum"}
MARKED = (0.3, 0.5, 0.7, 0.9)  # IoUs at which intervals are drawn, side by side
APART = 0.022  # of the IoU, between two of them
PANEL, HEAD, FOOT, LEGEND = 1.3, 0.3, 0.42, 0.28  # inches


def shown(curves: pd.DataFrame, methods: Sequence[str], regions: Sequence[str]) -> pd.DataFrame:
    """The rows of `curves` that figure 6 draws: of these methods, and the mean over all, inside these regions."""
    chosen: pd.DataFrame = curves[curves["method"].isin([MEAN, *methods]) & curves["regions"].isin(regions)]
    return chosen[~((chosen["axis"] == "iou") & (chosen["regions"] == RAW))].reset_index(drop=True)


def box_accuracy(curves: pd.DataFrame, methods: Sequence[str], kinds: Sequence[str]) -> Figure:
    """A row over the IoU for each data set and network, then a row over the threshold; one column per method.

    Parameters
    ----------
    curves : dataset, network, method, regions, axis ("iou" or "threshold"), x, value, gain, gain_low, gain_high
    methods, kinds : what to show after the mean over all methods, kinds from `RAW` and METHOD.VARIANT
    """
    style.use()
    if curves.empty:
        return style.nothing(WITHOUT)
    columns = [method for method in methods if method in set(curves["method"])]  # less what no network can do
    if not columns:
        return style.nothing("no network can do a method of localization.figure.methods")
    columns = [MEAN, *columns]
    pairs = list(dict.fromkeys(zip(curves["dataset"], curves["network"], strict=True)))
    heights = [PANEL * len(pairs) + HEAD + FOOT] * 2
    figure = plt.figure(figsize=(style.WIDTH, sum(heights) + LEGEND))
    layout = figure.add_gridspec(3, 1, height_ratios=[*heights, LEGEND])
    for place, (axis, named) in enumerate(AXES.items()):
        block = figure.add_subfigure(layout[place])
        panels = block.subplots(len(pairs), len(columns), sharex=True, sharey=True, squeeze=False)
        for row, (dataset, network) in zip(panels, pairs, strict=True):
            of_row = curves[(curves["dataset"] == dataset) & (curves["network"] == network) & (curves["axis"] == axis)]
            for ax, method in zip(row, columns, strict=True):
                draw = _gains if axis == "iou" else _accuracy
                draw(ax, of_row[of_row["method"] == method], kinds)
            what = "gain in BoxAcc" if axis == "iou" else "BoxAcc, IoU 0.7"
            row[0].set_ylabel(f"{label_of(network)}\n{dataset}\n{what}")
        for ax, method in zip(panels[0], columns, strict=True):
            ax.set_title(label_of(method), loc="left", fontsize=7.5)
        panels[-1][len(columns) // 2].set_xlabel(named)
        style.letter(panels[0][0], "ab"[place])
        block.subplots_adjust(
            left=0.11, right=0.99, top=1 - HEAD / heights[place], bottom=FOOT / heights[place], wspace=0.1, hspace=0.14
        )
        if axis == "threshold":
            panels[0][0].set_ylim(0, None)
            handles, names = panels[0][0].get_legend_handles_labels()
    figure.add_subfigure(layout[2]).legend(
        handles, names, ncols=len(kinds), loc="center", columnspacing=1.3, handlelength=2.6
    )
    return figure


def _gains(ax: Axes, curves: pd.DataFrame, kinds: Sequence[str]) -> None:
    """The difference from raw maps: a line per kind, intervals at a few IoUs."""
    ax.axhline(0, color=style.INK, linewidth=0.8)
    averaged = {kind: look for kind, look in looks.of_kinds(kinds).items() if kind != RAW}
    for number, (kind, look) in enumerate(averaged.items()):
        line = curves[curves["regions"] == kind]
        marked = np.isclose(line["x"].to_numpy()[:, None], MARKED).any(axis=1)
        ax.plot(line["x"], line["gain"], markevery=np.flatnonzero(marked).tolist(), markersize=2.8, linewidth=1.1,
                markeredgewidth=0.6, **looks.line_of(look))  # fmt: skip
        few = line[marked]
        at = few["x"] + APART * (number - (len(averaged) - 1) / 2)
        ax.vlines(at, few["gain_low"], few["gain_high"], color=look.color, linewidth=0.9)
    ax.set_xlim(0.05, 1)
    ax.set_xticks([0.3, 0.5, 0.7, 0.9], ["0.3", "0.5", "0.7", "0.9"])


def _accuracy(ax: Axes, curves: pd.DataFrame, kinds: Sequence[str]) -> None:
    """One line for each kind of regions, the raw maps' on top; what counts as high thresholds is shaded."""
    ax.axvspan(0.5, 1, color="#eef1f4", linewidth=0, zorder=0)
    for kind, look in looks.of_kinds(kinds).items():
        line = curves[curves["regions"] == kind]
        ax.plot(line["x"], line["value"], markevery=(5, 20), markersize=2.8, markeredgewidth=0.6, linewidth=1.1,
                label=label_of_regions(kind), zorder=2.5 if kind == RAW else 2, **looks.line_of(look))  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])


def caption(curves: pd.DataFrame) -> str:
    """What figure 6 shows."""
    if curves.empty:
        return f"Box accuracy: nothing to show, {WITHOUT}."
    counts = ", ".join(
        f"{dataset} (n = {int(n)} photos with boxes)"
        for dataset, n in curves.groupby("dataset", sort=False)["n"].max().items()
    )
    return (
        f"Box accuracy on {counts}, multi-contour, class given, seed {curves['seed'].iloc[0]}. a: what averaging a map "
        "adds to box accuracy (paired difference from the map as it is), against the IoU that counts as a hit, with "
        "the threshold of the map chosen for each IoU on all photos; bars are bootstrap intervals that choose it anew "
        "in each resample, side by side at IoU 0.3, 0.5, 0.7 and 0.9. b: box accuracy at IoU 0.7, against the "
        "threshold of the map; the claim on high thresholds is of the shaded half. An averaged map has few levels, so "
        f"its curve is made of steps. First column: mean over all methods that are no controls. {REGIONS}"
    )


def load(curves: pd.DataFrame, methods: Sequence[str], regions: Sequence[str]) -> tuple[Figure, str]:
    """Figure 6 and its caption; kinds of regions that there are not are left out."""
    kinds = [kind for kind in regions if curves.empty or kind in set(curves["regions"])]
    return box_accuracy(curves, methods, kinds), caption(curves)
