"""Figure 3: what the depth of the activations and the number of clusters do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nas.data import resize_labels
from nas.report import style
from nas.report.names import label_of
from nas.report.painting import by_luminance
from nas.store import Shards
from nas.superpixels import read_variants


def depth_grid(
    photo: NDArray[np.uint8], labels: Mapping[tuple[str, int], NDArray[Any]], summary: pd.DataFrame
) -> Figure:
    """Label maps by depth set (rows) and k (columns), and edge adherence by depth with intervals.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    labels : (depths, k) to a label map (H, W), depths as "2-3-4"
    summary : rows depths, clusters, network, measure, value, low, high of the recipe's grid
    """
    style.use()
    depth_sets = list(dict.fromkeys(depths for depths, _ in labels))
    ks = sorted({k for _, k in labels})
    networks = list(summary["network"].unique())
    figure = plt.figure(figsize=(style.WIDTH, 1.02 * len(depth_sets) + 2.6))
    layout = figure.add_gridspec(2, 1, height_ratios=(1.02 * len(depth_sets), 2.6))
    upper, lower = figure.add_subfigure(layout[0]), figure.add_subfigure(layout[1])
    axes = upper.subplots(len(depth_sets), len(ks) + 1, squeeze=False)
    axes[0][0].imshow(photo)
    for row, depths in zip(axes, depth_sets, strict=True):
        for ax, k in zip(row[1:], ks, strict=True):
            if (depths, k) not in labels:  # the default setting may lie outside the grid of the others
                continue
            ax.imshow(by_luminance(labels[depths, k], photo), interpolation="nearest")
        row[0].set_ylabel("{" + depths.replace("-", ", ") + "}", fontsize=7, labelpad=3)
        for ax in row:
            style.bare(ax)
    for ax, title in zip(axes[0], ["Photo", *(f"k = {k}" for k in ks)], strict=True):
        ax.set_title(title, fontsize=7.5, pad=3)
    style.letter(axes[0][0], "a")
    upper.subplots_adjust(left=0.1, right=0.99, top=0.95, bottom=0.01, wspace=0.05, hspace=0.05)
    curves = lower.subplots(1, 2 * len(networks), sharey=True, squeeze=False)[0]
    for column, network in enumerate(networks):
        of_network = summary[(summary["network"] == network) & (summary["measure"] == "edge_adherence")]
        joined, single = curves[2 * column : 2 * column + 2]
        deepest = max(map(_deepest, of_network["depths"].unique()))
        sets = [depths for depths in of_network["depths"].unique() if _deepest(depths) == deepest]
        alone = [depths for depths in of_network["depths"].unique() if "-" not in depths]
        _curves(joined, of_network, sorted(sets, key=len), ks, "depths used")
        _curves(single, of_network, sorted(alone, key=int, reverse=True), ks, "single depth")
        joined.set_title(label_of(network), loc="left")
    curves[0].set_ylabel("edge adherence")
    style.letter(curves[0], "b")
    handles, names = curves[0].get_legend_handles_labels()
    lower.legend(handles, names, ncols=len(ks), loc="lower center", bbox_to_anchor=(0.5, -0.03))
    lower.subplots_adjust(left=0.1, right=0.99, top=0.88, bottom=0.3, wspace=0.12)
    return figure


def _curves(ax: Axes, summary: pd.DataFrame, depth_sets: Sequence[str], ks: Sequence[int], title: str) -> None:
    """Adherence over depth sets, one line per k, intervals as bars side by side."""
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(ks)))
    for number, (k, colour) in enumerate(zip(ks, colours, strict=True)):
        of_k = summary[summary["clusters"] == str(k)].set_index("depths").reindex(list(depth_sets))
        x = np.arange(len(depth_sets)) + (number - (len(ks) - 1) / 2) * 0.07
        spread = np.array([of_k["value"] - of_k["low"], of_k["high"] - of_k["value"]])
        ax.errorbar(x, of_k["value"], spread, color=colour, marker="o", markersize=2.4, linewidth=0.8, label=f"k = {k}")
    ax.axhline(0, color=style.MUTED, linewidth=0.6, linestyle=":")
    ax.set_xticks(range(len(depth_sets)), [_short(depths) for depths in depth_sets])
    ax.set_xlabel(title)


def _deepest(depths: str) -> int:
    return max(map(int, depths.split("-")))


def _short(depths: str) -> str:
    parts = depths.split("-")
    return parts[0] if len(parts) == 1 else f"{parts[0]}–{parts[-1]}"


def by_depth(summary: pd.DataFrame) -> pd.DataFrame:
    """Edge adherence of single depths on the recipe's grid, mean over data sets, networks and k: depth, adherence."""
    single = summary[
        (summary["measure"] == "edge_adherence") & (summary["size"] == "first") & ~summary["depths"].str.contains("-")
    ]
    means = single.groupby("depths")["value"].mean().round(4)
    means = means.sort_index(key=lambda depths: depths.astype(int))
    return means.rename("edge adherence").rename_axis("depth").reset_index()


def shown(summary: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The numbers that figure 3 draws: edge adherence of a data set on the recipe's grid, with its first weighting."""
    of_dataset = summary[(summary["dataset"] == dataset) & (summary["size"] == "first")]
    of_dataset = of_dataset[of_dataset["weighting"] == of_dataset["weighting"].iloc[0]]
    kept: pd.DataFrame = of_dataset[(of_dataset["measure"] == "edge_adherence") & (of_dataset["clusters"] != "auto")]
    return kept


def load(root: Path, dataset: str, network: str, photo: str, summary: pd.DataFrame) -> tuple[Figure, str]:
    """Figure 3 and its caption: label maps of one photo, and edge adherence of all photos of the data set."""
    folder = root / "data" / "ablation" / dataset / network
    activations = Shards(root / "data" / "activations" / dataset / network)
    [photo] = activations.pick([photo])
    view = activations.read([photo], ["view"])["view"][0]
    made = {name: variant for name, variant in read_variants(folder).items() if variant.clusters != "auto"}
    deepest = max(max(variant.depths) for variant in made.values())
    of_dataset = shown(summary, dataset)
    weighting = of_dataset["weighting"].iloc[0]
    labels = {}
    for name, variant in sorted(made.items(), key=lambda each: (len(each[1].depths), each[1].depths, each[1].clusters)):
        if max(variant.depths) == deepest and (variant.size, variant.weighting) == ("first", weighting):
            found = Shards(folder).read([photo], [name])[name][0]
            labels[variant.columns()["depths"], int(variant.clusters)] = resize_labels(found, view.shape[:2])
    n = int(of_dataset["n"].max())
    caption = (
        f"Depth and number of clusters. a: NAS clusters of one photo ({label_of(network)}, recipe's grid, "
        "coloured by mean luminance) for sets of depths from deep (top) to all (bottom). b: edge adherence (share "
        "of the strongest image edges within 2 pixels of a superpixel border, chance-corrected: 0 is chance, 1 is "
        f"all), for depths used together and one at a time, deep to shallow, over n = {n} photos of {dataset}; bars "
        f"are bootstrap intervals over photos, seed {of_dataset['seed'].iloc[0]}. If shallow superpixels follow strong "
        "edges more closely, the curves rise to the right."
    )
    return depth_grid(view, labels, of_dataset), caption
