"""Figure 6: box accuracy against the IoU asked for, and against the threshold of the map."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from nas.plots import style

WITHOUT = "no data set has boxes"


def box_accuracy(curves: pd.DataFrame, methods: Sequence[str], kinds: Sequence[str]) -> Figure:
    """For each data set and network a row over IoU and a row over the threshold; one column per method.

    Parameters
    ----------
    curves : dataset, network, method, regions, axis ("iou" or "threshold"), x, mean, low, high
    methods, kinds : what to show, kinds from "raw" and METHOD.GRID
    """
    style.use()
    if curves.empty:
        return style.nothing(WITHOUT)
    methods = [method for method in methods if method in set(curves["method"])]  # less what no network can do
    if not methods:
        return style.nothing("no network can do a method of high_iou.methods")
    pairs = list(dict.fromkeys(zip(curves["dataset"], curves["network"], strict=True)))
    rows = [(pair, axis) for pair in pairs for axis in ("iou", "threshold")]
    several = curves["dataset"].nunique() > 1
    figure, axes = plt.subplots(
        len(rows), len(methods), figsize=(style.WIDTH, 1.55 * len(rows) + 0.5), sharey="row", squeeze=False
    )
    colours = dict(zip(kinds, sns.color_palette("colorblind", len(kinds)), strict=True))
    for row, ((dataset, network), axis) in zip(axes, rows, strict=True):
        of_pair = curves[(curves["dataset"] == dataset) & (curves["network"] == network) & (curves["axis"] == axis)]
        for ax, method in zip(row, methods, strict=True):
            shown = of_pair[of_pair["method"] == method]
            for kind, colour in colours.items():
                line = shown[shown["regions"] == kind]
                ax.plot(line["x"], line["mean"], color=colour, linewidth=1.1, label=style.kind_name(kind))
                if axis == "iou":
                    ax.fill_between(line["x"], line["low"], line["high"], color=colour, alpha=0.13, linewidth=0)
            ax.set_title(style.name(method), loc="left", fontsize=7.5)
            ax.set_xlabel("IoU that is a hit" if axis == "iou" else "map threshold, IoU 0.7")
            ax.set_xlim(0, 1)
            ax.set_ylim(0, None)
        row[0].set_ylabel(f"{dataset}, {style.name(network)}\nBoxAcc" if several else f"{style.name(network)}\nBoxAcc")
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, ncols=len(kinds), loc="lower center")
    figure.tight_layout(rect=(0, 0.28 / figure.get_figheight(), 1, 1), h_pad=1.0)
    return figure


def caption(curves: pd.DataFrame) -> str:
    """What figure 6 shows."""
    if curves.empty:
        return f"Box accuracy: nothing to show, {WITHOUT}."
    counts = ", ".join(
        f"{dataset} (n = {int(n)} photos with boxes)"
        for dataset, n in curves.groupby("dataset", sort=False)["n"].max().items()
    )
    return (
        f"Box accuracy on {counts}, multi-contour, class given, seed {curves['seed'].iloc[0]}: against the IoU that "
        "counts as a hit, with the threshold of the map chosen for each IoU on all photos (bands: bootstrap intervals "
        "that choose it anew in each resample), and against the threshold of the map at IoU 0.7. An averaged map has "
        "few levels, so its curve is made of steps."
    )
