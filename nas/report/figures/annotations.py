"""The page of annotations: photos with their true outlines and boxes."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nas.data import IGNORED, Record, read_records
from nas.report import style
from nas.store import one_line

SHOWN = 24  # photos of a data set
IGNORED_GREY = 0.75


def records_of(root: Path, datasets: Sequence[str]) -> list[Record]:
    """The photos to show: the first ones of each data set."""
    return [record for dataset in datasets for record in read_records(root / "data" / "raw" / dataset)[:SHOWN]]


def annotations(records: Sequence[Record], columns: int = 4) -> Figure:
    """Every photo with the outlines of its instances and their boxes."""
    style.use()
    rows = -(-len(records) // columns)
    side = style.WIDTH / columns
    figure, axes = plt.subplots(rows, columns, figsize=(style.WIDTH, rows * (side + 0.22)), squeeze=False)
    figure.subplots_adjust(wspace=0.05, hspace=0.32)
    colours = sns.color_palette("colorblind")
    for ax in axes.flat:
        style.bare(ax)
    for ax, record in zip(axes.flat, records, strict=False):
        labels = record.truth(record.size)
        ax.imshow(record.photo())
        if labels is not None and (labels == IGNORED).any():
            ax.imshow(np.dstack([np.full((*labels.shape, 3), IGNORED_GREY), (labels == IGNORED) * 0.6]))
        for number, (x0, y0, x1, y1) in enumerate(record.boxes):
            colour = colours[number % len(colours)]
            if labels is not None and (labels == number + 1).any():
                inside = labels == number + 1
                ax.imshow(np.dstack([np.broadcast_to(colour, (*inside.shape, 3)), inside * 0.45]))
                ax.contour(inside, [0.5], colors=[colour], linewidths=0.7)
            for edge, width in ((style.INK, 1.8), ("white", 0.8)):  # seen on bright and on dark photos
                ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=edge, linewidth=width))
        second = " · ".join(one_line(word) for word in (record.super_class, record.id) if word)
        style.title(ax, f"{one_line(record.class_name)}\n{second}", fontsize=6, pad=3)
    return figure


def annotations_caption(records: Sequence[Record], datasets: Sequence[str]) -> str:
    """What the page of annotations shows."""
    instances = sum(len(record.boxes) for record in records)
    masks = (record.truth() for record in records)
    some = any(mask is not None and (mask == IGNORED).any() for mask in masks)
    ignored = "Pixels that count for nothing, since it is not known what they show, are grey. " if some else ""
    return (
        f"{len(records)} photos of {', '.join(datasets)} with {instances} instances of the labelled objects: their "
        "outlines, where there are masks (colours tell instances apart), and boxes (white with a dark rim). "
        f"{ignored}Above each photo its class, super-class and name."
    )
