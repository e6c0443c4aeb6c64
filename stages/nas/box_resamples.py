"""Box accuracy of bootstrap resamples of the images, each at its own best threshold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.statistics import Interval, interval_of, resample_parts

__all__ = ["Replicates", "ResampledHits", "difference_interval", "hits_of", "mean_score", "resampled_score"]

Replicates = NDArray[np.float64]

IMAGES = 1024  # whose hits are added up at a time


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
            self._sums[iou] = sums + np.concatenate([hits.sum(axis=0)[None], counts @ hits])

    def curve(self, iou: float) -> Replicates:
        """BoxAcc of all images at each threshold, (n_thresholds,), in [0, 1]."""
        return np.asarray(self._sums[iou][0].astype(np.float64) / self._n)

    def scores(self) -> dict[float, Replicates]:
        """IoU to the box accuracy of all images, then of each resample, at its best threshold: (1 + n_resamples,)."""
        return {iou: sums.max(axis=1).astype(np.float64) / self._n for iou, sums in self._sums.items()}


def difference_interval(
    ious_a: ArrayLike,
    ious_b: ArrayLike,
    iou: float | Sequence[float],
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Difference of the box accuracies of two methods on the same images, a - b, with its bootstrap interval.

    Images are drawn with replacement, the same for both methods, and each method gets the threshold that is
    best on the images drawn: the choice of the threshold is part of the score, its luck part of the interval.

    Parameters
    ----------
    ious_a, ious_b : float arrays, shapes (n_images, n_thresholds_a) and (n_images, n_thresholds_b)
        `BoxAccuracy.best_ious_`, rows in the same order. (For Top-1 localization, set the rows of wrongly
        classified images to 0.)
    iou : float, or sequence of float
        Least IoU of a hit. Of several, the mean of the scores: (0.3, 0.5, 0.7) compares MaxBoxAccV2.
    n_resamples : int
    level : float
        Confidence, between 0 and 1.
    seed : int

    Returns
    -------
    Interval
        The difference on all images, its percentile interval, and the number of images. One image has the
        interval (NaN, NaN).
    """
    shapes = np.shape(ious_a), np.shape(ious_b)
    if {len(shape) for shape in shapes} != {2} or 0 in shapes[0] + shapes[1] or shapes[0][0] != shapes[1][0]:
        raise ValueError(f"ious_a and ious_b have shapes {shapes}; give (n_images, n_thresholds), same images")
    least = np.ravel(iou).tolist()
    a, b = ([resampled_score(best, d, n_resamples, seed) for d in least] for best in (ious_a, ious_b))
    return interval_of(mean_score(a) - mean_score(b), shapes[0][0], level)


def resampled_score(ious: ArrayLike, iou: float, n_resamples: int = 1000, seed: int = 0) -> Replicates:
    """Box accuracy on all images, then on each bootstrap resample of them, each at its own best threshold.

    Scores of the same number of images, resamples and seed are of the same images, so that differences of them are
    paired; see `difference_interval`.

    Parameters
    ----------
    ious : float array, shape (n_images, n_thresholds)
        `BoxAccuracy.best_ious_`.
    iou : float
        Least IoU of a hit.

    Returns
    -------
    float64 array, shape (1 + n_resamples,), in [0, 1]
    """
    best = _changes(np.asarray(ious, np.float32))
    resampled = ResampledHits([iou], n_resamples)
    for part, counts in resample_parts(len(best), n_resamples, seed, IMAGES):
        resampled.update(best[part], counts)
    return resampled.scores()[iou]


def mean_score(scores: Sequence[Replicates]) -> Replicates:
    """Mean over several IoUs of what `resampled_score` gave for each, (1 + n_resamples,)."""
    return np.asarray(np.mean(scores, axis=0))


def hits_of(best_ious: ArrayLike, iou: float) -> NDArray[np.bool_]:
    """Where the best IoU, float32, is at least `iou`."""
    return np.asarray(np.asarray(best_ious, np.float32) >= np.float32(iou))


def _changes(best: NDArray[np.float32]) -> NDArray[np.float32]:
    """Columns that differ from the one before; thresholds between the same two grey levels do not."""
    return best[:, np.append(True, (best[:, 1:] != best[:, :-1]).any(0))]
