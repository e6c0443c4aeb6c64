"""Scores of a saliency map against the clusters tagged as object, or against a mask."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.data import IGNORED
from nas.saliency import check_pair, ranking_scores
from nas.semantics.tags import object_regions

SCORES = ("mass_share", "average_precision", "pointing_game", "auroc")


def mass_share(saliency: ArrayLike, objects: ArrayLike) -> float:
    """Share of the positive saliency that lies on objects, in [0, 1]; any shape, the same for both.

    A map without positive values has the share of the area, like a constant one. NaN without object pixels.
    """
    values, inside = check_pair(saliency, objects)
    positive = np.maximum(values, 0)
    if not inside.any():
        return np.nan
    if not positive.any():
        return float(inside.mean())
    return float(positive[inside].sum() / positive.sum())


def pointing_game(saliency: ArrayLike, objects: ArrayLike) -> float:
    """Whether the maximum lies on an object (after Zhang et al. 2016, without their tolerance of 15 pixels).

    0 or 1, and of tied maxima the share on objects: the expected hit of one drawn at random. NaN without
    object pixels.
    """
    values, inside = check_pair(saliency, objects)
    return float(inside[values == values.max()].mean()) if inside.any() else np.nan


def score(
    saliency: ArrayLike, clusters: ArrayLike, object_clusters: ArrayLike, ignored: ArrayLike | None = None
) -> dict[str, float]:
    """Every score of a saliency map against the clusters tagged as object.

    Parameters: `saliency`, finite, (H, W); `clusters`, (H, W), the labels of a class-level clustering;
    `object_clusters`, their tags, bool (K,); `ignored`, bool (H, W), pixels to leave out.

    Returns: name of each of `SCORES` to its value, NaN where it is undefined.
    """
    objects = object_regions(clusters, object_clusters)
    return _scores(saliency, objects, np.zeros(objects.shape, dtype=bool) if ignored is None else ignored)


def score_against_mask(saliency: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """Every score of a saliency map (H, W) against a mask (H, W), for which the clusters stand in."""
    truth = np.asarray(truth)
    return _scores(saliency, truth != 0, truth == IGNORED)


def _scores(saliency: ArrayLike, objects: NDArray[np.bool_], ignored: ArrayLike) -> dict[str, float]:
    saliency, kept = np.asarray(saliency), ~np.asarray(ignored, dtype=bool)
    if saliency.ndim != 2 or not saliency.shape == objects.shape == kept.shape:
        raise ValueError(
            f"saliency has shape {saliency.shape}, the labels {objects.shape} and ignored {kept.shape}: give "
            "each as (H, W)"
        )
    values, inside = saliency[kept], objects[kept]
    ranked = ranking_scores(values, inside)
    return {
        "mass_share": mass_share(values, inside),
        "average_precision": ranked["average_precision"],
        "pointing_game": pointing_game(values, inside),
        "auroc": ranked["auroc"],
    }
