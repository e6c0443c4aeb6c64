"""Label maps of many photos for each set of depths and each k: small tiles, and sliders that choose one."""

import json
from html import escape
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2gray

from nas.report.names import label_of
from nas.store import Shards, one_line
from nas.superpixels import read_variants, regions

SIDE = 112  # pixels of a tile
MOST = 24  # photos
WIDEST = 16383 // SIDE  # tiles in a row: a picture of WebP is no wider


class Looker(NamedTuple):
    """Tiles, and what they are of.

    labels : (photos SIDE, depth sets ks SIDE) uint8, ranks of luminance as indices of viridis
    photos : (photos SIDE, SIDE, 3) uint8
    ids, depths, ks : names of the photos, sets of depths as "2-3-4", numbers of clusters
    """

    labels: NDArray[np.uint8]
    photos: NDArray[np.uint8]
    ids: list[str]
    depths: list[str]
    ks: list[int]
    dataset: str
    network: str


def load(root: Path, dataset: str, network: str) -> Looker:
    """The maps that the stage `ablation` made of the first photos on the recipe's grid, with its first weighting."""
    folder = root / "data" / "ablation" / dataset / network
    made = {name: each for name, each in read_variants(folder).items() if each.size == "first"}
    weighting = next(each.weighting for each in made.values())
    chosen = {
        (each.columns()["depths"], int(each.clusters)): name
        for name, each in made.items()
        if each.clusters != "auto" and each.weighting == weighting
    }
    ks = sorted({k for _, k in chosen})
    depths = sorted({depths for depths, _ in chosen}, key=lambda each: (len(each), each))[: WIDEST // len(ks)]
    stored, views = Shards(folder), Shards(root / "data" / "activations" / dataset / network)
    ids = stored.ids[:MOST]
    rows, photos = [], []
    for photo in ids:
        view = cv2.resize(views.read([photo], ["view"])["view"][0], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        maps = stored.read([photo], list(chosen.values()))
        empty = np.zeros((SIDE, SIDE), np.uint8)
        row = [_tile(maps[chosen[each, k]][0], view) if (each, k) in chosen else empty for each in depths for k in ks]
        rows.append(np.hstack(row))
        photos.append(view)
    return Looker(np.vstack(rows), np.vstack(photos), list(ids), depths, ks, dataset, network)


def _tile(labels: NDArray[np.uint8], photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each region by the rank of its mean luminance in the photo, spread over 0 to 255."""
    large = cv2.resize(labels.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    contiguous = regions.relabel(large)
    ranks = regions.means(rgb2gray(photo), contiguous).argsort(kind="stable").argsort(kind="stable")
    spread = np.round(255 * ranks / max(len(ranks) - 1, 1)).astype(np.uint8)
    return np.asarray(spread[contiguous])


def save(looker: Looker, folder: Path) -> None:
    """Write depths.webp, the label maps, and depths-photos.jpg."""
    folder.mkdir(parents=True, exist_ok=True)
    colours = (255 * mpl.colormaps["viridis"](np.arange(256))[:, :3]).round().astype(np.uint8)
    Image.fromarray(colours[looker.labels]).save(folder / "depths.webp", lossless=True, method=0)
    Image.fromarray(looker.photos).save(folder / "depths-photos.jpg", quality=85)


def element(looker: Looker) -> str:
    """The element of a page in which one photo, one set of depths and one k are chosen."""
    options = "".join(f'<option value="{n}">{escape(one_line(name))}</option>' for n, name in enumerate(looker.ids))
    first = looker.depths.index("2-3-4") if "2-3-4" in looker.depths else 0
    known = escape(json.dumps({"depths": looker.depths, "ks": looker.ks, "side": SIDE}))
    count = f"The first {len(looker.ids)} photos of {looker.dataset}" if len(looker.ids) == MOST else looker.dataset
    note = escape(one_line(f"{count}, {label_of(looker.network)}."))
    return (
        f'<p>{note}</p><div class="looker" data-known="{known}"><p><label>Photo <select>{options}</select></label> '
        f'<label>Depths <input type="range" name="depths" min="0" max="{len(looker.depths) - 1}" value="{first}">'
        f'</label><output name="depths"></output> <label>k <input type="range" name="k" min="0" '
        f'max="{len(looker.ks) - 1}" value="0"></label><output name="k"></output></p>'
        '<div class="tiles"><div class="photo" role="img" aria-label="photo"></div>'
        f'<div class="labels" role="img" aria-label="NAS clusters of {escape(label_of(looker.network))}"></div>'
        "</div></div>"
    )
