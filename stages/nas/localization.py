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
from nas.box_resamples import difference_interval, hits_of, mean_score, resampled_score
from nas.boxes import THRESHOLDS, best_ious, boxes_at_thresholds, check_thresholds, resize_boxes
from nas.pixel_precision import PixelAveragePrecision
from nas.scoremaps import Size, center_gaussian, check_map, normalize, resize_map

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
        hits = hits_of(self.best_ious_, iou)
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
