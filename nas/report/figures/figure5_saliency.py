"""Figure 5: saliency maps before and after averaging inside superpixels."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nas.data import read_records, shows_object
from nas.report import style
from nas.report.names import label_of, label_of_regions
from nas.report.photos import missing_text, present
from nas.saliency import METHODS, RAW, average
from nas.statistics import Resampling, paired_bootstrap
from nas.store import TABLE, Shards, collect
from nas.superpixels import regions as region_maps

Pair = tuple[NDArray[Any], NDArray[Any]]
MARKERS = "osD^vPX"
COMPARED = ("nas_clusters", "nas_components", "slic", "felzenszwalb")  # regions whose gains are drawn
COLUMNS = 4  # of the legend
BLANK = 0.1  # of the colour scale: averages that stay below it look blank
GAINS = ["dataset", "network", "method", "regions", "raw", "averaged", "value", "low", "high", "n", "seed"]


def contrast(
    photos: Sequence[NDArray[np.uint8]],
    pairs: Mapping[str, Sequence[Pair]],
    outlines: Sequence[NDArray[np.bool_] | None],
    gains: pd.DataFrame,
) -> Figure:
    """Rows of photos, for each method the raw map and the averaged one; below, the gain in AUROC.

    Parameters
    ----------
    photos : (H, W, 3) uint8 each
    pairs : method to one (raw, averaged) pair of maps (H, W) per photo; a pair shares one colour scale
    outlines : (H, W) bool each, the object, or None
    gains : network, method, regions, value, low, high, n of the paired difference in AUROC
    """
    style.use()
    networks = list(gains["network"].unique())
    lower = 0.17 * gains["method"].nunique() + 1.0 if networks else 0.05
    columns = 2 * len(pairs) + 1
    side = style.WIDTH / columns
    figure = plt.figure(figsize=(style.WIDTH, (side + 0.05) * len(photos) + 0.5 + lower))
    layout = figure.add_gridspec(2, 1, height_ratios=((side + 0.05) * len(photos) + 0.5, lower))
    upper, below = figure.add_subfigure(layout[0]), figure.add_subfigure(layout[1])
    axes = upper.subplots(len(photos), columns, squeeze=False)
    for row, (photo, outline) in enumerate(zip(photos, outlines, strict=True)):
        axes[row, 0].imshow(photo)
        for number, (method, of_photos) in enumerate(pairs.items()):
            _pair(axes[row, 2 * number + 1], axes[row, 2 * number + 2], of_photos[row], METHODS[method].signed, outline)
        for ax in axes[row]:
            style.bare(ax)
    axes[0, 0].set_title("Photo", fontsize=7, pad=3)
    for number, method in enumerate(pairs):
        axes[0, 2 * number + 1].set_title("raw", fontsize=6, pad=3)
        axes[0, 2 * number + 2].set_title("averaged", fontsize=6, pad=3)
        axes[0, 2 * number + 1].annotate(
            label_of(method), (1.02, 1.3), xycoords="axes fraction", ha="center", fontsize=6.5, annotation_clip=False
        )
    upper.subplots_adjust(left=0.005, right=0.995, top=0.84, bottom=0.01, wspace=0.05, hspace=0.05)
    if not networks:
        return figure
    panels = below.subplots(1, len(networks), sharey=True, sharex=True, squeeze=False)[0]
    for ax, network in zip(panels, networks, strict=True):
        _gains(ax, gains[gains["network"] == network])
        ax.set_title(label_of(network), loc="left")
    handles, names = panels[0].get_legend_handles_labels()
    below.legend(
        handles,
        names,
        ncols=min(len(names), COLUMNS),
        loc="lower center",
        bbox_to_anchor=(0.55, -0.02),
        columnspacing=1,
    )
    below.subplots_adjust(left=0.19, right=0.985, top=0.92, bottom=0.6 / lower + 0.02, wspace=0.08)
    return figure


def _pair(left: Axes, right: Axes, pair: Pair, signed: bool, outline: NDArray[np.bool_] | None) -> None:
    """Both maps on one scale: diverging around zero if signed, else from the 1st to the 99th percentile of the raw."""
    raw, averaged = pair
    if signed:
        limit = signed_limit(raw)
        scale: dict[str, Any] = {"cmap": "PuOr_r", "vmin": -limit, "vmax": limit}
    else:
        low, high = np.percentile(raw, (1, 99))
        scale = {"cmap": "magma", "vmin": low, "vmax": max(high, low + 1e-12)}
    for ax, picture in ((left, raw), (right, averaged)):
        ax.imshow(picture, interpolation="antialiased", **scale)
        if outline is not None:
            ax.contour(outline, [0.5], colors=["#19b5a5"], linewidths=0.5)


def signed_limit(raw: NDArray[Any]) -> float:
    """The end of the colour scale of a signed map: the 99th percentile of its magnitude."""
    return float(np.percentile(np.abs(raw), 99)) or 1.0


def blank(pairs: Mapping[str, Sequence[Pair]]) -> dict[str, float]:
    """The signed methods whose averages look blank in every photo shown, with the largest, as a share of the scale."""
    largest = {
        method: max(float(np.percentile(np.abs(averaged), 99)) / signed_limit(raw) for raw, averaged in of_photos)
        for method, of_photos in pairs.items()
        if METHODS[method].signed
    }
    return {method: share for method, share in largest.items() if share < BLANK}


def _gains(ax: Axes, gains: pd.DataFrame) -> None:
    methods, kinds = list(gains["method"].unique()), list(gains["regions"].unique())
    colours = sns.color_palette("colorblind", len(kinds))
    for number, (kind, colour, marker) in enumerate(zip(kinds, colours, cycle(MARKERS), strict=False)):
        of_kind = gains[gains["regions"] == kind].set_index("method").loc[methods]
        y = np.arange(len(methods)) + (number - (len(kinds) - 1) / 2) * min(0.15, 0.6 / len(kinds))
        spread = np.array([of_kind["value"] - of_kind["low"], of_kind["high"] - of_kind["value"]])
        ax.errorbar(
            of_kind["value"],
            y,
            xerr=spread,
            fmt=marker,
            markersize=2.8,
            linewidth=0.8,
            color=colour,
            label=label_of_regions(kind),
        )
    ax.axvline(0, color=style.MUTED, linewidth=0.6, linestyle=":")
    ax.set_yticks(range(len(methods)), [label_of(method) for method in methods])
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.set_xlabel("AUROC, averaged − raw")


def auroc_gains(root: Path, datasets: Sequence[str], networks: Sequence[str], resampling: Resampling) -> pd.DataFrame:
    """Paired differences in AUROC, averaged minus raw, by data set, network, method and regions."""
    columns = ["id", "dataset", "network", "method", "regions", "auroc", "seed"]
    table = collect(root, "localization", datasets, networks, TABLE, columns)
    rows = []
    for (dataset, network, method), group in table.groupby(["dataset", "network", "method"], sort=False, observed=True):
        by_kind = {
            kind: found.set_index("id")["auroc"] for kind, found in group.groupby("regions", sort=False, observed=True)
        }
        for kind, values in by_kind.items():
            if kind != RAW:
                gain = paired_bootstrap(*values.align(by_kind[RAW]), **resampling._asdict())
                carried = {"dataset": dataset, "network": network, "method": method, "regions": kind}
                carried |= {"seed": group["seed"].iloc[0], "raw": by_kind[RAW].mean(), "averaged": values.mean()}
                rows.append({**carried, **gain._asdict()})
    return pd.DataFrame(rows, columns=GAINS)


def load(
    root: Path, datasets: Sequence[str], network: str, photos: Sequence[str], methods: Sequence[str], regions: str,
    gains: pd.DataFrame,
) -> tuple[Figure, str]:  # fmt: skip
    """Figure 5 and its caption, of the first data set with gains, or of the first where none has."""
    dataset = next((name for name in datasets if name in set(gains["dataset"])), datasets[0])
    activations = Shards(root / "data" / "activations" / dataset / network)
    named, photos = photos, present(activations, photos)
    views = activations.read(photos, ["view"])["view"]
    segmented = Shards(root / "data" / "superpixels" / dataset / network)
    # where that is not made, what is of the same method
    kind = regions if regions in segmented.names() else _like(regions, segmented.names())
    labels = segmented.read(photos, [kind])[kind]
    stored = Shards(root / "data" / "saliency" / dataset / network)
    size = views.shape[1:3]
    methods = [method for method in methods if f"true/{method}" in stored.names()]  # less what the network cannot do
    if not methods:
        reason = f"{label_of(network)} can do no method of saliency.figure.methods"
        return style.nothing(reason), f"Saliency maps, raw and averaged inside regions: nothing to show, {reason}."
    pairs: dict[str, list[Pair]] = {}
    for method in methods:
        for saliency, found in zip(stored.read(photos, [f"true/{method}"])[f"true/{method}"], labels, strict=True):
            raw = cv2.resize(saliency, size[::-1], interpolation=cv2.INTER_CUBIC)
            pairs.setdefault(method, []).append((raw, average(raw, region_maps.relabel(found))))
    records = {record.id: record for record in read_records(root / "data" / "raw" / dataset)}
    outlines = [_outline(records[photo].truth(size)) for photo in photos]
    labelled = stored.read(photos, ["labelled"])["labelled"]
    explained = "labelled" if labelled.all() else "labelled or predicted" if labelled.any() else "predicted"
    shown = gains[(gains["dataset"] == dataset) & ~gains["regions"].str.endswith((".image", ".tuned"))]
    shown = shown[shown["regions"].str.split(".").str[0].isin(COMPARED)]
    caption = (
        f"Saliency maps of {label_of(network)} for the {explained} class, raw and averaged inside "
        f"{label_of_regions(kind)} (each pair on one colour scale; signed maps diverge around zero, violet is negative"
        f"{'; the object outlined in green' if any(each is not None for each in outlines) else ''})."
        f"{_blank_text(blank(pairs))}{missing_text(photos, named)}"
    )
    if len(shown):
        caption += (
            " Below: gain in AUROC of the map against the object's mask, averaged minus raw, over n = "
            f"{int(shown['n'].max())} photos of {dataset} with paired bootstrap intervals, seed "
            f"{shown['seed'].iloc[0]}. Right of zero, averaging makes the object stand out. LIME and KernelSHAP are "
            "made of NAS clusters, so averaging inside NAS leaves them alone. SLIC and Felzenszwalb have as many "
            "regions as NAS has components."
        )
    return contrast(list(views), pairs, outlines, shown), caption


def _like(regions: str, names: Sequence[str]) -> str:
    method = regions.partition(".")[0]
    return next(name for name in names if name.partition(".")[0] == method)


def _blank_text(found: Mapping[str, float]) -> str:
    """Why averages look blank, "" where none do."""
    if not found:
        return ""
    named = " and ".join(
        f"{label_of(method)} (99% of pixels within {share:.1%} of the scale)" for method, share in found.items()
    )
    return (
        f" The averages of {named} look blank because values of either sign cancel inside a region; they are small, "
        "not 0, and their order, which AUROC looks at, is left."
    )


def _outline(truth: NDArray[np.uint8] | None) -> NDArray[np.bool_] | None:
    return None if truth is None else shows_object(truth)
