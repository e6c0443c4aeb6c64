"""Figure 2: from a photo to superpixels, drawn with the real maps of one photo."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from nas.networks import Activations
from nas.report import style
from nas.report.names import label_of
from nas.report.painting import by_luminance, mean_colour
from nas.store import TABLE, Shards, read_columns
from nas.superpixels import Resize, depth_weights, read_variants, regions


def schematic(
    photo: NDArray[np.uint8],
    maps: Mapping[int, NDArray[Any]],
    weights: Mapping[int, float],
    clusters: NDArray[Any],
    grid: tuple[int, int],
) -> Figure:
    """Photo, activations by depth, hypercolumns, clusters, components.

    Parameters
    ----------
    photo : (H, W, 3) uint8, as the classifier sees it
    maps : depth to (C, h, w), shown by their first three principal components
    weights : depth to w_l
    clusters : (H, W) label map
    grid : (height, width) of the clustering
    """
    style.use()
    depths = sorted(maps)
    figure = plt.figure(figsize=(style.WIDTH, 3.1))
    layout = figure.add_gridspec(
        len(depths),
        5,
        width_ratios=(1.25, 0.62, 0.62, 1.25, 1.25),
        wspace=0.5,
        hspace=0.5,
        bottom=0.14,
        top=0.86,
    )
    first = _picture(figure.add_subplot(layout[:, 0]), photo, "Photo")
    hypercolumns = []
    for row, depth in enumerate(depths):
        channels, height, width = maps[depth].shape
        small = _picture(figure.add_subplot(layout[row, 1]), principal(maps[depth]), f"depth {depth}")
        small.set_xlabel(f"{channels} × {height} × {width}", fontsize=6, labelpad=2)
        large = _picture(figure.add_subplot(layout[row, 2]), principal(_resized(maps[depth], grid)), "")
        large.set_xlabel(f"resized, ÷ norm\n× {weights[depth]:.2f}", fontsize=6, labelpad=2)
        _arrow(figure, first, small)
        _arrow(figure, small, large)
        hypercolumns.append(large)
    k = len(np.unique(clusters))
    middle = _picture(figure.add_subplot(layout[:, 3]), by_luminance(clusters, photo), f"NAS clusters, k = {k}")
    components = regions.components(clusters)
    filled = mean_colour(components, photo)
    last = _picture(figure.add_subplot(layout[:, 4]), filled, "NAS components", interpolation="antialiased")
    last.set_xlabel(f"{components.max() + 1} connected regions", fontsize=6, labelpad=2)
    middle.set_xlabel("k-means on the concatenation", fontsize=6, labelpad=2)
    for each in hypercolumns:
        _arrow(figure, each, middle)
    _arrow(figure, middle, last)
    figure.text(0.365, 0.955, "Activations", ha="center", fontsize=8)
    return figure


def principal(maps: NDArray[Any]) -> NDArray[np.float64]:
    """First three principal components over the locations, each stretched from the 2nd to the 98th percentile."""
    flat = maps.reshape(len(maps), -1).T.astype(np.float64)
    parts = PCA(3, svd_solver="full").fit_transform(flat)
    low, high = np.percentile(parts, (2, 98), axis=0)
    stretched = np.clip((parts - low) / np.maximum(high - low, 1e-12), 0, 1)
    return np.asarray(stretched.reshape(*maps.shape[1:], 3))


def _resized(maps: NDArray[Any], grid: tuple[int, int]) -> NDArray[Any]:
    stacked = torch.from_numpy(np.ascontiguousarray(maps)).float()
    resized = Resize.between((maps.shape[1], maps.shape[2]), grid, "bicubic", stacked)(stacked)
    return np.asarray(resized / resized.norm(dim=0).clamp_min(1e-12))


def _picture(ax: Axes, picture: NDArray[Any], title: str, interpolation: str = "nearest") -> Axes:
    ax.imshow(picture, interpolation=interpolation)
    ax.set_title(title, fontsize=7.5, pad=3)
    style.bare(ax)
    return ax


def _arrow(figure: Figure, source: Axes, target: Axes) -> None:
    figure.add_artist(
        ConnectionPatch(
            (1.03, 0.5),
            (-0.04, 0.5),
            coordsA="axes fraction",
            coordsB="axes fraction",
            axesA=source,
            axesB=target,
            arrowstyle="-|>",
            mutation_scale=7,
            color=style.MUTED,
            linewidth=0.8,
        )
    )


def load(root: Path, dataset: str, network: str, photo: str) -> tuple[Figure, str]:
    """Figure 2 and its caption, from the stored activations and label maps of one photo."""
    folder = root / "data" / "superpixels" / dataset / network
    name, variant = next(iter(read_variants(folder).items()))
    seed = read_columns(folder / TABLE, ["seed"])["seed"].iloc[0]
    depths = sorted(variant.depths)
    activations = Activations(root / "data" / "activations" / dataset / network)
    [photo] = activations.pick([photo])
    view = activations.read([photo], ["view"])["view"][0]
    maps = {depth: m[0].numpy() for depth, m in activations.maps([photo], depths).items()}
    weighting = None if variant.weighting == "none" else variant.weighting
    weights = dict(zip(depths, depth_weights([len(m) for m in maps.values()], weighting), strict=True))
    key = f"nas_clusters.{name}"
    clusters = Shards(folder).read([photo], [key])[key][0].astype(np.int32)
    grid = maps[depths[0]].shape[1], maps[depths[0]].shape[2]
    caption = (
        f"How NAS are made, with the real maps of {label_of(network)} for one photo of {dataset}. Activations "
        "(channels × height × width, shown by their first three principal components as colours) are resized to the "
        f"{grid[0]} × {grid[1]} grid of the shallowest depth, divided at each location by their norm, weighted and "
        f"concatenated; k-means with k = {variant.clusters}, seed {seed}, groups the locations. Nothing is "
        "trained, no position and no colour is used. The components are the connected regions of the clusters."
    )
    return schematic(view, maps, weights, clusters, grid), caption
