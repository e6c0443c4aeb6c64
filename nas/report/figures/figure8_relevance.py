"""Figure 8: relevance curves, least relevant part first."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from nas.report import looks, style
from nas.report.names import label_of, label_of_regions


def relevance(curves: pd.DataFrame, methods: Sequence[str], orders: Sequence[str]) -> Figure:
    """A row for each data set and network, a column for each order, a line for each method.

    Parameters
    ----------
    curves : dataset, network, order, method, fraction, value, low, high, of one direction and one replacement
    methods, orders : what to show
    """
    style.use()
    pairs = list(curves.groupby(["dataset", "network"], sort=False))
    known = looks.of_methods(curves["method"].unique())
    figure, axes = plt.subplots(
        len(pairs),
        len(orders),
        figsize=(style.WIDTH, 1.75 * len(pairs) + 0.45),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    highest = float(curves[curves["method"].isin(methods)]["high"].max())
    top = min(1.0, 1.05 * highest) if highest > 0 else 1.0  # a single photo has no bands
    for row, ((dataset, network), of_pair) in zip(axes, pairs, strict=True):
        for ax, order in zip(row, orders, strict=True):
            of_order = of_pair[of_pair["order"] == order]
            for method in methods:
                look = known[method]
                line = of_order[of_order["method"] == method]
                ax.fill_between(line["fraction"], line["low"], line["high"], color=look.color, alpha=0.1, linewidth=0)
                ax.plot(
                    line["fraction"],
                    line["value"],
                    linewidth=1.2,
                    label=label_of(method),
                    markersize=2.6,
                    markevery=5,
                    **looks.line_of(look),
                )
            ax.set_xlim(0, 1)
            ax.set_ylim(0, top)
            ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        row[0].set_ylabel(f"{label_of(network)}, {dataset}\nprobability")
    for ax, order in zip(axes[0], orders, strict=True):
        ax.set_title(label_of_regions(order), loc="left")
    for ax in axes[-1]:
        ax.set_xlabel("fraction removed")
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, ncols=len(methods), loc="lower center", columnspacing=1.1, handlelength=1.7)
    figure.tight_layout(rect=(0, 0.24 / figure.get_figheight(), 1, 1), w_pad=0.6, h_pad=0.8)
    return figure


def shown(
    curves: pd.DataFrame, methods: Sequence[str], orders: Sequence[str], replacement: str, ranked: str = ""
) -> pd.DataFrame:
    """The rows of `curves` that figure 8 draws; where the replacement was not made, of the first that was."""
    least = curves[curves["direction"] == "least"]
    made = list(least["replacement"].unique())
    chosen = replacement if replacement in made else next(iter(made), replacement)
    found: pd.DataFrame = least[
        (least["replacement"] == chosen) & least["method"].isin(methods) & least["order"].isin(orders)
    ]
    return found.reset_index(drop=True)


def load(
    curves: pd.DataFrame, methods: Sequence[str], orders: Sequence[str], replacement: str, ranked: str = ""
) -> tuple[Figure, str]:
    """Figure 8 and its caption, from the curves of every setting; `ranked` is of figure 9."""
    drawn = shown(curves, methods, orders, replacement)
    orders = [order for order in orders if order in set(drawn["order"])]  # less what is not made
    methods = [method for method in methods if method in set(drawn["method"])]  # less what no network can do
    if not methods or not orders:
        reason = "nothing of relevance.figure was made"
        return style.nothing(reason), f"Relevance curves, least relevant part first: nothing to show, {reason}."
    caption = (
        f"Probability of the predicted class while the least relevant part of the photo goes first (LeRF; replacement: "
        f"{drawn['replacement'].iloc[0]}), against the fraction of pixels removed: mean over n = "
        f"{int(drawn['n'].max())} photos of "
        f"{', '.join(drawn['dataset'].unique())}, bands are pointwise bootstrap intervals over photos, seed "
        f"{drawn['seed'].iloc[0]}. The higher a curve stays, the better the map tells what the network does not need. "
        "All curves of a network share both ends. Controls in grey: a random map, and the edges of the photo. "
        f"{steps_taken(drawn[drawn['order'].isin(orders)])}"
    )
    return relevance(drawn, methods, orders), caption


def steps_taken(settings: pd.DataFrame) -> str:
    """How many images the curves have, and how many parts go in how many steps, by order.

    Parameters: `settings`, order, and the least and most parts and steps of a photo, see the stage relevance
    """
    least, most = settings["least_steps"].min() + 1, settings["most_steps"].max() + 1
    found = []
    for order, rows in settings.groupby("order", sort=False):
        parts, steps = (_span(rows[f"least_{what}"].min(), rows[f"most_{what}"].max()) for what in ("parts", "steps"))
        found.append(f"{label_of_regions(order)} {parts} in {steps}")
    return (
        f"A curve has {_span(least, most)} images, the whole photo and the one without any part among them. Where a "
        f"photo has more parts than steps, several go at once (parts in steps: {'; '.join(found)})."
    )


def _span(least: int, most: int) -> str:
    return f"{least}" if least == most else f"{least} to {most}"
