"""How far areas under relevance curves have converged: distance from those of the most steps, and rank agreement."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.report import looks, style
from nas.report.names import label_of, label_of_regions
from nas.report.results import summary as read_summary

SHARE = 0.06  # of a doubling of the steps: between the lines of two orders
WITHOUT = "no map of a method in relevance.methods"


def load(root: Path, dataset: str, network: str) -> pd.DataFrame:
    """The summary of one data set and network, see `nas.relevance.steps_summaries`."""
    return read_summary(root, "steps", [dataset], [network])


def distances(summary: pd.DataFrame) -> Figure:
    """Distance of areas from those of the most steps, and Kendall's tau of the rankings, against the steps; log scale.

    Parameters
    ----------
    summary : see `nas.relevance.steps_summaries`, of one data set and network
    """
    style.use()
    if summary.empty:
        return style.nothing(WITHOUT)
    figure: Figure
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 2.9))
    # by definition nothing is between the most steps and themselves
    _lines(left, _compared(summary), ("value", "low", "high"))
    left.set_ylabel("area under LeRF, distance\nfrom that of the most steps")
    left.set_ylim(bottom=-0.02 * left.get_ylim()[1])  # a mark at 0 is seen whole
    _lines(right, _compared(summary), ("tau", "tau_low", "tau_high"))
    right.set_ylabel("Kendall's tau of the methods' ranking\nwith that of the most steps")
    right.set_ylim(top=1.04)
    figure.tight_layout(rect=(0, 0.13, 1, 1), w_pad=2)
    style.legend_below(left, "removed whole")
    return figure


def _compared(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of fewer steps than the most; where there is one number of steps only, that."""
    fewer: pd.DataFrame = summary[summary["n_steps"] < summary["n_steps"].max()]
    return summary if fewer.empty else fewer


def _lines(ax: Axes, summary: pd.DataFrame, columns: tuple[str, str, str]) -> None:
    """A line per order, with intervals, side by side."""
    value, low, high = columns
    orders = list(summary["order"].unique())
    for number, (order, look) in enumerate(looks.of_kinds(orders).items()):
        line = summary[summary["order"] == order].sort_values("n_steps")
        place = line["n_steps"] * 2 ** ((number - (len(orders) - 1) / 2) * SHARE)
        ax.vlines(place, line[low], line[high], color=look.color, linewidth=0.8, alpha=0.6)
        ax.plot(place, line[value], markersize=4, linewidth=1.1, label=label_of_regions(order), **looks.line_of(look))
    for used in summary.loc[summary["used"], "n_steps"].unique():
        ax.axvline(used, color=style.MUTED, linewidth=0.7, linestyle=":", zorder=0)
    counts = sorted(summary["n_steps"].unique())
    style.doublings(ax, counts, [str(count) for count in counts])
    ax.set_xlabel("steps of a curve, at most")


def caption(summary: pd.DataFrame) -> str:
    """What the figure shows, and how far the areas of this report are from those of the most steps."""
    if summary.empty:
        return f"Convergence of areas under relevance curves: nothing to show, {WITHOUT}."
    one, most = summary.iloc[0], int(summary["n_steps"].max())
    text = (
        f"Convergence of areas under LeRF curves on {one['dataset']} with {label_of(one['network'])} "
        f"(n = {int(summary['n'].max())} photos, seed {one['seed']}, replacement: {one['replacement']}). Left: how far "
        f"an area is from that of {most} steps, the mean over photos and methods of absolute differences. Right: "
        "Kendall's tau between the rankings of methods and controls by their mean areas. Both have bootstrap intervals "
        "over photos. "
        f"Parts of which there are at most as many as steps go one by one, so that their curve is exact. "
    )
    used = summary[summary["used"]]
    at = int(used["n_steps"].iloc[0])
    if at == most:
        return f"{text}This report uses {at} steps, the most of these."
    [widest, *_] = used.sort_values("value", ascending=False).to_dict("records")
    [least, *_] = used.sort_values("tau").to_dict("records")  # those that are not known come last
    lowest = f", and the lowest tau is {least['tau']:.2f} ({label_of_regions(least['order'])})"
    return (
        f"{text}This report uses {at} steps (dotted): areas are {widest['value']:.3f} away on average where it is most "
        f"({label_of_regions(widest['order'])}){'' if math.isnan(least['tau']) else lowest}."
    )
