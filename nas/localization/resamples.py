"""Box accuracy of bootstrap resamples of the images, each at its own best threshold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.localization.box_accuracy import hits_of

Replicates = NDArray[np.float64]


class ResampledHits:
    """Hits at each threshold, added up over all images and over each bootstrap resample, some images at a time.

    Sums of hits are exact, so that the order of the images does not matter.

    Parameters
    ----------
    least : each a least IoU of a hit
    """

    def __init__(self, least: Sequence[float], n_resamples: int) -> None:
        self._n = 0
        self._sums = {iou: np.zeros((1 + n_resamples, 1), np.float32) for iou in least}

    def update(self, best_ious: NDArray[np.float32], counts: NDArray[np.float32]) -> None:
        """Add images: their best IoUs, (n, n_thresholds), and how often each is drawn, (n_resamples, n)."""
        self._n += len(best_ious)
        for iou, sums in self._sums.items():
            hits = hits_of(best_ious, iou).astype(np.float32)
            if sums.shape[1] != hits.shape[1]:  # the first images
                sums = self._sums[iou] = np.zeros((len(sums), hits.shape[1]), np.float32)
            sums[0] += hits.sum(axis=0)
            sums[1:] += counts @ hits

    def curve(self, iou: float) -> Replicates:
        """BoxAcc of all images at each threshold, (n_thresholds,), in [0, 1]."""
        return np.asarray(self._sums[iou][0].astype(np.float64) / self._n)

    def scores(self) -> dict[float, Replicates]:
        """IoU to the box accuracy of all images, then of each resample, at its best threshold: (1 + n_resamples,)."""
        return {iou: sums.max(axis=1).astype(np.float64) / self._n for iou, sums in self._sums.items()}


def mean_score(scores: Sequence[Replicates]) -> Replicates:
    """Mean over several IoUs of what `ResampledHits.scores` gave for each, (1 + n_resamples,)."""
    return np.asarray(np.mean(scores, axis=0))
