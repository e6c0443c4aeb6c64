"""Figure 6: box accuracy against the IoU asked for, and against the threshold of the map."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.report import style
from nas.report.names import REGIONS, label_of, label_of_regions
from nas.saliency import RAW

WITHOUT = "no data set has boxes"
DASHES: tuple[Any, ...] = ("--", "-.", ":", (0, (4, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))
AXES = {"iou": "IoU that is a hit", "threshold": "threshold of the map"}


def looks(kinds: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Line of each kind of regions: raw maps solid and dark, the others told apart by colour and by dashes."""
    others = [kind for kind in kinds if kind != RAW]
    colours = sns.color_palette("colorblind", max(len(others), 1))
    lines: dict[str, dict[str, Any]] = {
        kind: {"color": colour, "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.3}
        for number, (kind, colour) in enumerate(zip(others, colours, strict=False))
    }
    return {kind: lines.get(kind, {"color": style.INK, "linestyle": "-", "linewidth": 1.1}) for kind in kinds}


def banded(kinds: Sequence[str]) -> list[str]:
    """The kinds whose intervals are drawn, so that they can be told apart: raw maps, and the first of the others."""
    return [kind for kind in kinds if kind == RAW] + [kind for kind in kinds if kind != RAW][:1]


def box_accuracy(curves: pd.DataFrame, methods: Sequence[str], kinds: Sequence[str]) -> Figure:
    """A row over the IoU for each data set and network, then a row over the threshold; one column per method.

    Parameters
    ----------
    curves : dataset, network, method, regions, axis ("iou" or "threshold"), x, value, low, high
    methods, kinds : what to show, kinds from `RAW` and METHOD.VARIANT
    """
    style.use()
    if curves.empty:
        return style.nothing(WITHOUT)
    methods = [method for method in methods if method in set(curves["method"])]  # less what no network can do
    if not methods:
        return style.nothing("no network can do a method of localization.figure.methods")
    pairs = list(dict.fromkeys(zip(curves["dataset"], curves["network"], strict=True)))
    several = curves["dataset"].nunique() > 1
    heights = {"iou": 1.25 * len(pairs) + 0.62, "threshold": 1.25 * len(pairs) + 0.5}
    legend = 0.3
    figure = plt.figure(figsize=(style.WIDTH, sum(heights.values()) + legend))
    layout = figure.add_gridspec(3, 1, height_ratios=[*heights.values(), legend])
    for place, axis in enumerate(AXES):
        block = figure.add_subfigure(layout[place])
        panels = block.subplots(len(pairs), len(methods), sharex=True, sharey=True, squeeze=False)
        for row, (dataset, network) in zip(panels, pairs, strict=True):
            of_row = curves[(curves["dataset"] == dataset) & (curves["network"] == network) & (curves["axis"] == axis)]
            for ax, method in zip(row, methods, strict=True):
                _lines(ax, of_row[of_row["method"] == method], kinds, axis)
            named = f"{label_of(network)},\n{dataset}" if several else label_of(network)
            row[0].set_ylabel(f"{named}\nBoxAcc" if axis == "iou" else f"{named}\nBoxAcc, IoU 0.7")
        panels[0][0].set_ylim(0, None)  # shared, once all lines are drawn
        for ax, method in zip(panels[0], methods, strict=True):
            ax.set_title(label_of(method) if axis == "iou" else "", loc="left", fontsize=8)
        for ax in panels[-1]:
            ax.set_xlabel(AXES[axis])
        top = 1 - (0.22 if axis == "iou" else 0.1) / heights[axis]
        block.subplots_adjust(left=0.095, right=0.985, top=top, bottom=0.4 / heights[axis], wspace=0.12, hspace=0.18)
        handles, names = panels[0][0].get_legend_handles_labels()
    below = figure.add_subfigure(layout[2])
    below.legend(handles, names, ncols=len(kinds), loc="center", columnspacing=1.4, handlelength=2.8)
    return figure


def _lines(ax: Axes, curves: pd.DataFrame, kinds: Sequence[str], axis: str) -> None:
    """One line for each kind of regions, the raw maps' on top, and the bands of those that have one."""
    known = looks(kinds)
    for kind in kinds:
        line, look = curves[curves["regions"] == kind], known[kind]
        if axis == "iou" and kind in banded(kinds):
            ax.fill_between(line["x"], line["low"], line["high"], color=look["color"], alpha=0.18, linewidth=0)
        ax.plot(line["x"], line["value"], label=label_of_regions(kind), zorder=2.5 if kind == RAW else 2, **look)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])


def caption(curves: pd.DataFrame, kinds: Sequence[str]) -> str:
    """What figure 6 shows."""
    if curves.empty:
        return f"Box accuracy: nothing to show, {WITHOUT}."
    counts = ", ".join(
        f"{dataset} (n = {int(n)} photos with boxes)"
        for dataset, n in curves.groupby("dataset", sort=False)["n"].max().items()
    )
    shown = " and ".join("raw maps" if kind == RAW else label_of_regions(kind) for kind in banded(kinds))
    return (
        f"Box accuracy on {counts}, multi-contour, class given, seed {curves['seed'].iloc[0]}. Above: against the IoU "
        "that counts as a hit, with the threshold of the map chosen for each IoU on all photos; bands are bootstrap "
        f"intervals that choose it anew in each resample, drawn for {shown} alone, since they overlap (table 1 has "
        "intervals of all). Below: at IoU 0.7, against the threshold of the map. An averaged map has few levels, so "
        f"its curve is made of steps. {REGIONS}"
    )


def load(curves: pd.DataFrame, methods: Sequence[str], regions: Sequence[str]) -> tuple[Figure, str]:
    """Figure 6 and its caption; kinds of regions that there are not are left out."""
    kinds = [kind for kind in regions if curves.empty or kind in set(curves["regions"])]
    return box_accuracy(curves, methods, kinds), caption(curves, kinds)
