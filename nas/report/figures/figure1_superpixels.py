"""Figure 1: photos segmented by NAS and by the classics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nas.report import style
from nas.report.names import label_of
from nas.report.painting import by_luminance, mean_colour
from nas.report.photos import missing_text, present
from nas.store import TABLE, Shards, read_columns
from nas.superpixels import Variant, read_variants

Heading = tuple[str, str]
PAPERS = "stl10"
GAP = 0.003  # of the width of the figure, between two groups and the rims of their columns
FILLED = {
    "as few regions": {"slic_few": "SLIC", "felzenszwalb_few": "Felzenszwalb"},
    "as many connected regions": {"nas_components": "NAS", "slic": "SLIC", "felzenszwalb": "Felzenszwalb"},
}


class SegmentedPhoto(NamedTuple):
    """One photo and its region maps (H, W) by heading: a group of columns, and the column in it.

    The columns of the groups `filled` show mean colours, the others clusters by luminance.
    """

    photo: NDArray[np.uint8]
    regions: Mapping[Heading, NDArray[Any]]
    filled: Sequence[str]


def compare(panels: Sequence[SegmentedPhoto]) -> Figure:
    """Rows of photos; the photo, then one column per region map with its number of regions."""
    style.use()
    headings = list(panels[0].regions)
    shape = len(panels), len(headings) + 1
    side = style.WIDTH / shape[1]
    fontsize = min(7.0, 60 / shape[1])  # so that the longest title is as wide as its column
    figure, axes = plt.subplots(*shape, figsize=(style.WIDTH, (0.94 * side + 0.14) * shape[0] + 0.3), squeeze=False)
    for row, panel in zip(axes, panels, strict=True):
        row[0].imshow(panel.photo)
        for ax, ((group, _), found) in zip(row[1:], panel.regions.items(), strict=True):
            if group in panel.filled:
                ax.imshow(mean_colour(found, panel.photo), interpolation="antialiased")
            else:
                ax.imshow(by_luminance(found, panel.photo), interpolation="nearest")
            ax.set_xlabel(f"{len(np.unique(found))}", labelpad=1.5, fontsize=7, color=style.MUTED)
        for ax in row:
            style.bare(ax)
    for ax, title in zip(axes[0], ["Photo", *(title for _, title in headings)], strict=True):
        ax.set_title(title, pad=4, fontsize=fontsize)
    figure.subplots_adjust(wspace=0.04, hspace=0.17, top=0.92)
    for group in dict.fromkeys(group for group, _ in headings):
        boxes = [ax.get_position() for ax, (found, _) in zip(axes[0][1:], headings, strict=True) if found == group]
        left, right = boxes[0].x0 + GAP, boxes[-1].x1 - GAP
        figure.text((left + right) / 2, 0.952, group, ha="center", fontsize=fontsize + 1)
        line = Line2D([left, right], [0.946, 0.946], color=style.MUTED, linewidth=0.6)
        figure.add_artist(line)
    return figure


def load(root: Path, datasets: Sequence[str], networks: Sequence[str], photos: Sequence[str]) -> tuple[Figure, str]:
    """Figure 1 and its caption: NAS clusters of each network, then components of the first, and its rivals.

    The photos are of STL-10, as in the paper, where it is one of the data sets; else of the first one.
    """
    dataset = PAPERS if PAPERS in datasets else datasets[0]
    activations = Shards(root / "data" / "activations" / dataset / networks[0])
    named, photos = photos, present(activations, photos)
    views = activations.read(photos, ["view"])["view"]
    columns: dict[Heading, NDArray[Any]] = {}
    for network in networks:
        folder = root / "data" / "superpixels" / dataset / network
        for variant in read_variants(folder):
            if variant != "tuned":
                heading = f"NAS, {label_of(network)}", label_of(variant)
                key = f"nas_clusters.{variant}"
                columns[heading] = Shards(folder).read(photos, [key])[key]
    folder = root / "data" / "superpixels" / dataset / networks[0]
    name, first = next(iter(read_variants(folder).items()))
    for group, methods in FILLED.items():
        for method, title in methods.items():
            key = f"{method}.{name}"
            columns[group, title] = Shards(folder).read(photos, [key])[key].astype(np.int32)
    panels = [
        SegmentedPhoto(view, {title: maps[row] for title, maps in columns.items()}, list(FILLED))
        for row, view in enumerate(views)
    ]
    seed = read_columns(folder / TABLE, ["seed"])["seed"].iloc[0]
    return compare(panels), caption(dataset, first, int(seed), photos, named)


def caption(dataset: str, variant: Variant, seed: int, photos: Sequence[str], named: Sequence[str]) -> str:
    """What figure 1 shows: `photos`, of those that were `named`."""
    how = "chosen by hand, not drawn at random" if set(photos) <= set(named) else "evenly spaced over the data set"
    made = variant.columns()
    return (
        f"Photos of {dataset} segmented by NAS, SLIC and Felzenszwalb. NAS clusters (depths {made['depths']}, "
        f"k = {made['clusters']}, seed {seed}) for each network on the recipe's grid and on the image grid, "
        "coloured by mean luminance; then, filled with mean colours, SLIC and Felzenszwalb tuned to the number of the "
        "clusters in the first column, its connected components, and SLIC and Felzenszwalb tuned to the number of "
        f"these. Grey: number of regions. {len(photos)} photos, {how}.{missing_text(photos, named)}"
    )
