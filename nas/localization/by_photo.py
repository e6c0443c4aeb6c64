"""Localization photo by photo, so that photos can be compared in pairs: what each adds to the scores of a data set."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.localization.box_accuracy import hits_of
from nas.localization.boxes import LEVELS, THRESHOLDS
from nas.store import Shards

PHOTOS = 1024  # read at a time
HIGH, HIGH_IOUS = 0.5, (0.5, 0.7)  # map thresholds from half the maximum up, and when a box counts there
# so many of the thresholds from HIGH on cut a map at each grey level
_AT_LEVEL = np.diff(np.append(np.maximum(LEVELS, np.count_nonzero(THRESHOLDS < HIGH)), len(THRESHOLDS)))


def photo_values(
    stored: Shards, keys: Sequence[str], ious: Sequence[float]
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """What each photo adds to the scores of some maps, METHOD/REGIONS, in the order of `stored.ids`.

    Returns
    -------
    by map:

    BoxAcc@IOU : of each IoU, whether the photo is a hit at the one threshold that is best for the data set; where
        several are, the share of them. Its mean is the score.
    BoxAcc@high : share of hits over all map thresholds from half the maximum up, mean over `HIGH_IOUS`
    thresholds : best IoU, mean over all map thresholds
    """
    ids, names = stored.ids, [f"multi/{key}" for key in keys]
    parts = [ids[start : start + PHOTOS] for start in range(0, len(ids), PHOTOS)]

    @lru_cache(1)
    def read(part: int) -> dict[str, NDArray[Any]]:
        return stored.read(parts[part], names)

    totals = {(key, iou): np.zeros(len(LEVELS), np.int64) for key in keys for iou in ious}
    for part in range(len(parts)):
        arrays = read(part)
        for key, iou in totals:
            totals[key, iou] += hits_of(arrays[f"multi/{key}"], iou).sum(axis=0)
    found: dict[str, dict[str, list[NDArray[np.float64]]]] = {key: {} for key in keys}
    for part in range(len(parts)):
        arrays = read(part)
        for key, values in found.items():
            best = arrays[f"multi/{key}"]
            for iou in ious:
                at_best = totals[key, iou] == totals[key, iou].max()
                values.setdefault(f"BoxAcc@{iou:g}", []).append(hits_of(best, iou)[:, at_best].mean(axis=1))
            shares = [hits_of(best, iou) @ _AT_LEVEL / _AT_LEVEL.sum() for iou in HIGH_IOUS]
            values.setdefault("BoxAcc@high", []).append(np.mean(shares, axis=0))
            values.setdefault("thresholds", []).append(_mean_over_thresholds(best))
    return {key: {name: np.concatenate(each) for name, each in values.items()} for key, values in found.items()}


def _mean_over_thresholds(best: NDArray[np.float32]) -> NDArray[np.float64]:
    weights = np.diff(np.append(LEVELS, len(THRESHOLDS)))
    return np.asarray(best.astype(np.float64) @ weights / len(THRESHOLDS))
