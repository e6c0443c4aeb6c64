"""Removal orders: the step at which each pixel of an image goes, least or most relevant first."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.superpixels import regions as region_maps

Order = NDArray[np.int32]
SIMPLE = ("pixels", "tiles")  # parts of a photo that need no label map


def tiles(height: int, width: int, side: int = 8) -> NDArray[np.int32]:
    """Region map (height, width) of square tiles; those at the right and lower border may be cut."""
    if min(height, width, side) < 1:
        raise ValueError(f"height, width and side are {height}, {width} and {side}: each is at least 1 pixel")
    rows, columns = np.arange(height, dtype=np.int32) // side, np.arange(width, dtype=np.int32) // side
    return np.asarray(rows[:, None] * (columns[-1] + 1) + columns)


def removal_order(
    saliency: ArrayLike, regions: ArrayLike | None = None, n_steps: int = 32, first: str = "least"
) -> Order:
    """The step at which each pixel is removed.

    Parameters
    ----------
    saliency : (H, W), finite
    regions : label map (H, W) of the parts that are removed whole, ranked by their mean saliency; None for
        single pixels
    n_steps : the most steps. Up to as many parts have a step each. More are grouped along the ranking into
        steps of nearly equal numbers of pixels: the part whose middle is the fraction f of the ranked pixels
        goes into step floor(f n_steps).
    first : "least" relevant (LeRF) or "most" relevant (MoRF)

    Returns
    -------
    int32 (H, W), steps contiguous from 0. In both directions, of equally relevant parts the one that appears
    first in raster order goes first. Means of regions are equal if they agree to 12 decimals of the map's
    largest magnitude: sums of different lengths round differently.

    Examples
    --------
    >>> removal_order([[3.0, 1.0], [2.0, 1.0]])
    array([[3, 0],
           [2, 1]], dtype=int32)
    """
    saliency = np.asarray(saliency, dtype=np.float64)
    if saliency.ndim != 2 or saliency.size == 0 or not np.isfinite(saliency).all():
        raise ValueError(f"saliency has shape {saliency.shape}; give one map (H, W) of finite values, not empty")
    if n_steps < 1:
        raise ValueError(f"n_steps is {n_steps}: give at least 1")
    if first not in ("least", "most"):
        raise ValueError(f"first is {first!r}: allowed are 'least' (LeRF) and 'most' (MoRF)")
    parts = np.arange(saliency.size, dtype=np.int32).reshape(saliency.shape)
    relevance = saliency.ravel()
    if regions is not None:
        parts = region_maps.relabel(regions)
        relevance = np.round(region_maps.means(saliency, parts) / max(np.abs(saliency).max(), np.finfo(float).tiny), 12)
    ranking = np.argsort(relevance if first == "least" else -relevance, kind="stable")
    pixels = np.bincount(parts.ravel())[ranking]
    groups = np.arange(len(ranking))
    if len(ranking) > n_steps:
        middles = 2 * np.cumsum(pixels) - pixels
        groups = np.unique(middles * n_steps // (2 * saliency.size), return_inverse=True)[1]
    steps = np.empty(len(ranking), dtype=np.int32)
    steps[ranking] = groups
    return steps[parts]
