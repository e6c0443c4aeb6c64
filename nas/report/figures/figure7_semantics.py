"""Figure 7: clusters tagged as object, and what scores against them say beside scores against masks."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from numpy.typing import NDArray
from skimage.color import rgb2gray

from nas.classes import CLASS, read_class
from nas.data import read_records, resize_labels, shows_object, truth_in_words, truth_of
from nas.report import style
from nas.report.names import label_of
from nas.report.results import labels, summary
from nas.saliency import RAW
from nas.semantics import HAND, LEARNT, TRUTH, object_regions
from nas.store import Shards, read_json

SOURCES = (HAND, LEARNT)
AGAINST = {
    TRUTH: ("inside the {}", "o", style.INK),
    HAND: ("hand tags", "D", "#6a3d9a"),
    LEARNT: ("learnt tags", "s", "#00695c"),
}
WITHOUT = "no data set has a class with masks, boxes or tags (make tag)"


class TaggedPhoto(NamedTuple):
    """A photo, its mask or filled boxes (None if there are none), and the pixels of the clusters tagged as object."""

    photo: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    tagged: NDArray[np.bool_]


class Content(NamedTuple):
    """What figure 7 shows: photos, mean scores of the raw maps, rank agreement, what few labels are worth."""

    panels: Sequence[TaggedPhoto]
    source: str
    class_name: str
    scores: pd.DataFrame
    agreement: pd.DataFrame
    labels: pd.DataFrame

    def truth(self, n: int = 1) -> str:
        """What is known of the objects of a photo, or of n, in words."""
        return truth_in_words(self.scores["truth"].unique(), n)


def load(root: Path, datasets: Sequence[str], networks: Sequence[str], name: str, photos: int) -> Content:
    """The first tagged photos of a class, of the first data set and network with tags, and the tables of that data set.

    Where no class has tags there are no photos, and the tables are empty.
    """
    means = summary(root, "semantics", datasets, networks)
    pairs = [(dataset, network) for dataset in datasets for network in networks]
    tags = {pair: read_json(root.joinpath("data", "semantics", *pair, "tags.json")) for pair in pairs}
    dataset, network = next((pair for pair in pairs if tags[pair]), pairs[0])
    used = tags[dataset, network]
    scores = means[(means["regions"] == RAW) & (means["measure"] == "mass_share")]
    scores = scores[scores["dataset"] == dataset]
    agreement = summary(root, "semantics", [dataset], networks, "agreement")
    worth = labels(root, [dataset], networks)
    if not used:
        return Content([], "", "", scores, agreement, worth)
    name = name if name in used else next(iter(used))
    source = next(each for each in SOURCES if each in used[name])
    found = read_class(root, dataset, network, name)
    records = {record.id: record for record in read_records(root / "data" / "raw" / dataset)}
    views = Shards(root / "data" / "activations" / dataset / network)
    panels = []
    for photo in [each for each in found.ids if each in used[name][source]][:photos]:  # tags may be of some alone
        view = views.read([photo], ["view"])["view"][0]
        clusters = resize_labels(found.stored.read([photo], [CLASS])[CLASS][0], view.shape[:2])
        truth, _ = truth_of(records[photo], view.shape[:2])
        tagged = object_regions(clusters, np.array(used[name][source][photo], dtype=bool))
        panels.append(TaggedPhoto(view, None if truth is None else shows_object(truth), tagged))
    return Content(panels, source, name, scores, agreement, worth)


def few_labels(content: Content) -> Figure:
    """Photos above; below, the scores of every method by network, and the worth of few labels."""
    style.use()
    if not content.panels:
        return style.nothing(WITHOUT)
    networks = list(content.scores["network"].unique())
    n_methods = content.scores["method"].nunique()
    side = min(1.5, style.WIDTH / max(len(content.panels) * 2, 4))
    below = 0.165 * n_methods + 0.75
    figure = plt.figure(figsize=(style.WIDTH, side + below + 0.88))
    height = figure.get_figheight()
    pictures = GridSpec(
        1,
        2 * len(content.panels),
        figure,
        left=0.01,
        right=0.99,
        top=1 - 0.22 / height,
        bottom=1 - (0.22 + side) / height,
        wspace=0.04,
    )
    _draw_panels(figure, pictures, content)
    charts = GridSpec(
        1,
        len(networks) + 2,  # one of them a gap, for the ticks of the last chart
        figure,
        left=0.17,
        right=0.985,
        top=1 - (side + 0.75) / height,
        bottom=0.72 / height,
        wspace=0.16,
        width_ratios=[1] * len(networks) + [0.05, 0.8],
    )
    of_truth = content.scores[content.scores["against"] == TRUTH]
    ranked = content.scores if of_truth.empty else of_truth
    order = ranked.groupby("method")["value"].mean().sort_values().index
    for column, network in enumerate(networks):
        ax = figure.add_subplot(charts[column])
        _draw_scores(ax, content, network, list(order))
        if column:
            ax.set_yticklabels([])
    handles, names = figure.axes[-1].get_legend_handles_labels()
    figure.legend(handles, names, ncols=len(names), loc="lower left", bbox_to_anchor=(0.16, 0.0))
    _draw_labels(figure.add_subplot(charts[-1]), content, networks)
    return figure


def _draw_panels(figure: Figure, grid: GridSpec, content: Content) -> None:
    for number, panel in enumerate(content.panels):
        left, right = (figure.add_subplot(grid[2 * number + place]) for place in (0, 1))
        left.imshow(panel.photo)
        if panel.mask is not None:
            left.contour(panel.mask, levels=[0.5], colors=[style.ACCENT], linewidths=1.1)
        faint = 0.25 * rgb2gray(panel.photo)[..., None].repeat(3, axis=2) + 0.75
        right.imshow(np.where(panel.tagged[..., None], panel.photo / 255, faint))
        for ax, title in ((left, "photo" if panel.mask is None else content.truth()), (right, content.source)):
            style.bare(ax)
            ax.set_title(title, fontsize=7, pad=2)


def _draw_scores(ax: Axes, content: Content, network: str, order: Sequence[str]) -> None:
    """Mean mass share of each method against the truth and against tags, joined by a line."""
    shown = content.scores[content.scores["network"] == network].pivot(
        index="method", columns="against", values="value"
    )
    rows = np.arange(len(order))
    kinds = [kind for kind in AGAINST if kind in shown]
    values = shown.reindex(index=list(order), columns=kinds)
    ax.hlines(rows, values.min(axis=1), values.max(axis=1), color="#cccccc", linewidth=1)
    for kind in kinds:
        label, marker, colour = AGAINST[kind]
        # hollow, so that one on another is seen
        ax.plot(values[kind], rows, marker, color=colour, markersize=4, markerfacecolor="none", markeredgewidth=1.1,
                label=label.format(content.truth()))  # fmt: skip
    ax.set_yticks(rows, [label_of(method) for method in order], fontsize=7)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.25, 0.5, 0.75])
    ax.set_xlabel("share of positive saliency")
    ax.set_title(f"{label_of(network)}\n{_taus(content.agreement, network)}", loc="left", fontsize=7)


def _taus(agreement: pd.DataFrame, network: str) -> str:
    rows = agreement[(agreement["network"] == network) & (agreement["measure"] == "mass_share")]
    named = {HAND: "hand", LEARNT: "learnt"}
    found = {
        row["against"]: f"τ {named[row['against']]} {row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        for row in rows.to_dict("records")
    }
    return "\n".join(found[source] for source in SOURCES if source in found)


def _draw_labels(ax: Axes, content: Content, networks: Sequence[str]) -> None:
    """IoU of tagged clusters with the truth of the other photos, by the number of labelled photos."""
    ious = content.labels[content.labels["measure"] == "IoU"]
    classes = list(ious["class"].unique())
    few = len(classes) <= 6
    for each, colour in zip(classes, sns.color_palette("colorblind", len(classes)), strict=True):
        for network, line in zip(networks, ("-", "--", ":", "-."), strict=False):
            shown = ious[(ious["class"] == each) & (ious["network"] == network)]
            place = shown["labelled"] + 0.06 * classes.index(each) * few
            ax.errorbar(
                place,
                shown["value"],
                yerr=np.abs(shown[["low", "high"]].to_numpy().T - shown["value"].to_numpy()),
                color=colour if few else style.MUTED,
                linestyle=line,
                marker="o",
                markersize=3,
                linewidth=0.9,
                elinewidth=0.6,
                label=each if few and network == networks[0] else None,
            )
    ticks = sorted(ious["labelled"].unique())
    ax.set_xticks(ticks)
    if ticks:
        ax.set_xlim(min(ticks) - 0.4, max(ticks) + 0.6)
    ax.set_ylim(0, 1)
    ax.set_xlabel("labelled photos")
    ax.set_title(f"Tags learnt on few photos,\nIoU with {content.truth(2)} of the others", loc="left", fontsize=7)
    if classes and few:
        ax.legend(loc="upper right", handlelength=1.2)


def caption(content: Content) -> str:
    """What figure 7 shows."""
    if not content.panels:
        return f"Scoring saliency against tagged clusters: nothing to show, {WITHOUT}."
    first, truth = content.scores.iloc[0], content.truth()
    return (
        f"Scoring saliency against tagged clusters ({first['dataset']}, n = {int(content.scores['n'].max())} photos of "
        f"the tagged classes, seed {first['seed']}). Above: photos of the class {content.class_name} with the {truth}, "
        f"and the class-level clusters that were tagged as object ({content.source}). Below: share of the positive "
        f"saliency of each method's raw maps inside the {truth}, and inside the clusters tagged by hand or by the "
        f"{content.truth(2)} of a few other photos of the class; τ is Kendall's correlation of the two rankings of "
        "methods, controls left out, with its bootstrap interval over photos (intervals of the shares: table 3). "
        "Right: how well tags learnt on a few labelled photos find the objects of the others (mean and 5 to 95 % of "
        "the draws; solid: first network, dashed: second)."
    )
