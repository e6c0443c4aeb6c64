"""Superpixelification: a saliency map averaged inside regions."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.superpixels import regions

RAW = "raw"  # in place of regions: the map as it is, averaged inside none


def average(saliency: ArrayLike, region_maps: ArrayLike) -> NDArray[Any]:
    """Superpixelification (arXiv 2406.04933): every pixel takes the mean saliency of its region.

    Parameters and errors: as in `nas.superpixels.regions.means`. Returns: shape and dtype of `saliency`, summed in
    float64. A NaN spreads over its region.

    >>> average(np.array([[0.0, 1.0], [5.0, 8.0]]), [[0, 0], [0, 1]])
    array([[2., 2.],
           [2., 8.]])
    """
    maps, ids = np.asarray(saliency), regions.check(region_maps)
    values = regions.means(maps, ids)
    *batch, height, width = ids.shape
    places = ids.reshape(*batch, *(1,) * (maps.ndim - ids.ndim), height * width)
    return np.take_along_axis(values, places, axis=-1).reshape(maps.shape).astype(maps.dtype)
