"""How well a saliency map tells object from background."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import auc, confusion_matrix_at_thresholds

from nas.data import IGNORED


def auroc(saliency: ArrayLike, objects: ArrayLike) -> float:
    """Probability that an object pixel is more salient than a background pixel, ties counted half.

    Parameters: both of any one shape; `saliency`, finite; `objects`, bool. NaN without object pixels or without
    background pixels.
    """
    return ranking_scores(saliency, objects)["auroc"]


def ranking_scores(saliency: ArrayLike, objects: ArrayLike) -> dict[str, float]:
    """What the order of the pixels alone tells: `auroc`, and the pixel average precision, both in [0, 1].

    The average precision is the sum of precision x delta recall over distinct saliency values, NaN without object
    pixels. Parameters as in `auroc`.
    """
    values, inside = check_pair(saliency, objects)
    if not inside.any():
        return {"average_precision": math.nan, "auroc": math.nan}
    _, false, _, true, _ = confusion_matrix_at_thresholds(inside, values)
    precision = float((true / (true + false) * np.diff(true, prepend=0)).sum() / true[-1])
    area = math.nan
    if not inside.all():
        area = float(auc(np.append(0, false), np.append(0, true)) / (true[-1] * false[-1]))
    return {"average_precision": precision, "auroc": area}


def auroc_against_mask(saliency: NDArray[Any], truth: NDArray[np.uint8] | None) -> float:
    """AUROC of a map (H, W) against a mask (H, W); NaN without a mask, an object or a background."""
    if truth is None:
        return math.nan
    known = truth != IGNORED
    return auroc(saliency[known], truth[known] > 0)


def check_pair(saliency: ArrayLike, objects: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Both as vectors; raises ValueError unless they are of one shape, finite, and bool."""
    values, inside = np.asarray(saliency), np.asarray(objects)
    if values.shape != inside.shape or inside.dtype != bool or not np.isfinite(values).all():
        raise ValueError(
            f"saliency has shape {values.shape} and objects {inside.shape} of {inside.dtype}: give finite values and "
            "bools of the same shape"
        )
    return values.ravel().astype(np.float64), inside.ravel()
