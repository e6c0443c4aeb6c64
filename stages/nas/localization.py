"""Weakly supervised object localization, scored as Choe et al. 2020 do (arXiv 2001.07437, 2007.04178).

The numbers are those of the public ``wsolevaluation`` code on the same maps, as fractions of 1 instead of
percentages. The order of work:

1. `resize_map` to the evaluation size, then `normalize`; true boxes go through `resize_boxes`;
2. `BoxAccuracy` for images with boxes, `PixelAveragePrecision` for images with masks, one image at a time;
3. scores at the one threshold that is best for the whole data set. (The best threshold of each image would be
   an oracle; nothing here computes it.)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas import scoremaps
from nas.boxes import THRESHOLDS, best_ious, boxes_at_thresholds, check_thresholds, resize_boxes
from nas.pixel_precision import PixelAveragePrecision
from nas.scoremaps import Size, center_gaussian, check_map, normalize, resize_map
from nas.statistics import Interval, interval_of, resample_counts

__all__ = [
    "CONTROLS",
    "MEAN",
    "THRESHOLDS",
    "V2_IOUS",
    "BoxAccuracy",
    "PixelAveragePrecision",
    "best_ious",
    "boxes_at_thresholds",
    "center_gaussian",
    "difference_interval",
    "mean_score",
    "normalize",
    "resampled_score",
    "resize_boxes",
    "resize_map",
]

Replicates = NDArray[np.float64]

# maps that know nothing of the network, the middle of the photo among them
CONTROLS = (*scoremaps.CONTROLS, scoremaps.GAUSSIAN)
MEAN = "mean"  # in place of a method: the mean over those that are no controls
V2_IOUS = (0.3, 0.5, 0.7)


class BoxAccuracy:
    """Box accuracy over a data set: MaxBoxAcc, MaxBoxAccV2 and the curves behind them.

    BoxAcc(t, d) is the share of images whose best IoU at threshold t is at least d. One t serves all images;
    it is chosen for each d, on the images that are scored.

    Parameters
    ----------
    thresholds : array, shape (n_thresholds,), in [0, 1]
    iou_thresholds : sequence of float
        The d that `scores` reports.
    multi_contour : bool
        Boxes around all contours, or around the largest only (see `boxes_at_thresholds`).
    size : (height, width)
        Evaluation size, of maps and boxes.

    Attributes
    ----------
    image_ids_ : list of str
    best_ious_ : float32 array, shape (n_images, n_thresholds)
        Precise enough for an exact comparison with any d in tenths, up to a size of 1000 x 1000.

    Examples
    --------
    >>> accuracy = BoxAccuracy(size=(32, 32))
    >>> accuracy.update(center_gaussian((32, 32)), [[8, 8, 23, 23]], "ball")
    >>> accuracy.score(0.7)
    1.0
    """

    def __init__(
        self,
        thresholds: ArrayLike = THRESHOLDS,
        iou_thresholds: Sequence[float] = (0.3, 0.5, 0.7, 0.9),
        multi_contour: bool = True,
        size: Size = (224, 224),
    ) -> None:
        self.thresholds = check_thresholds(thresholds)
        self.iou_thresholds = tuple(iou_thresholds)
        self.multi_contour = multi_contour
        self.size = size
        self._rows: dict[str, NDArray[np.float32]] = {}

    def update(self, saliency: ArrayLike, boxes: ArrayLike, image_id: str | None = None) -> None:
        """Score one image.

        Parameters
        ----------
        saliency : array, of shape `size`, in [0, 1]
        boxes : array, shape (n_boxes, 4)
            True boxes, x0, y0, x1, y1 in pixels at the evaluation size (see `resize_boxes`).
        image_id : str, optional
            The number of images before it by default.

        Raises
        ------
        ValueError
            For a map of another size or range, no box, a box that leaves the image or is inside out, and an
            id that was scored before.
        """
        name = str(len(self._rows)) if image_id is None else image_id
        if name in self._rows:
            raise ValueError(f"image_id is {name!r}, which was scored before; score each image once")
        scores = check_map(saliency, self.size)
        row = best_ious(scores, boxes, self.thresholds, self.multi_contour)
        self._rows[name] = row.astype(np.float32)

    @property
    def image_ids_(self) -> list[str]:
        return list(self._rows)

    @property
    def best_ious_(self) -> NDArray[np.float32]:
        if not self._rows:
            raise ValueError("no image was scored; call update(saliency, boxes) for each image first")
        return np.stack(list(self._rows.values()))

    def curve(self, iou: float, correct: ArrayLike | None = None) -> NDArray[np.float64]:
        """BoxAcc at each threshold, shape (n_thresholds,), in [0, 1].

        Parameters
        ----------
        iou : float
            Least IoU of a hit, the d above.
        correct : bool array, shape (n_images,), optional
            Whether each image's class was predicted rightly: only then can it be a hit (Top-1 localization).
        """
        hits = _hits(self.best_ious_, iou)
        if correct is not None:
            known = np.asarray(correct, bool)
            if known.shape != (len(hits),):
                raise ValueError(f"correct has shape {known.shape}; give one bool for each of {len(hits)} images")
            hits = hits & known[:, None]
        return np.asarray(hits.mean(0, dtype=np.float64))

    def score(self, iou: float, correct: ArrayLike | None = None) -> float:
        """BoxAcc at the best threshold; parameters as in `curve`."""
        return float(self.curve(iou, correct).max())

    def best_threshold(self, iou: float, correct: ArrayLike | None = None) -> float:
        """The threshold of `score`, the lowest of equals."""
        return float(self.thresholds[self.curve(iou, correct).argmax()])

    def scores(self, correct: ArrayLike | None = None) -> dict[float, float]:
        """`score` at each of `iou_thresholds`."""
        return {iou: self.score(iou, correct) for iou in self.iou_thresholds}

    def max_box_accuracy(self) -> float:
        """MaxBoxAcc: boxes around the largest contour, IoU at least 0.5."""
        self._require(False, "MaxBoxAcc")
        return self.score(0.5)

    def max_box_accuracy_v2(self) -> float:
        """MaxBoxAccV2: boxes around all contours, mean of the scores at IoU 0.3, 0.5 and 0.7."""
        self._require(True, "MaxBoxAccV2")
        return float(np.mean([self.score(iou) for iou in V2_IOUS]))

    def _require(self, multi_contour: bool, measure: str) -> None:
        if self.multi_contour is not multi_contour:
            needed = f"BoxAccuracy(multi_contour={multi_contour})"
            raise ValueError(f"multi_contour is {self.multi_contour}; {measure} needs {needed}")


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
    hits = _changes(_hits(ious, iou))
    n = len(hits)
    parts = [np.full(1, hits.mean(0, dtype=np.float64).max())]
    parts += [(counts @ hits).max(1).astype(np.float64) / n for counts in resample_counts(n, n_resamples, seed)]
    return np.concatenate(parts)


def mean_score(scores: Sequence[Replicates]) -> Replicates:
    """Mean over several IoUs of what `resampled_score` gave for each, (1 + n_resamples,)."""
    return np.asarray(np.mean(scores, axis=0))


def _hits(best_ious: ArrayLike, iou: float) -> NDArray[np.bool_]:
    return np.asarray(np.asarray(best_ious, np.float32) >= np.float32(iou))


def _changes(hits: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Columns of hits that differ from the one before; thresholds between the same two grey levels do not."""
    new = np.append(True, (hits[:, 1:] != hits[:, :-1]).any(0))
    return hits[:, new].astype(np.float32)
