"""Score maps of weakly supervised object localization: their size, range and quantization.

After Choe et al. 2020 (arXiv 2001.07437, the public ``wsolevaluation`` code): `resize_map`, then `normalize`.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Map = NDArray[np.float64]
Size = tuple[int, int]


def resize_map(saliency: ArrayLike, size: Size) -> Map:
    """Resize a map with ``cv2.INTER_CUBIC``.

    Parameters
    ----------
    saliency : array, shape (h, w)
    size : (height, width)
        Of the evaluation; (224, 224) in the protocol.

    Returns
    -------
    float64 array, shape (height, width)
        It may overshoot the range of the map a little, and a NaN spreads; `normalize` comes after.
    """
    height, width = size
    resized = cv2.resize(np.asarray(saliency, np.float64), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(resized, np.float64)


def normalize(saliency: ArrayLike) -> Map:
    """Stretch one map, of shape (H, W), to [0, 1]. A constant map, or one with a NaN, becomes zeros.

    Raises
    ------
    ValueError
        If a map without NaN has infinite values, for which the protocol has no rule.
    """
    scores = np.asarray(saliency, np.float64)
    if np.isnan(scores).any():
        return np.zeros_like(scores)
    lowest, highest = scores.min(), scores.max()
    if np.isinf(lowest) or np.isinf(highest):
        raise ValueError(f"saliency goes from {lowest} to {highest}; give finite values, or NaN for an empty map")
    if lowest == highest:
        return np.zeros_like(scores)
    stretched: Map = (scores - lowest) / (highest - lowest)
    return stretched


def check_map(saliency: ArrayLike, size: Size | None = None) -> Map:
    """A map as it is scored, in float64: of the evaluation `size`, if given, and in [0, 1].

    Raises ValueError for any other, a map with NaN included.
    """
    scores = np.asarray(saliency, np.float64)
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"saliency has shape {scores.shape}; give one map, of shape (height, width)")
    if size is not None and scores.shape != tuple(size):
        raise ValueError(f"saliency has shape {scores.shape}; give the evaluation size {size}, by resize_map")
    lowest, highest = scores.min(), scores.max()
    if not (lowest >= 0 and highest <= 1):
        raise ValueError(f"saliency goes from {lowest} to {highest}; give 0 to 1, by normalize")
    return scores


def quantize(saliency: Map) -> NDArray[np.uint8]:
    """Levels floor(255 saliency) of a map in [0, 1]."""
    return (saliency * 255).astype(np.uint8)


def center_gaussian(size: Size, sigma: float = 1.0) -> Map:
    """The centre baseline of Choe et al. 2020: an isotropic Gaussian around the middle of every image.

    Its level sets are discs whatever the width, so no score depends on `sigma` but for the 256 levels: a
    narrow Gaussian spends them on the middle and leaves everything beyond 3 deviations or so at level 0.

    Parameters
    ----------
    size : (height, width)
    sigma : float
        Standard deviation, in units of half the shorter side.

    Returns
    -------
    float64 array, shape (height, width), in [0, 1]
    """
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}; give a positive number of half sides, such as 1")
    y, x = (2 * np.arange(n) - (n - 1) for n in size)
    return normalize(np.exp(-(y[:, None] ** 2 + x**2) / (2 * (sigma * min(size)) ** 2)))
