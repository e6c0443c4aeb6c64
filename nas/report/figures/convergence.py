"""How far sampled saliency maps have converged: rank correlation with a map of many more samples."""

import math
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.report import looks, style
from nas.report.names import label_of
from nas.report.results import summary
from nas.store import TABLE, collect

CONVERGED = 0.9  # rank correlation with the reference from which a map counts as converged
APART = 0.028  # of a factor: between the single photos of two methods
WITHOUT = "no method has a count in saliency.parameters"


class Content(NamedTuple):
    """What the figure shows.

    summary : method, parameter, factor, count, reference_count, mean of the rank correlation, low, high, n
    contrast : the same of the distance between the AUROC of a map and that of the reference
    photos : id, method, factor, spearman, auroc, reference_auroc
    """

    summary: pd.DataFrame
    contrast: pd.DataFrame
    photos: pd.DataFrame


def load(root: Path, dataset: str, network: str) -> Content:
    """The tables of one data set and network."""
    means, shifts = (summary(root, "convergence", [dataset], [network], name) for name in ("summary", "contrast"))
    return Content(means, shifts, collect(root, "convergence", [dataset], [network], TABLE))


def correlation(content: Content) -> Figure:
    """Rank correlation, and distance in AUROC, against the count as a multiple of that of params.yaml.

    One line per method, the mean over photos; beside it a small mark for each photo.
    """
    style.use()
    if content.summary.empty:
        return style.nothing(WITHOUT)
    measured = bool(content.contrast["value"].notna().any())
    figure: Figure
    figure, axes = plt.subplots(1, 1 + measured, figsize=(style.WIDTH, 2.9), squeeze=False)
    left = axes[0, 0]
    values = content.photos["spearman"]
    _lines(left, content.summary, content.photos.assign(value=values))
    left.axhline(CONVERGED, color=style.MUTED, linewidth=0.7, linestyle="--")
    left.set_ylabel("rank correlation\nwith the reference")
    left.set_ylim(min(0.0, float(content.summary["value"].min()), float(values.min())) - 0.02, 1.03)
    if measured:
        shifts = (content.photos["auroc"] - content.photos["reference_auroc"]).abs()
        _lines(axes[0, 1], content.contrast, content.photos.assign(value=shifts))
        axes[0, 1].set_ylabel("AUROC, distance from\nthat of the reference")
        axes[0, 1].set_ylim(-0.02 * float(shifts.max()), None)
    for ax in axes[0]:
        ax.set_xlabel("count, as a multiple of the one used")
    figure.tight_layout(rect=(0, 0.15, 1, 1), w_pad=2)
    style.legend_below(left, "method, count used")
    return figure


def _lines(ax: Axes, means: pd.DataFrame, photos: pd.DataFrame) -> None:
    """Mean over factor, a line per method, and the `value` of each photo, side by side."""
    methods = list(means["method"].unique())
    for number, (method, look) in enumerate(looks.of_methods(methods).items()):
        line = means[means["method"] == method].sort_values("factor")
        single = photos[photos["method"] == method]
        place = single["factor"] * 2 ** ((number - (len(methods) - 1) / 2) * 2 * APART)
        ax.scatter(place, single["value"], s=5, color=look.color, marker=look.marker, alpha=0.55, linewidths=0)
        ax.plot(line["factor"], line["value"], markersize=4, linewidth=1.1,
                label=f"{label_of(method)}, {_count(line)}", **looks.line_of(look))  # fmt: skip
    ax.axvline(1, color=style.MUTED, linewidth=0.7, linestyle=":")
    factors = sorted(means["factor"].unique())
    style.doublings(ax, factors, [f"{factor:g}×" for factor in factors])


def _count(line: pd.DataFrame) -> str:
    """The count used of a method, such as "16 samples"."""
    nearest = _nearest(line).iloc[0]
    parameter = str(line["parameter"].iloc[0]).removeprefix("n_")
    return f"{round(nearest['count'] / nearest['factor'])} {parameter}"


def caption(content: Content) -> str:
    """What the figure shows, and which methods have not converged at the counts used."""
    summary = content.summary
    if summary.empty:
        return f"Convergence of saliency maps: nothing to show, {WITHOUT}."
    nearest = _nearest(summary)
    times = (nearest["reference_count"] / nearest["count"] * nearest["factor"]).max()
    text = (
        f"Convergence of saliency maps on {summary['dataset'].iloc[0]} with {label_of(summary['network'].iloc[0])} "
        f"(n = {int(summary['n'].max())} photos, seed {summary['seed'].iloc[0]}): Spearman correlation over pixels "
        f"between a map and one of {times:g} times the count used in this report (dotted) and, where the method "
        "draws at random, of another seed. Lines are means over photos, small marks single photos. A low value says "
        f"that the map still depends on the draw. {_unconverged(nearest)}"
    )
    shifts = _nearest(content.contrast)
    if shifts["value"].isna().all():
        return text
    largest = shifts.sort_values("value", ascending=False).to_dict("records")[0]
    return (
        f"{text} Right: how far the AUROC of a map against the object's mask is from that of the reference, the mean "
        f"of absolute differences: at {_at(nearest)} at most {largest['value']:.3f} "
        f"({label_of(largest['method'])})."
    )


def _unconverged(nearest: pd.DataFrame) -> str:
    """Which methods are below `CONVERGED`, with their values, and what their scores are scores of."""
    run = _at(nearest)
    low = nearest[(nearest["factor"] == nearest["factor"].iloc[0]) & ~(nearest["value"] >= CONVERGED)]
    low = low.sort_values("value")
    if low.empty:
        return f"At {run} every method is at {CONVERGED:g} or above (dashed)."
    named = ", ".join(f"{label_of(row['method'])} ({row['value']:.2f})" for row in low.to_dict("records"))
    return (
        f"Not converged at {run} (below {CONVERGED:g}, dashed): {named}. They are scored in this report all "
        "the same: their numbers are of the map at the count used and of one seed, not of the method with ever more."
    )


def _at(nearest: pd.DataFrame) -> str:
    factor = nearest["factor"].iloc[0]
    return "the counts used" if factor == 1 else f"{factor:g} times the counts used"


def _nearest(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the factor nearest to 1, mostly 1 itself: the count used in this report."""
    distances = summary["factor"].map(math.log).abs()
    nearest: pd.DataFrame = summary[distances == distances.min()]
    return nearest
