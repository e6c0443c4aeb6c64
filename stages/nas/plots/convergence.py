"""How far sampled saliency maps have converged: rank correlation with a map of many more samples."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from nas.plots import style

MARKERS = "osD^vP*X"
WITHOUT = "no method has a count in saliency.parameters"


def correlation(summary: pd.DataFrame) -> Figure:
    """Rank correlation against the count, as a multiple of that of params.yaml; one line per method.

    Parameters: `summary` with method, factor, count, mean.
    """
    style.use()
    if summary.empty:
        return style.nothing(WITHOUT)
    figure, ax = plt.subplots(figsize=(0.72 * style.WIDTH, 2.7))
    methods = list(summary["method"].unique())
    colours = sns.color_palette("colorblind", len(methods))
    for method, colour, marker in zip(methods, colours, MARKERS, strict=False):
        line = summary[summary["method"] == method].sort_values("factor")
        nearest = _nearest(line).iloc[0]
        count = round(nearest["count"] / nearest["factor"])
        parameter = str(line["parameter"].iloc[0]).removeprefix("n_")
        label = f"{style.name(method)}, {count} {parameter}"
        ax.plot(line["factor"], line["mean"], color=colour, marker=marker, markersize=4, linewidth=1.1, label=label)
    ax.axvline(1, color=style.MUTED, linewidth=0.7, linestyle=":")
    factors = sorted(summary["factor"].unique())
    ax.set_xscale("log", base=2)
    ax.set_xticks(factors, [f"{factor:g}×" for factor in factors])
    ax.set_xlabel("count, as a multiple of the one used in this report")
    ax.set_ylabel("rank correlation\nwith the reference")
    ax.set_ylim(min(0.0, float(summary["mean"].min())), 1.02)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="method, count used", title_fontsize=7)
    figure.tight_layout()
    return figure


def caption(summary: pd.DataFrame) -> str:
    """What the figure shows."""
    if summary.empty:
        return f"Convergence of saliency maps: nothing to show, {WITHOUT}."
    nearest = _nearest(summary)
    times = (nearest["reference_count"] / nearest["count"] * nearest["factor"]).max()
    return (
        f"Convergence of saliency maps on {summary['dataset'].iloc[0]} with {style.name(summary['network'].iloc[0])} "
        f"(n = {int(summary['n'].max())} photos, seed {summary['seed'].iloc[0]}): Spearman correlation over pixels "
        f"between a map and one of {times:g} times the count used in this report (dotted) and, where the method "
        "draws at random, of another seed. A low value says that the map still depends on the draw."
    )


def _nearest(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the factor nearest to 1, mostly 1 itself: the count used in this report."""
    distances = summary["factor"].map(math.log).abs()
    nearest: pd.DataFrame = summary[distances == distances.min()]
    return nearest
