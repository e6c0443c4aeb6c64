"""Pixel average precision (PxAP): localization against masks, as in Choe et al. 2020 (arXiv 2001.07437)."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.boxes import THRESHOLDS, check_thresholds
from nas.scoremaps import Size, check_map
from nas.statistics import resample_parts

__all__ = ["PixelAveragePrecision", "PooledHistograms"]

Curve = NDArray[np.float64]

IMAGES = 128  # whose histograms are added up at a time


class PixelAveragePrecision:
    """Area under the precision-recall curve of the pixels of a data set, all pooled.

    The area is the sum of precision x increase of recall over the thresholds, from high to low. Only two
    histograms of the saliency are kept, of object pixels and of the others.

    Parameters
    ----------
    thresholds : array, shape (n_thresholds,), ascending from 0, below 1
        A pixel is predicted to be object where its saliency is at least the threshold; 1 is added at the end.
    size : (height, width)
        Evaluation size.

    Examples
    --------
    >>> precision = PixelAveragePrecision(size=(2, 2))
    >>> precision.update([[0.9, 0.1], [0.4, 0.0]], masks=[[1, 0], [0, 0]])
    >>> precision.score()
    1.0
    """

    def __init__(self, thresholds: ArrayLike = THRESHOLDS, size: Size = (224, 224)) -> None:
        self.thresholds = np.append(check_thresholds(thresholds), 1.0)
        first, least_step = self.thresholds[0], np.diff(self.thresholds).min()
        if first != 0 or least_step <= 0:
            found = f"thresholds starts at {first} and has a least step of {least_step} up to 1"
            raise ValueError(f"{found}; give numbers that ascend from 0 and stay below 1")
        self.size = size
        self._objects = np.zeros(len(self.thresholds), np.int64)
        self._others = np.zeros(len(self.thresholds), np.int64)

    def update(self, saliency: ArrayLike, masks: ArrayLike, ignore: ArrayLike | None = None) -> None:
        """Count the pixels of one image.

        Parameters
        ----------
        saliency : array, of shape `size`, in [0, 1]
        masks : array, shape (h, w) or (n_objects, h, w), of any h and w
            Other than 0 on the object. Resized with ``cv2.INTER_NEAREST``.
        ignore : array, shape (h, w), optional
            Other than 0 on pixels that count for nothing, unless they are object.

        Raises
        ------
        ValueError
            For a map of another size or range, or masks that are not pictures.
        """
        saliency = check_map(saliency, self.size)
        is_object = self._resize(masks, "masks")
        counts = np.ones_like(is_object) if ignore is None else ~self._resize(ignore, "ignore")
        self._objects += self._histogram(saliency[is_object])
        self._others += self._histogram(saliency[counts & ~is_object])

    @property
    def histograms_(self) -> NDArray[np.int64]:
        """Numbers of object pixels and of other pixels by threshold, (2, n_thresholds + 1); they add up over images."""
        return np.stack([self._objects, self._others])

    @classmethod
    def from_histograms(
        cls, histograms: NDArray[np.int64], thresholds: ArrayLike = THRESHOLDS
    ) -> "PixelAveragePrecision":
        """Go on from `histograms_` that were taken with the same thresholds."""
        precision = cls(thresholds)
        precision._objects, precision._others = histograms
        return precision

    def curve(self) -> tuple[Curve, Curve]:
        """Precision (NaN where nothing is predicted) and recall at each of `thresholds`, 1 included."""
        if not self._objects.any():
            raise ValueError("masks had no object pixel in any image; update with one that has")
        found, predicted = (h[::-1].cumsum()[::-1] for h in (self._objects, self._objects + self._others))
        precision = np.divide(found, predicted, out=np.full(len(found), np.nan), where=predicted > 0)
        return precision, found / found[0]

    def score(self) -> float:
        """PxAP, in [0, 1]."""
        precision, recall = (values[::-1] for values in self.curve())
        steps = precision * np.diff(recall, prepend=0)
        return float(steps[~np.isnan(precision)].sum())

    @staticmethod
    def resampled(histograms: NDArray[np.int64], n_resamples: int = 1000, seed: int = 0) -> Curve:
        """PxAP of all images, then of each bootstrap resample of them: (1 + n_resamples,), NaN without objects.

        Parameters: `histograms`, of each image, (n_images, 2, n_bins), see `histograms_`.
        """
        pooled = PooledHistograms(n_resamples)
        for part, counts in resample_parts(len(histograms), n_resamples, seed, IMAGES):
            pooled.update(histograms[part], counts)
        return pooled.scores()

    def _histogram(self, values: Curve) -> NDArray[np.int64]:
        return np.histogram(values, bins=np.append(self.thresholds, 2.0))[0]

    def _resize(self, masks: ArrayLike, name: str) -> NDArray[np.bool_]:
        """Union of masks at the evaluation size."""
        shown = np.asarray(masks) != 0
        if shown.ndim not in (2, 3) or not shown.size:
            raise ValueError(f"{name} has shape {shown.shape}; give one mask (h, w), or one per object (n, h, w)")
        height, width = self.size
        # the nearest pixel of a union is the union of the nearest pixels
        union = shown.reshape(-1, *shown.shape[-2:]).any(0).astype(np.uint8)
        resized = cv2.resize(union, (width, height), interpolation=cv2.INTER_NEAREST)
        return np.asarray(resized, bool)


class PooledHistograms:
    """Histograms added up over all images, and over each bootstrap resample of them, some images at a time.

    Sums of whole numbers are exact, so that the order of the images does not matter.
    """

    def __init__(self, n_resamples: int) -> None:
        self._sums: Curve = np.zeros((1 + n_resamples, 1, 1))

    def update(self, histograms: NDArray[np.int64], counts: NDArray[np.float32]) -> None:
        """Add images: their `histograms_`, (n, 2, n_bins), and how often each is drawn, (n_resamples, n)."""
        flat = histograms.reshape(len(histograms), -1).astype(np.float64)
        added = np.concatenate([flat.sum(axis=0)[None], counts @ flat])
        self._sums = self._sums + added.reshape(len(added), *histograms.shape[1:])

    def scores(self) -> Curve:
        """PxAP of all images, then of each resample: (1 + n_resamples,), NaN without objects."""
        objects, others = self._sums.swapaxes(0, 1)
        return _areas(objects, others)


def _areas(objects: Curve, others: Curve) -> Curve:
    """PxAP from histograms (..., n_bins) of object pixels and of the others: (...)."""
    found, false = (histogram[..., ::-1].cumsum(axis=-1) for histogram in (objects, others))
    predicted = found + false
    precision = np.divide(found, predicted, out=np.zeros_like(found), where=predicted > 0)
    area = (precision * objects[..., ::-1]).sum(axis=-1)
    total = found[..., -1]
    return np.asarray(np.divide(area, total, out=np.full_like(area, np.nan), where=total > 0))
