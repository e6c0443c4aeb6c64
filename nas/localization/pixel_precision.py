"""Pixel average precision (PxAP): localization against masks, as in Choe et al. 2020 (arXiv 2001.07437)."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.localization.boxes import THRESHOLDS
from nas.saliency import Size, check_map

Curve = NDArray[np.float64]
BINS = np.append(THRESHOLDS, (1.0, 2.0))  # a pixel is predicted to be object where it reaches the threshold


class PixelAveragePrecision:
    """Area under the precision-recall curve of the pixels of a data set, all pooled.

    The area is the sum of precision x increase of recall over `THRESHOLDS` and 1, from high to low. Only two
    histograms of the saliency are kept, of object pixels and of the others.

    Parameters
    ----------
    size : (height, width)
        Evaluation size.

    Examples
    --------
    >>> precision = PixelAveragePrecision(size=(2, 2))
    >>> precision.update([[0.9, 0.1], [0.4, 0.0]], masks=[[1, 0], [0, 0]])
    >>> precision.score()
    1.0
    """

    def __init__(self, size: Size = (224, 224)) -> None:
        self.size = size
        self._objects = np.zeros(len(BINS) - 1, np.int64)
        self._others = np.zeros(len(BINS) - 1, np.int64)

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
        """Numbers of object pixels and of other pixels by threshold, (2, 1001); they add up over images."""
        return np.stack([self._objects, self._others])

    def score(self) -> float:
        """PxAP, in [0, 1]; NaN without object pixels."""
        return float(_areas(*self.histograms_.astype(np.float64)))

    def _histogram(self, values: Curve) -> NDArray[np.int64]:
        return np.histogram(values, bins=BINS)[0]

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
