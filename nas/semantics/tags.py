"""Semi-supervised semantic evaluation: saliency maps scored against clusters that a person tagged once.

The clusters of a class (one k-means over all its images) are tagged object or background, by a person or from
a few masks, and stand in for masks on every image of the class (arXiv 2406.04933). *Tags* are a bool array
(K,), True for object. A *mask* holds 0 for background, 1 to 254 for objects and 255 for pixels to ignore.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.data import IGNORED

LEARNT, HAND, TRUTH = "learnt tags", "hand tags", "truth"  # what a score is against
Tags = NDArray[np.bool_]


def cluster_counts(labels: ArrayLike, truth: ArrayLike, n_clusters: int) -> NDArray[np.int64]:
    """Pixels of each image and cluster on and off objects, the ignored ones left out: int64 (2, n, K).

    Parameters: `labels` (n, H, W), clusters 0 to n_clusters - 1; `truth` (n, H, W), masks of the same images.
    """
    labels, truth = _labels(labels, n_clusters), np.asarray(truth)
    if labels.ndim != 3 or labels.shape != truth.shape or truth.dtype.kind not in "iub":
        raise ValueError(
            f"labels has shape {labels.shape}, truth {truth.shape} and {truth.dtype}: give integers (n, H, W)"
        )
    n = len(labels)
    cells = labels.astype(np.int64) + n_clusters * np.arange(n)[:, None, None]
    size = n * n_clusters
    kinds = [(truth != 0) & (truth != IGNORED), truth == 0]
    return np.stack([np.bincount(cells[kind], minlength=size).reshape(n, n_clusters) for kind in kinds])


def object_regions(labels: ArrayLike, tags: ArrayLike) -> NDArray[np.bool_]:
    """Pixels of the clusters tagged as object: labels (..., H, W) and bool tags (K,) to bool (..., H, W)."""
    tags = np.asarray(tags)
    if tags.dtype != bool or tags.ndim != 1:
        raise ValueError(f"tags is {tags.dtype} of shape {tags.shape}: give a bool for each cluster, (K,)")
    return np.asarray(tags[_labels(labels, len(tags))])


def few_label_curve(
    counts: NDArray[np.int64], ns: Sequence[int], n_draws: int = 100, seed: int = 0
) -> NDArray[np.float64]:
    """How well tags learnt on n labelled images find the objects of the others.

    Parameters
    ----------
    counts : (2, N, K), `cluster_counts` of N images
    ns : numbers of labelled images, each from 1 to N - 1
    n_draws, seed : see `draw_labelled`

    Returns
    -------
    float64 (len(ns), n_draws): IoU of the object regions with the mask, mean over the held-out images. An
    image with neither has no IoU and is left out; NaN where all are.
    """
    on, off = counts
    curve = np.empty((len(ns), n_draws))
    for row, n in enumerate(ns):
        labelled = draw_labelled(len(on), n, n_draws, seed)
        tags = learn_tags(counts, labelled)
        intersection, union = tags @ on.T, on.sum(axis=1) + tags @ off.T
        held_out = ~labelled & (union > 0)
        ious = np.where(held_out, intersection / np.maximum(union, 1), 0)
        found = held_out.sum(axis=1)
        curve[row] = np.where(found > 0, ious.sum(axis=1) / np.maximum(found, 1), np.nan)
    return curve


def draw_labelled(n_images: int, n: int, n_draws: int, seed: int = 0) -> NDArray[np.bool_]:
    """Random choices of n labelled images: bool (n_draws, n_images).

    Draw d is one shuffle of the images whose first n are labelled, so that more labels add to fewer.
    """
    if n_draws < 1 or not 1 <= n < n_images:
        raise ValueError(
            f"n is {n} and n_draws {n_draws}: give 1 to {n_images - 1} of the {n_images} images, the others are "
            "held out, and at least 1 draw"
        )
    generator = np.random.default_rng(seed)
    return np.stack([generator.permutation(n_images) for _ in range(n_draws)]) < n


def labelled_others(n_images: int, n: int, seed: int = 0) -> NDArray[np.int64]:
    """For each image the n others that are labelled to tag the clusters it is scored by: (n_images, n) indices.

    They are the first of one shuffle of all images, so that n + 1 labels serve every image, and where there are no
    more than n others, all of them.
    """
    order = np.random.default_rng(seed).permutation(n_images)
    return np.stack([order[: n + 1][order[: n + 1] != image][:n] for image in range(n_images)])


def learn_tags(counts: NDArray[np.int64], labelled: NDArray[np.bool_]) -> Tags:
    """Tags from some labelled images: object are the clusters that have most of their pixels on objects.

    Background are clusters with as many pixels on objects as off, and those that do not occur on these images outside
    the ignored pixels.

    Parameters: `counts` (2, N, K), see `cluster_counts`; `labelled` (..., N). Returns bool (..., K).

    >>> counts = cluster_counts([[[0, 0, 1, 1]]], [[[1, 255, 1, 0]]], n_clusters=3)
    >>> learn_tags(counts, np.array([True]))
    array([ True, False, False])
    """
    on, off = counts
    chosen = labelled.astype(np.int64)
    return np.asarray(chosen @ on > chosen @ off)


def _labels(labels: ArrayLike, n_clusters: int) -> NDArray[Any]:
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or (labels.size and not 0 <= labels.min() <= labels.max() < n_clusters):
        found = f"{labels.dtype}" + (f" from {labels.min()} to {labels.max()}" if labels.size else "")
        raise ValueError(f"labels is {found}: give integers from 0 to {n_clusters - 1}, a cluster each")
    return labels
