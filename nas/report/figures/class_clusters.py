"""Class-level clusters as pictures: colours, numbers, and the cluster to look at first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.color import rgb2gray

from nas.classes import ClassClusters
from nas.data import IGNORED, read_records, truth_of
from nas.report import style
from nas.store import Shards
from nas.superpixels import regions

Colour = tuple[float, float, float]
Photo = NDArray[np.uint8]
Labels = NDArray[Any]
Inside = NDArray[np.bool_]
# Paul Tol's qualitative scheme "muted", made to be told apart by colour-blind readers
MUTED = ("#88CCEE", "#CC6677", "#117733", "#DDCC77", "#332288", "#44AA99", "#AA4499", "#999933", "#882255")
UNMATCHED = ("#c8c8c8", "#f4f4f4", "#282828")
LABELLED = 0.012  # of a map: the least part that gets a number
RIM = 1.3  # cells: the least distance of a number from the rim of a map
APART = 0.12  # of a map: the least distance of two numbers


def colour(cluster: int) -> Colour:
    """Colour of a cluster: nine that colour-blind readers tell apart, then the same lighter, then darker, and again.

    Beyond nine clusters the printed numbers tell apart what colours alone do not.
    """
    base = np.array(to_rgb(MUTED[cluster % len(MUTED)]))
    red, green, blue = (base, 0.45 * base + 0.55, 0.55 * base)[cluster // len(MUTED) % 3].tolist()
    return red, green, blue


def draw_numbered(ax: Axes, labels: Labels, n_clusters: int, fontsize: float = 7) -> None:
    """Class-level clusters, each in its colour and with its number."""
    ax.imshow(np.array([colour(k) for k in range(n_clusters)])[labels], interpolation="nearest")
    number(ax, labels, {k: k for k in range(n_clusters)}, fontsize)


def alone(photo: Photo, inside: Inside) -> NDArray[np.float64]:
    """The photo where the mask (H, W) is true, and its faint grey elsewhere: (H, W, 3) in [0, 1]."""
    pixels = photo / 255
    return np.where(inside[..., None], pixels, 0.8 + 0.2 * pixels.mean(axis=2, keepdims=True))


def number(ax: Axes, labels: Labels, names: Mapping[int, int], fontsize: float = 7) -> None:
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


def outline(ax: Axes, inside: Inside, cluster: int, linewidth: float) -> None:
    """The outline of a mask in the cluster's colour, on white or black, also along the rim of the picture."""
    y, x = (np.arange(-1, n + 1) for n in inside.shape)
    halo = "black" if rgb2gray(colour(cluster)) > 0.3 else "white"
    if inside.any():
        for tint, width in ((halo, linewidth + 0.7), (colour(cluster), linewidth)):
            ax.contour(x, y, np.pad(inside, 1).astype(float), [0.5], colors=[tint], linewidths=width)
    ax.set_xlim(-0.5, inside.shape[1] - 0.5)
    ax.set_ylim(inside.shape[0] - 0.5, -0.5)


def draw_patch(ax: Axes, x: float, y: float, width: float, height: float, cluster: int, framed: bool = False) -> None:
    edge = style.INK if framed else "none"
    patch = Rectangle((x, y), width, height, facecolor=colour(cluster), edgecolor=edge, linewidth=1.4, clip_on=False)
    ax.add_patch(patch)
    _print(ax, x + width / 2, y + 0.47 * height, str(cluster))


def views(root: Path, of_class: ClassClusters, ids: Sequence[str]) -> NDArray[np.uint8]:
    """Photos of a class as the classifier sees them, (n, H, W, 3)."""
    folder = root / "data" / "activations" / of_class.settings["dataset"] / of_class.settings["network"]
    return Shards(folder).read(ids, ["view"])["view"]


def sample(ids: Sequence[str], n: int, seed: int) -> list[str]:
    """At most n of the ids, drawn by the seed, in their order."""
    if len(ids) <= n:
        return list(ids)
    drawn = np.random.default_rng(seed).choice(len(ids), n, replace=False)
    return [ids[position] for position in sorted(drawn)]


def masks(root: Path, of_class: ClassClusters) -> NDArray[np.uint8] | None:
    """Masks, or filled boxes, of a class on the grid of its clusters, (n, h, w); None where a photo has neither."""
    records = {record.id: record for record in read_records(root / "data" / "raw" / of_class.settings["dataset"])}
    height, width = of_class.class_clusters(of_class.ids[:1]).shape[1:]
    found = [truth_of(records[photo], (height, width))[0] for photo in of_class.ids]
    known = [truth for truth in found if truth is not None]
    return np.stack(known) if len(known) == len(found) else None


OCCURS = 0.01  # of a photo
OFTEN = 0.9  # of the photos of the most frequent cluster


def telling_cluster(clusters: ArrayLike, truth: ArrayLike | None, n_clusters: int) -> int:
    """The cluster to look at first: of those that occur in most photos, the one that lies most on the objects.

    A cluster occurs in a photo where it takes at least a hundredth of it, and in most photos where it occurs in nine
    tenths as many as the most frequent one. Without masks it is the cluster whose locations are nearest, on average,
    to the middle of the photos. The lowest number wins a tie.

    Parameters: `clusters` (n, h, w), integers below `n_clusters`; `truth` (n, h, w), masks of 0 for background, 1 to
    254 for objects, 255 ignored, or None.
    """
    labels = np.asarray(clusters)
    cells = labels + n_clusters * np.arange(len(labels))[:, None, None]
    shares = np.bincount(cells.ravel(), minlength=len(labels) * n_clusters).reshape(-1, n_clusters) / labels[0].size
    photos = (shares >= OCCURS).sum(axis=0)
    if truth is None:
        height, width = labels.shape[1:]
        y, x = np.ogrid[:height, :width]
        worth = np.broadcast_to(-np.hypot(y - (height - 1) / 2, x - (width - 1) / 2), labels.shape)
        known = np.ones(labels.shape, dtype=bool)
    else:
        worth, known = np.asarray(truth) != 0, np.asarray(truth) != IGNORED
    sizes = np.bincount(labels[known], minlength=n_clusters)
    mean = np.bincount(labels[known], weights=worth[known], minlength=n_clusters) / np.maximum(sizes, 1)
    return int(np.where((photos >= OFTEN * photos.max()) & (sizes > 0), mean, -np.inf).argmax())
