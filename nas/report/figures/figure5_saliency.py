"""Figure 5: saliency maps before and after averaging inside superpixels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nas.data import read_records, shows_object
from nas.localization import MEAN
from nas.report import looks, style
from nas.report.names import label_of, label_of_regions
from nas.report.photos import missing_text, present
from nas.saliency import CONTROLS, METHODS, RAW, average
from nas.statistics import Resampling, paired_bootstrap
from nas.store import TABLE, Shards, collect
from nas.superpixels import regions as region_maps

Pair = tuple[NDArray[Any], NDArray[Any]]
COMPARED = ("nas_clusters", "nas_components", "slic", "felzenszwalb")  # regions whose gains are drawn
COLUMNS = 4  # of the legend
FINER = 1.15  # a scale that is finer by less is not told
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
    pairs : method to one (raw, averaged) pair of maps (H, W) per photo
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
    style.letter(axes[0, 0], "a")
    upper.subplots_adjust(left=0.005, right=0.995, top=0.84, bottom=0.01, wspace=0.05, hspace=0.05)
    if not networks:
        return figure
    panels = below.subplots(1, len(networks), sharey=True, sharex=True, squeeze=False)[0]
    methods = sorted(gains["method"].unique(), key=lambda method: method == MEAN)  # of all networks, the mean last
    for ax, network in zip(panels, networks, strict=True):
        _gains(ax, gains[gains["network"] == network], methods)
        ax.set_title(label_of(network), loc="left")
    style.letter(panels[0], "b")
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
    """Each map on a scale of its own; how many times finer that of the average is stands in its corner."""
    raw, averaged = pair
    for ax, picture in ((left, raw), (right, averaged)):
        low, high = scale_of(picture, signed)
        ax.imshow(picture, interpolation="antialiased", cmap="PuOr_r" if signed else "magma", vmin=low, vmax=high)
        if outline is not None:
            ax.contour(outline, [0.5], colors=["#19b5a5"], linewidths=0.5)
    finer = finer_of(pair, signed)
    if finer >= FINER and np.ptp(averaged) > 0:  # a flat average has no scale
        right.text(0.03, 0.04, f"× {finer:.2g}" if finer < 10 else f"× {finer:.0f}", transform=right.transAxes,
                   fontsize=6, color="black", bbox={"boxstyle": "round,pad=0.15", "fc": "white", "lw": 0})  # fmt: skip


def scale_of(picture: NDArray[Any], signed: bool) -> tuple[float, float]:
    """The ends of the colour scale: the 1st and 99th percentile, of a signed map around 0."""
    if signed:
        limit = float(np.percentile(np.abs(picture), 99)) or 1.0
        return -limit, limit
    low, high = (float(value) for value in np.percentile(picture, (1, 99)))
    return low, max(high, low + 1e-12)


def finer_of(pair: Pair, signed: bool) -> float:
    """How many times wider the scale of the raw map is than that of the average."""
    (raw_low, raw_high), (low, high) = (scale_of(picture, signed) for picture in pair)
    return (raw_high - raw_low) / (high - low)


def _gains(ax: Axes, gains: pd.DataFrame, methods: Sequence[str]) -> None:
    """A row per method; what this network cannot do is left empty."""
    kinds = list(gains["regions"].unique())
    for number, (kind, look) in enumerate(looks.of_kinds(kinds).items()):
        of_kind = gains[gains["regions"] == kind].set_index("method").reindex(list(methods))
        y = np.arange(len(methods)) + (number - (len(kinds) - 1) / 2) * min(0.15, 0.6 / len(kinds))
        spread = np.array([of_kind["value"] - of_kind["low"], of_kind["high"] - of_kind["value"]])
        ax.errorbar(
            of_kind["value"],
            y,
            xerr=spread,
            fmt=look.marker,
            markersize=2.8,
            linewidth=0.8,
            color=look.color,
            label=label_of_regions(kind),
        )
    ax.axvline(0, color=style.MUTED, linewidth=0.6, linestyle=":")
    ax.set_yticks(range(len(methods)), [label_of(method) for method in methods])
    if MEAN in methods:
        ax.axhspan(methods.index(MEAN) - 0.5, methods.index(MEAN) + 0.5, color="#eef1f4", linewidth=0, zorder=0)
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
    means = _mean_gains(table, resampling)
    return pd.DataFrame([*rows, *means], columns=GAINS)


def _mean_gains(table: pd.DataFrame, resampling: Resampling) -> list[dict[str, Any]]:
    """The same of the mean over methods that are no controls, photo by photo; what was not measured is left out."""
    rows = []
    real = table[~table["method"].isin(CONTROLS)]
    for (dataset, network), group in real.groupby(["dataset", "network"], sort=False, observed=True):
        means = group.groupby(["regions", "id"], sort=False, observed=True)["auroc"].mean()
        by_kind = {kind: means.xs(kind, level="regions") for kind in group["regions"].unique()}
        for kind, values in by_kind.items():
            if kind != RAW:
                gain = paired_bootstrap(*values.align(by_kind[RAW]), **resampling._asdict())
                carried = {"dataset": dataset, "network": network, "method": MEAN, "regions": kind}
                carried |= {"seed": group["seed"].iloc[0], "raw": by_kind[RAW].mean(), "averaged": values.mean()}
                rows.append({**carried, **gain._asdict()})
    return rows


def with_gains(datasets: Sequence[str], gains: pd.DataFrame) -> str:
    """The first data set with gains, or the first where none has."""
    return next((name for name in datasets if name in set(gains["dataset"])), datasets[0])


def shown(datasets: Sequence[str], gains: pd.DataFrame) -> pd.DataFrame:
    """The gains that figure 5 draws: of its data set, in regions on the recipe's grid that are compared."""
    kept = gains[
        (gains["dataset"] == with_gains(datasets, gains)) & ~gains["regions"].str.endswith((".image", ".tuned"))
    ]
    return kept[kept["regions"].str.split(".").str[0].isin(COMPARED)]


def load(
    root: Path, datasets: Sequence[str], network: str, photos: Sequence[str], methods: Sequence[str], regions: str,
    gains: pd.DataFrame,
) -> tuple[Figure, str]:  # fmt: skip
    """Figure 5 and its caption, of the first data set with gains, or of the first where none has."""
    dataset = with_gains(datasets, gains)
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
    drawn = shown(datasets, gains)
    caption = (
        f"a: saliency maps of {label_of(network)} for the {explained} class, raw and averaged inside "
        f"{label_of_regions(kind)}, dark is low; signed maps diverge around zero, violet is negative. Each map has a "
        "colour scale from its 1st to its 99th percentile; × in an average says how many times finer its scale is: "
        "averaging levels extremes, and values of either sign cancel."
        f"{' The object is outlined in green.' if any(each is not None for each in outlines) else ''}"
        f"{missing_text(photos, named)}"
    )
    if len(drawn):
        caption += (
            " b: gain in AUROC of the map against the object's mask, averaged minus raw, over n = "
            f"{int(drawn['n'].max())} photos of {dataset} with paired bootstrap intervals, seed "
            f"{drawn['seed'].iloc[0]}. Right of zero, averaging makes the object stand out. Maps that are flat inside "
            "regions, as LIME and KernelSHAP are inside those that they are computed on, do not change there. SLIC and "
            "Felzenszwalb have as many regions as NAS has components. The mean is over methods that are no controls."
        )
    return contrast(list(views), pairs, outlines, drawn), caption


def _like(regions: str, names: Sequence[str]) -> str:
    method = regions.partition(".")[0]
    return next(name for name in names if name.partition(".")[0] == method)


def _outline(truth: NDArray[np.uint8] | None) -> NDArray[np.bool_] | None:
    return None if truth is None else shows_object(truth)
