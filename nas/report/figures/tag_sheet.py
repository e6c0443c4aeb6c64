"""The sheet from which a person tags the clusters of a class."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nas.classes import ClassClusters
from nas.data import resize_labels
from nas.report import style
from nas.report.figures.class_clusters import (
    OCCURS,
    Labels,
    Photo,
    alone,
    draw_numbered,
    draw_patch,
    outline,
    sample,
    views,
)
from nas.report.names import label_of


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
        draw_patch(panels[0], 0.1, 0.6, 0.7, 0.2, cluster)
        panels[0].text(0.45, 0.5, notes[cluster], ha="center", va="top", fontsize=8, linespacing=1.4)
        for position, ax in zip(positions, panels[1:], strict=False):
            inside = resize_labels(labels[position] == cluster, photos[position].shape[:2])
            ax.imshow(alone(photos[position], inside))
            outline(ax, inside, cluster, 0.6)
    figure.subplots_adjust(left=0.005, right=0.995, top=0.998, bottom=0.002, wspace=0.04, hspace=0.04)
    return figure


def load_tag_sheet(root: Path, of_class: ClassClusters, n_examples: int = 6) -> tuple[Figure, str]:
    """The tag sheet of a class and its caption: for each cluster a few photos, by the seed, of those that have it."""
    labels = of_class.class_clusters(of_class.ids)
    shares = np.stack([np.bincount(found.ravel(), minlength=of_class.n_clusters) / found.size for found in labels])
    ids = np.array(of_class.ids)
    chosen: dict[int, list[str]] = {}
    for cluster in range(of_class.n_clusters):
        having = ids[shares[:, cluster] >= OCCURS].tolist() or ids[[shares[:, cluster].argmax()]].tolist()
        chosen[cluster] = sample(having, n_examples, of_class.settings["seed"])
    shown = [photo for photo in of_class.ids if any(photo in examples for examples in chosen.values())]
    examples = {cluster: [shown.index(photo) for photo in having] for cluster, having in chosen.items()}
    notes = {
        cluster: f"{share:.0%} of all, in\n{n} of {len(ids)} photos"
        for cluster, (share, n) in enumerate(zip(shares.mean(axis=0), (shares >= OCCURS).sum(axis=0), strict=True))
    }
    made = of_class.settings
    text = (
        f"The {of_class.n_clusters} clusters of all {len(ids)} photos of the class {of_class.name} in "
        f"{made['dataset']}, {label_of(made['network'])}, depths {'-'.join(map(str, made['depths']))}, "
        f"seed {made['seed']}. "
        "One colour and number is one cluster in all photos. Below, each cluster by itself, all else faint, with its "
        f"share of all photos and the number of photos of which it takes at least {OCCURS:.0%}."
    )
    return tag_sheet(list(views(root, of_class, shown)), list(of_class.class_clusters(shown)), examples, notes), text


def draw_tag_sheet(root: Path, of_class: ClassClusters, stem: Path) -> Path:
    """Write the tag sheet of a class; the picture, see `nas.report.style.save`."""
    figure, caption = load_tag_sheet(root, of_class)
    return style.save(figure, caption, stem, photographs=True)
