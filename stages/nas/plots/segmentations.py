"""Figure 1: photos segmented by NAS and by the classics; and the page of annotations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from nas.datasets import Record
from nas.plots import style
from nas.plots.photos import missing_text, present
from nas.rows import read_columns
from nas.shards import TABLE, Shards

Heading = tuple[str, str]


class Panel(NamedTuple):
    """One photo and its region maps (H, W) by heading: a group of columns, and the column in it.

    The columns of the group `filled` show mean colours and borders, the others clusters by luminance.
    """

    photo: NDArray[np.uint8]
    regions: Mapping[Heading, NDArray[Any]]
    filled: str


def compare(panels: Sequence[Panel]) -> Figure:
    """Rows of photos; the photo, then one column per region map with its number of regions."""
    style.use()
    headings = list(panels[0].regions)
    shape = len(panels), len(headings) + 1
    side = style.WIDTH / shape[1]
    figure, axes = plt.subplots(*shape, figsize=(style.WIDTH, (side + 0.14) * shape[0] + 0.3), squeeze=False)
    for row, panel in zip(axes, panels, strict=True):
        row[0].imshow(panel.photo)
        for ax, ((group, _), found) in zip(row[1:], panel.regions.items(), strict=True):
            if group == panel.filled:
                ax.imshow(style.mean_colour(found, panel.photo), interpolation="antialiased")
            else:
                ax.imshow(style.by_luminance(found, panel.photo), interpolation="nearest")
            ax.set_xlabel(f"{len(np.unique(found))}", labelpad=1.5, fontsize=7, color=style.MUTED)
        for ax in row:
            style.bare(ax)
    for ax, title in zip(axes[0], ["Photo", *(title for _, title in headings)], strict=True):
        ax.set_title(title, pad=4, fontsize=7)
    figure.subplots_adjust(wspace=0.04, hspace=0.17, top=0.92)
    for group in dict.fromkeys(group for group, _ in headings):
        boxes = [ax.get_position() for ax, (found, _) in zip(axes[0][1:], headings, strict=True) if found == group]
        figure.text((boxes[0].x0 + boxes[-1].x1) / 2, 0.952, group, ha="center", fontsize=8)
        line = Line2D([boxes[0].x0, boxes[-1].x1], [0.946, 0.946], color=style.MUTED, linewidth=0.6)
        figure.add_artist(line)
    return figure


def annotations(records: Sequence[Record], columns: int = 4) -> Figure:
    """Every photo with the outlines of its instances and their boxes."""
    style.use()
    rows = -(-len(records) // columns)
    side = style.WIDTH / columns
    figure, axes = plt.subplots(rows, columns, figsize=(style.WIDTH, rows * (side + 0.22)), squeeze=False)
    colours = sns.color_palette("colorblind")
    for ax in axes.flat:
        style.bare(ax)
    for ax, record in zip(axes.flat, records, strict=False):
        labels = record.truth()
        ax.imshow(record.photo())
        for number, (x0, y0, x1, y1) in enumerate(record.boxes):
            colour = colours[number % len(colours)]
            if labels is not None and (labels == number + 1).any():
                inside = labels == number + 1
                ax.imshow(np.dstack([np.broadcast_to(colour, (*inside.shape, 3)), inside * 0.45]))
                ax.contour(inside, [0.5], colors=[colour], linewidths=0.7)
            for edge, width in ((style.INK, 1.8), ("white", 0.8)):  # seen on bright and on dark photos
                ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=edge, linewidth=width))
        ax.set_title(f"{record.class_name}\n{record.super_class} · {record.id}", fontsize=6.5, pad=3)
    figure.subplots_adjust(wspace=0.05, hspace=0.32)
    return figure


def load(root: Path, dataset: str, classifiers: Sequence[str], photos: Sequence[str]) -> list[Panel]:
    """The panels of figure 1: NAS clusters of each network, then components and the classics of the first."""
    activations = Shards(root / "data" / "activations" / dataset / classifiers[0])
    photos = present(activations, photos)
    views = activations.read(photos, ["view"])["view"]
    columns: dict[Heading, NDArray[Any]] = {}
    for classifier in classifiers:
        stored = Shards(root / "data" / "superpixels" / dataset / classifier)
        grids = [key.partition(".")[2] for key in stored.names() if key.startswith("nas_clusters.")]
        grids = [grid for grid in grids if grid != "tuned"]
        for grid in grids:
            heading = f"NAS, {style.name(classifier)}", style.name(grid)
            columns[heading] = stored.read(photos, [f"nas_clusters.{grid}"])[f"nas_clusters.{grid}"]
    first = Shards(root / "data" / "superpixels" / dataset / classifiers[0])
    filled = "as many connected regions"
    grid = next(key.partition(".")[2] for key in first.names() if key.startswith("nas_components."))
    for method, title in (("nas_components", "NAS"), ("slic", "SLIC"), ("felzenszwalb", "Felzenszwalb")):
        columns[filled, title] = first.read(photos, [f"{method}.{grid}"])[f"{method}.{grid}"].astype(np.int32)
    return [
        Panel(view, {title: maps[row] for title, maps in columns.items()}, filled) for row, view in enumerate(views)
    ]


def caption(root: Path, dataset: str, classifier: str, photos: Sequence[str]) -> str:
    """What figure 1 shows."""
    columns = ["depths", "clusters", "weighting", "seed"]
    table = read_columns(root / "data" / "superpixels" / dataset / classifier / TABLE, columns).iloc[0]
    shown = present(Shards(root / "data" / "activations" / dataset / classifier), photos)
    chosen = set(shown) <= set(photos)
    how = "chosen to show both, not drawn at random" if chosen else "evenly spaced over the data set"
    return (
        f"Photos of {dataset} segmented by NAS, SLIC and Felzenszwalb. NAS clusters (depths {table['depths']}, "
        f"k = {table['clusters']}, seed {table['seed']}) for each network on the recipe's grid and on the image grid, "
        "coloured by mean luminance; then the connected components of the first column of clusters, and SLIC and "
        "Felzenszwalb tuned to their number, filled with mean colours. Grey: number of regions. NAS keep an object "
        "together across changes of colour but draw its outline coarsely; SLIC and Felzenszwalb follow edges but "
        f"split objects. {len(shown)} photos, {how}.{missing_text(shown, photos)}"
    )


def annotations_caption(records: Sequence[Record], datasets: Sequence[str]) -> str:
    """What the page of annotations shows."""
    instances = sum(len(record.boxes) for record in records)
    return (
        f"{len(records)} photos of {', '.join(datasets)} with {instances} instances of the labelled objects: their "
        "outlines, where there are masks (colours tell instances apart), and boxes (white with a dark rim). Above each "
        "photo its class, super-class and name."
    )
