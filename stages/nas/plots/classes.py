"""Figure 4: photos clustered alone and with all photos of their class; and the sheet to tag clusters from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from skimage.color import rgb2gray

from nas import regions
from nas.classes import OCCURS, Group, pick_group, telling_cluster
from nas.datasets import read_records
from nas.partitions import Agreement, agreement
from nas.plots import style
from nas.shards import Shards
from nas.truth import truth_of

Colour = tuple[float, float, float]
Photo = NDArray[np.uint8]
Labels = NDArray[Any]
Inside = NDArray[np.bool_]

# Paul Tol's qualitative scheme "muted", made to be told apart by colour-blind readers
MUTED = ("#88CCEE", "#CC6677", "#117733", "#DDCC77", "#332288", "#44AA99", "#AA4499", "#999933", "#882255")
UNMATCHED = ("#c8c8c8", "#f4f4f4", "#282828")
GAP = 0.05  # between panels, as a share of their side
LABELLED = 0.012  # of a map: the least part that gets a number
RIM = 1.3  # cells: the least distance of a number from the rim of a map
APART = 0.12  # of a map: the least distance of two numbers


class Row(NamedTuple):
    """One photo, its own label maps by k and its class-level one, all (h, w), and how far they agree."""

    photo: Photo
    own: Mapping[int, Labels]
    of_class: Labels
    agreement: Mapping[int, Agreement]


def colour(cluster: int) -> Colour:
    """Colour of a cluster: nine that colour-blind readers tell apart, then the same lighter, then darker, and again.

    Beyond nine clusters the printed numbers tell apart what colours alone do not.
    """
    base = np.array(to_rgb(MUTED[cluster % len(MUTED)]))
    red, green, blue = (base, 0.45 * base + 0.55, 0.55 * base)[cluster // len(MUTED) % 3].tolist()
    return red, green, blue


def single_and_class(rows: Sequence[Row], n_clusters: int, cluster: int) -> Figure:
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


def tag_sheet(
    photos: Sequence[Photo], labels: Sequence[Labels], examples: Mapping[int, Sequence[int]], notes: Mapping[int, str]
) -> Figure:
    """What a person needs to tag the clusters of a class as object or background.

    Parameters
    ----------
    photos, labels : of the photos shown, (H, W, 3) and class-level clusters (h, w)
    examples : cluster to positions in `photos`: what is in its strip, with all else made faint; the first photos
        open the sheet, with all clusters coloured and numbered
    notes : cluster to what is printed beside its strip
    """
    style.use()
    columns = max(4, *(len(positions) for positions in examples.values()))
    opening = range(min(len(photos), columns))
    margin = 0.85
    side = (style.WIDTH - margin) / columns
    n_strips = 2 + len(examples)
    figure, axes = plt.subplots(
        n_strips,
        columns + 1,
        figsize=(style.WIDTH, 1.04 * side * n_strips),
        width_ratios=[margin / side] + [1] * columns,
    )
    for ax in axes.flat:
        style.bare(ax)
    for panels, title in zip(axes, ("photos", "clusters"), strict=False):
        panels[0].text(0.45, 0.5, title, ha="center", va="center", fontsize=9)
    for position, photo, of_class in zip(opening, axes[0, 1:], axes[1, 1:], strict=False):
        photo.imshow(photos[position])
        draw_numbered(of_class, labels[position], len(examples), 9)
    for (cluster, positions), panels in zip(examples.items(), axes[2:], strict=True):
        _draw_patch(panels[0], 0.1, 0.6, 0.7, 0.2, cluster)
        panels[0].text(0.45, 0.5, notes[cluster], ha="center", va="top", fontsize=8, linespacing=1.4)
        for position, ax in zip(positions, panels[1:], strict=False):
            inside = regions.resize(labels[position] == cluster, photos[position].shape[:2])
            ax.imshow(alone(photos[position], inside))
            _outline(ax, inside, cluster, 0.6)
    figure.subplots_adjust(left=0.005, right=0.995, top=0.998, bottom=0.002, wspace=0.04, hspace=0.04)
    return figure


def draw_matched(ax: Axes, own: Labels, of_class: Labels) -> None:
    """Own clusters in colour and number of the class-level clusters that they match best, greys where none is left."""
    pairs = matched(own, of_class)
    spare = iter(np.resize(UNMATCHED, int(own.max()) + 1).tolist())
    colours = [colour(pairs[k]) if k in pairs else to_rgb(next(spare)) for k in range(int(own.max()) + 1)]
    ax.imshow(np.array(colours)[own], interpolation="nearest")
    _number(ax, own, pairs)


def draw_numbered(ax: Axes, labels: Labels, n_clusters: int, fontsize: float = 7) -> None:
    """Class-level clusters, each in its colour and with its number."""
    ax.imshow(np.array([colour(k) for k in range(n_clusters)])[labels], interpolation="nearest")
    _number(ax, labels, {k: k for k in range(n_clusters)}, fontsize)


def matched(own: Labels, of_class: Labels) -> dict[int, int]:
    """Own cluster to class-level cluster, one to one, so that most locations are in matched clusters."""
    overlaps = np.zeros((int(own.max()) + 1, int(of_class.max()) + 1), np.int64)
    np.add.at(overlaps, (own.ravel(), of_class.ravel()), 1)
    pairs = zip(*(found.tolist() for found in linear_sum_assignment(-overlaps)), strict=True)
    return {row: column for row, column in pairs if overlaps[row, column]}


def alone(photo: Photo, inside: Inside) -> NDArray[np.float64]:
    """The photo where the mask (H, W) is true, and its faint grey elsewhere: (H, W, 3) in [0, 1]."""
    pixels = photo / 255
    return np.where(inside[..., None], pixels, 0.8 + 0.2 * pixels.mean(axis=2, keepdims=True))


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


def _number(ax: Axes, labels: Labels, names: Mapping[int, int], fontsize: float = 7) -> None:
    """Print the name of each cluster deep inside its largest part; small parts and numbers that would touch are not."""
    pieces = regions.components(labels)
    of_piece = labels.ravel()[np.unique(pieces, return_index=True)[1]]
    sizes = np.bincount(pieces.ravel())
    taken: list[NDArray[Any]] = []
    named: set[int] = set()
    for piece in np.argsort(-sizes, kind="stable"):
        cluster = int(of_piece[piece])
        if cluster in named or cluster not in names or sizes[piece] < LABELLED * labels.size:
            continue
        named.add(cluster)
        depth = ndimage.distance_transform_edt(np.pad(pieces == piece, 1))[1:-1, 1:-1]
        place = np.array(np.unravel_index(depth.argmax(), depth.shape))
        if all(np.linalg.norm(place - other) >= APART * max(labels.shape) for other in taken):
            taken.append(place)
            y, x = np.clip(place, RIM, np.array(labels.shape) - 1 - RIM).tolist()
            _print(ax, x, y, str(names[cluster]), fontsize)


def _print(ax: Axes, x: float, y: float, text: str, fontsize: float = 7) -> None:
    outline = [withStroke(linewidth=1.6, foreground="white")]
    ax.text(x, y, text, ha="center", va="center", fontsize=fontsize, color=style.INK, path_effects=outline)


def _draw_one(whole: Axes, near: Axes, photo: Photo, mask: Inside, cluster: int) -> None:
    """One cluster of a photo, and the largest part of it from near."""
    inside = regions.resize(mask, photo.shape[:2])
    whole.imshow(alone(photo, inside))
    if not inside.any():
        near.text(0.5, 0.5, "absent", ha="center", va="center", transform=near.transAxes, color=style.MUTED)
        return
    rows, columns = close_up(inside)
    _outline(whole, inside, cluster, 0.6)
    frame = (columns.start, rows.start), columns.stop - columns.start, rows.stop - rows.start
    whole.add_patch(Rectangle(*frame, fill=False, edgecolor=style.INK, linewidth=0.6))
    near.imshow(photo[rows, columns])
    _outline(near, inside[rows, columns], cluster, 1.2)


def _outline(ax: Axes, inside: Inside, cluster: int, linewidth: float) -> None:
    """The outline of a mask in the cluster's colour, on white or black, also along the rim of the picture."""
    y, x = (np.arange(-1, n + 1) for n in inside.shape)
    halo = "black" if rgb2gray(colour(cluster)) > 0.3 else "white"
    if inside.any():
        for tint, width in ((halo, linewidth + 0.7), (colour(cluster), linewidth)):
            ax.contour(x, y, np.pad(inside, 1).astype(float), [0.5], colors=[tint], linewidths=width)
    ax.set_xlim(-0.5, inside.shape[1] - 0.5)
    ax.set_ylim(inside.shape[0] - 0.5, -0.5)


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
        _draw_patch(ax, 0.17 + cluster * step, 0, 0.88 * step, 1, cluster, framed=cluster == framed)


def _draw_patch(ax: Axes, x: float, y: float, width: float, height: float, cluster: int, framed: bool = False) -> None:
    edge = style.INK if framed else "none"
    patch = Rectangle((x, y), width, height, facecolor=colour(cluster), edgecolor=edge, linewidth=1.4, clip_on=False)
    ax.add_patch(patch)
    _print(ax, x + width / 2, y + 0.47 * height, str(cluster))


def load(root: Path, dataset: str, classifier: str, group: str, cluster: int | None, n_rows: int) -> tuple[Figure, str]:
    """Figure 4 and its caption. Of more than `n_rows` photos a sample by the seed is shown, in their order."""
    found = pick_group(root, dataset, classifier, group)
    if cluster is not None and cluster >= found.n_clusters:
        raise ValueError(
            f"single_and_class.cluster is {cluster}: {group!r} has the clusters 0 to {found.n_clusters - 1}; "
            "give one of them, or null"
        )
    truth = masks(root, found)
    shown = cluster
    if shown is None:
        shown = telling_cluster(found.class_clusters(found.ids), truth, found.n_clusters)
    ids = sample(found.ids, n_rows, found.settings["seed"])
    own = {k: found.own(ids, k) for k in found.own_clusters}
    rows = []
    for place, (photo, of_class) in enumerate(zip(views(root, found, ids), found.class_clusters(ids), strict=True)):
        maps = {k: labels[place] for k, labels in own.items()}
        measured = {k: agreement(labels, of_class)["adjusted_rand_index"] for k, labels in maps.items()}
        rows.append(Row(photo, maps, of_class, measured))
    if cluster is not None:
        rule = "chosen by hand"
    elif truth is None:
        rule = f"of those that take {OCCURS:.0%} or more of most photos the one nearest to their middle"
    else:
        rule = f"of those that take {OCCURS:.0%} or more of most photos the one that lies most on the objects"
    return single_and_class(rows, found.n_clusters, shown), caption(found, ids, shown, rule)


def caption(group: Group, ids: Sequence[str], cluster: int, rule: str) -> str:
    """What figure 4 shows."""
    made = group.settings
    photos = f"All {len(ids)}" if len(ids) == len(group.ids) else f"A random {len(ids)} of the {len(group.ids)}"
    return (
        f"{photos} photos of the class {group.name} in {made['dataset']}, segmented by {style.name(made['network'])} "
        f"(depths {'-'.join(map(str, made['depths']))}, recipe's grid, seed {made['seed']}). Clustered alone, with "
        f"k = {' and '.join(map(str, group.own_clusters))}; and by one k-means over all locations of all "
        f"{len(group.ids)} photos, with k = {group.n_clusters}, where a number and a colour are the same cluster in "
        "every photo. Own clusters take number and colour of the class-level cluster that they match best, one to one "
        "(grey, white or black: none is left). ARI: adjusted Rand index of own and class-level clusters, in brackets "
        f"its mean over all circular shifts of the own map, which is chance. Right: cluster {cluster}, {rule}; "
        "all else is faint, and the close-up is of its largest part."
    )


def load_tag_sheet(root: Path, group: Group, n_examples: int = 6) -> tuple[Figure, str]:
    """The tag sheet of a group and its caption: for each cluster a few photos, by the seed, of those that have it."""
    labels = group.class_clusters(group.ids)
    shares = np.stack([np.bincount(found.ravel(), minlength=group.n_clusters) / found.size for found in labels])
    ids = np.array(group.ids)
    chosen: dict[int, list[str]] = {}
    for cluster in range(group.n_clusters):
        having = ids[shares[:, cluster] >= OCCURS].tolist() or ids[[shares[:, cluster].argmax()]].tolist()
        chosen[cluster] = sample(having, n_examples, group.settings["seed"])
    shown = [photo for photo in group.ids if any(photo in examples for examples in chosen.values())]
    examples = {cluster: [shown.index(photo) for photo in having] for cluster, having in chosen.items()}
    notes = {
        cluster: f"{share:.0%} of all, in\n{n} of {len(ids)} photos"
        for cluster, (share, n) in enumerate(zip(shares.mean(axis=0), (shares >= OCCURS).sum(axis=0), strict=True))
    }
    made = group.settings
    text = (
        f"The {group.n_clusters} clusters of all {len(ids)} photos of the class {group.name} in {made['dataset']}, "
        f"{style.name(made['network'])}, depths {'-'.join(map(str, made['depths']))}, seed {made['seed']}. "
        "One colour and number is one cluster in all photos. Below, each cluster by itself, all else faint, with its "
        f"share of all photos and the number of photos of which it takes at least {OCCURS:.0%}."
    )
    return tag_sheet(list(views(root, group, shown)), list(group.class_clusters(shown)), examples, notes), text


def views(root: Path, group: Group, ids: Sequence[str]) -> NDArray[np.uint8]:
    """Photos of a group as the classifier sees them, (n, H, W, 3)."""
    folder = root / "data" / "activations" / group.settings["dataset"] / group.settings["network"]
    return Shards(folder).read(ids, ["view"])["view"]


def sample(ids: Sequence[str], n: int, seed: int) -> list[str]:
    """At most n of the ids, drawn by the seed, in their order."""
    if len(ids) <= n:
        return list(ids)
    drawn = np.random.default_rng(seed).choice(len(ids), n, replace=False)
    return [ids[position] for position in sorted(drawn)]


def masks(root: Path, group: Group) -> NDArray[np.uint8] | None:
    """Masks, or filled boxes, of a group on the grid of its clusters, (n, h, w); None where a photo has neither."""
    records = {record.id: record for record in read_records(root / "data" / "raw" / group.settings["dataset"])}
    height, width = group.class_clusters(group.ids[:1]).shape[1:]
    found = [truth_of(records[photo], (height, width))[0] for photo in group.ids]
    known = [truth for truth in found if truth is not None]
    return np.stack(known) if len(known) == len(found) else None
