"""Localization photo by photo, so that photos can be compared in pairs: what each adds to the scores of a data set."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.localization.box_accuracy import hits_of
from nas.localization.boxes import LEVELS, THRESHOLDS
from nas.store import Shards

PHOTOS = 1024  # read at a time
HIGH, HIGH_IOUS = 0.5, (0.5, 0.7)  # map thresholds from half the maximum up, and when a box counts there
# so many of the thresholds from HIGH on cut a map at each grey level
_AT_LEVEL = np.diff(np.append(np.maximum(LEVELS, np.count_nonzero(THRESHOLDS < HIGH)), len(THRESHOLDS)))


def photo_values(stored: Shards, key: str, ious: Sequence[float]) -> dict[str, NDArray[np.float64]]:
    """What each photo adds to the scores of one map, METHOD/REGIONS, in the order of `stored.ids`.

    Returns
    -------
    BoxAcc@IOU : of each IoU, whether the photo is a hit at the one threshold that is best for the data set; where
        several are, the share of them. Its mean is the score.
    BoxAcc@high : share of hits over all map thresholds from half the maximum up, mean over `HIGH_IOUS`
    thresholds : best IoU, mean over all map thresholds
    """
    name, ids = f"multi/{key}", stored.ids
    parts = [slice(start, start + PHOTOS) for start in range(0, len(ids), PHOTOS)]
    totals = {iou: np.zeros(len(LEVELS), np.int64) for iou in ious}
    for part in parts:
        best = stored.read(ids[part], [name])[name]
        totals = {iou: total + hits_of(best, iou).sum(axis=0) for iou, total in totals.items()}
    chosen = {iou: total == total.max() for iou, total in totals.items()}
    found: list[dict[str, NDArray[np.float64]]] = []
    for part in parts:
        best = stored.read(ids[part], [name])[name]
        found.append({f"BoxAcc@{iou:g}": hits_of(best, iou)[:, at].mean(axis=1) for iou, at in chosen.items()})
        shares = [hits_of(best, iou) @ _AT_LEVEL / _AT_LEVEL.sum() for iou in HIGH_IOUS]
        found[-1] |= {"BoxAcc@high": np.mean(shares, axis=0), "thresholds": _mean_over_thresholds(best)}
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]} if found else {}


def _mean_over_thresholds(best: NDArray[np.float32]) -> NDArray[np.float64]:
    weights = np.diff(np.append(LEVELS, len(THRESHOLDS)))
    return np.asarray(best.astype(np.float64) @ weights / len(THRESHOLDS))
