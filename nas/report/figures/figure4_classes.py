"""Figure 4: photos clustered alone and with all photos of their class."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from nas.classes import ClassClusters, OverChance, clustering_agreement, pick_class
from nas.data import resize_labels
from nas.report import style
from nas.report.figures.class_clusters import (
    OCCURS,
    UNMATCHED,
    Inside,
    Labels,
    Photo,
    alone,
    colour,
    draw_numbered,
    draw_patch,
    masks,
    number,
    outline,
    sample,
    telling_cluster,
    views,
)
from nas.report.names import label_of

GAP = 0.05  # between panels, as a share of their side


class ComparedPhoto(NamedTuple):
    """One photo, its own label maps by k and its class-level one, all (h, w), and how far they agree."""

    photo: Photo
    own: Mapping[int, Labels]
    of_class: Labels
    agreement: Mapping[int, OverChance]


def single_and_class(rows: Sequence[ComparedPhoto], n_clusters: int, cluster: int) -> Figure:
    """Rows of photos: the photo, clustered alone, clustered with its class, and one class-level cluster by itself."""
    style.use()
    own = list(rows[0].own)
    titles = ["Photo", *(f"k = {k}" for k in own), f"k = {n_clusters}", f"cluster {cluster}", "close-up"]
    side = 0.99 * style.WIDTH / (len(titles) + (len(titles) - 1) * GAP)
    above, between, below = 0.4, 0.17, 0.4
    height = above + side * len(rows) + between * (len(rows) - 1) + below
    figure, axes = plt.subplots(len(rows), len(titles), figsize=(style.WIDTH, height), squeeze=False)
    for row, panels in zip(rows, axes, strict=True):
        for ax in panels:
            style.bare(ax)
        panels[0].imshow(row.photo)
        for k, ax in zip(own, panels[1:], strict=False):
            draw_matched(ax, row.own[k], row.of_class)
            found = row.agreement[k]
            ax.set_xlabel(f"ARI {found.value:.2f} ({found.chance:.2f})", fontsize=7, labelpad=1.5, color=style.MUTED)
        draw_numbered(panels[-3], row.of_class, n_clusters)
        _draw_one(panels[-2], panels[-1], row.photo, row.of_class == cluster, cluster)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, pad=3, fontsize=7)
    figure.subplots_adjust(
        left=0.005, right=0.995, top=1 - above / height, bottom=below / height, wspace=GAP, hspace=between / side
    )
    _head(figure, axes[0, 1], axes[0, len(own)], "clustered alone")
    _head(figure, axes[0, -3], axes[0, -1], "clustered with all photos of the class")
    _draw_key(figure.add_axes((0.005, 0.04 / height, 0.99, 0.16 / height)), n_clusters, cluster)
    return figure


def draw_matched(ax: Axes, own: Labels, of_class: Labels) -> None:
    """Own clusters in colour and number of the class-level clusters that they match best, greys where none is left."""
    pairs = matched(own, of_class)
    spare = iter(np.resize(UNMATCHED, int(own.max()) + 1).tolist())
    colours = [colour(pairs[k]) if k in pairs else to_rgb(next(spare)) for k in range(int(own.max()) + 1)]
    ax.imshow(np.array(colours)[own], interpolation="nearest")
    number(ax, own, pairs)


def matched(own: Labels, of_class: Labels) -> dict[int, int]:
    """Own cluster to class-level cluster, one to one, so that most locations are in matched clusters."""
    overlaps = np.zeros((int(own.max()) + 1, int(of_class.max()) + 1), np.int64)
    np.add.at(overlaps, (own.ravel(), of_class.ravel()), 1)
    pairs = zip(*(found.tolist() for found in linear_sum_assignment(-overlaps)), strict=True)
    return {row: column for row, column in pairs if overlaps[row, column]}


def close_up(inside: Inside, margin: float = 0.15, least: int = 72) -> tuple[slice, slice]:
    """Square crop around the largest connected part of a mask (H, W) that is not empty, within the photo.

    `margin` is a share of the longer side of the part, on each side; `least` is the least side, in pixels.
    """
    pieces, _ = ndimage.label(inside)
    part = ndimage.find_objects(pieces)[np.bincount(pieces[inside]).argmax() - 1]
    longest = max(extent.stop - extent.start for extent in part)
    side = min(max(round(longest * (1 + 2 * margin)), least), *inside.shape)
    starts = [(extent.start + extent.stop - side) // 2 for extent in part]
    rows, columns = (
        slice(place, place + side)
        for place in (min(max(start, 0), size - side) for start, size in zip(starts, inside.shape, strict=True))
    )
    return rows, columns


def _draw_one(whole: Axes, near: Axes, photo: Photo, mask: Inside, cluster: int) -> None:
    """One cluster of a photo, and the largest part of it from near."""
    inside = resize_labels(mask, photo.shape[:2])
    whole.imshow(alone(photo, inside))
    if not inside.any():
        near.text(0.5, 0.5, "absent", ha="center", va="center", transform=near.transAxes, color=style.MUTED)
        return
    rows, columns = close_up(inside)
    outline(whole, inside, cluster, 0.6)
    frame = (columns.start, rows.start), columns.stop - columns.start, rows.stop - rows.start
    whole.add_patch(Rectangle(*frame, fill=False, edgecolor=style.INK, linewidth=0.6))
    near.imshow(photo[rows, columns])
    outline(near, inside[rows, columns], cluster, 1.2)


def _head(figure: Figure, first: Axes, last: Axes, text: str) -> None:
    """A heading with a line over the panels from the first to the last."""
    left, right = first.get_position(), last.get_position()
    y = left.y1 + 0.19 / figure.get_figheight()
    figure.add_artist(Line2D([left.x0, right.x1], [y, y], color=style.MUTED, linewidth=0.6))
    figure.text((left.x0 + right.x1) / 2, y, text, ha="center", va="bottom", fontsize=8)


def _draw_key(ax: Axes, n_clusters: int, framed: int) -> None:
    """Numbered patches of all clusters in one line."""
    style.bare(ax)
    ax.text(0, 0.47, "class-level cluster", va="center", fontsize=7)
    step = min(0.045, 0.82 / n_clusters)
    for cluster in range(n_clusters):
        draw_patch(ax, 0.17 + cluster * step, 0, 0.88 * step, 1, cluster, framed=cluster == framed)


def load(root: Path, dataset: str, network: str, name: str, cluster: int | None, rows: int) -> tuple[Figure, str]:
    """Figure 4 and its caption. Of more than `rows` photos a sample by the seed is shown, in their order."""
    found = pick_class(root, dataset, network, name)
    if cluster is not None and cluster >= found.n_clusters:
        raise ValueError(
            f"classes.figure.cluster is {cluster}: {found.name!r} has the clusters 0 to {found.n_clusters - 1}; "
            "give one of them, or null"
        )
    truth = masks(root, found)
    shown = cluster
    if shown is None:
        shown = telling_cluster(found.class_clusters(found.ids), truth, found.n_clusters)
    ids = sample(found.ids, rows, found.settings["seed"])
    own = {k: found.own(ids, k) for k in found.own_clusters}
    compared = []
    for place, (photo, of_class) in enumerate(zip(views(root, found, ids), found.class_clusters(ids), strict=True)):
        maps = {k: labels[place] for k, labels in own.items()}
        measured = {k: clustering_agreement(labels, of_class)["adjusted_rand_index"] for k, labels in maps.items()}
        compared.append(ComparedPhoto(photo, maps, of_class, measured))
    if cluster is not None:
        rule = "chosen by hand"
    elif truth is None:
        rule = f"of those that take {OCCURS:.0%} or more of most photos the one nearest to their middle"
    else:
        rule = f"of those that take {OCCURS:.0%} or more of most photos the one that lies most on the objects"
    return single_and_class(compared, found.n_clusters, shown), caption(found, ids, shown, rule)


def caption(found: ClassClusters, ids: Sequence[str], cluster: int, rule: str) -> str:
    """What figure 4 shows."""
    made = found.settings
    photos = f"All {len(ids)}" if len(ids) == len(found.ids) else f"A random {len(ids)} of the {len(found.ids)}"
    return (
        f"{photos} photos of the class {found.name} in {made['dataset']}, segmented by {label_of(made['network'])} "
        f"(depths {'-'.join(map(str, made['depths']))}, recipe's grid, seed {made['seed']}). Clustered alone, with "
        f"k = {' and '.join(map(str, found.own_clusters))}; and by one k-means over all locations of all "
        f"{len(found.ids)} photos, with k = {found.n_clusters}, where a number and a colour are the same cluster in "
        "every photo. Own clusters take number and colour of the class-level cluster that they match best, one to one "
        "(grey, white or black: none is left). ARI: adjusted Rand index of own and class-level clusters, in brackets "
        f"its mean over all circular shifts of the own map, which is chance. Right: cluster {cluster}, {rule}; "
        "all else is faint, and the close-up is of its largest part: what the cluster is of in that photo, which need "
        "not be the object."
    )
