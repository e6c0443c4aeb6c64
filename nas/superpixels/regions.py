"""Regions of an image: connected components, means inside, boundaries.

A *label map* is an integer array (H, W), or a batch of them (B, H, W). A *region map* is a label map whose
ids are contiguous from 0 in every image: what `components` and `relabel` return, and what `means` asks for.
Connected means through the four neighbours that share a side.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from skimage import measure

Labels = NDArray[np.int32]


def components(labels: ArrayLike) -> Labels:
    """Connected components of a label map (H, W) or (B, H, W); any integer is a label, negative ones too.

    Returns: a region map, int32, of the same shape: ids from 0 in raster order of first appearance.

    >>> components([[7, 7, 2], [2, 7, 2]])
    array([[0, 0, 1],
           [2, 0, 1]], dtype=int32)
    """
    labels = _label_maps(labels, "labels")
    if labels.ndim == 3:
        return np.stack([components(image) for image in labels])
    pieces = measure.label(relabel(labels), background=-1, connectivity=1)
    return np.asarray(pieces - 1, dtype=np.int32)


def relabel(labels: ArrayLike) -> Labels:
    """Rename labels (H, W) or (B, H, W) to a region map, int32: ids from 0 in order of first appearance."""
    labels = _label_maps(labels, "labels")
    if labels.ndim == 3:
        return np.stack([relabel(image) for image in labels])
    return pd.factorize(labels.ravel())[0].reshape(labels.shape).astype(np.int32)


def check(regions: ArrayLike) -> NDArray[np.int64]:
    """Return a region map (H, W) or (B, H, W) as int64, or raise a ValueError that says what is wrong.

    Ids must be integers, contiguous from 0 in each image: 0, 1, ..., n - 1 all occur.
    """
    regions = _label_maps(regions, "regions").astype(np.int64)
    pixels = regions.shape[-2] * regions.shape[-1]
    for image in regions.reshape(-1, pixels):
        # a wild id must not size the table of counts; contiguous ones stay below the number of pixels
        if image.min() < 0 or image.max() >= pixels or np.bincount(image).min() == 0:
            raise ValueError(
                f"regions has {len(np.unique(image))} different ids between {image.min()} and {image.max()}; "
                "give ids contiguous from 0 in each image: use nas.superpixels.regions.relabel"
            )
    return regions


def means(saliency: ArrayLike, regions: ArrayLike) -> NDArray[np.float64]:
    """Mean saliency of each region.

    Parameters: `saliency`, floats, (..., H, W) with one region map (H, W) for all, or (B, ..., H, W) with a
    batch of region maps (B, H, W).

    Returns: float64 (..., n) or (B, ..., n), n the largest count of regions in the batch; NaN past an image's
    last region. Raises ValueError for other shapes, for integers, and for ids that are not contiguous from 0.
    """
    return _means(*_aligned(saliency, regions))


def boundaries(labels: ArrayLike, valid: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Boundary pixels of a label map (H, W) or (B, H, W), bool: those unlike their right or lower neighbour.

    So a straight border between two regions is one pixel wide, on its upper or left side. Only pairs of
    pixels that are both `valid` (same shape; None: all) are compared.
    """
    labels = _label_maps(labels, "labels")
    valid = np.ones(labels.shape, dtype=bool) if valid is None else valid
    border = np.zeros(labels.shape, dtype=bool)
    for here, there in ((np.s_[..., :-1], np.s_[..., 1:]), (np.s_[..., :-1, :], np.s_[..., 1:, :])):
        border[here] |= (labels[here] != labels[there]) & valid[here] & valid[there]
    return border


def _sums(values: NDArray[Any], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of `values` (..., H, W) in each region of `ids` (..., H, W), which broadcast: float64 (..., n)."""
    n, rows = int(ids.max()) + 1, values.shape[:-2]
    bins = ids + n * np.arange(math.prod(rows)).reshape(*rows, 1, 1)
    sums = np.bincount(bins.ravel(), values.ravel(), minlength=n * math.prod(rows))
    return sums.astype(np.float64).reshape(*rows, n)


def _means(values: NDArray[Any], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    sums, counts = _sums(values, ids), _sums(np.ones(ids.shape), ids)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _aligned(saliency: ArrayLike, regions: ArrayLike) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Both, validated; the region maps get axes of length 1 so that they broadcast over the saliency maps."""
    saliency, regions = np.asarray(saliency), check(regions)
    if saliency.dtype.kind != "f":
        raise ValueError(f"saliency has dtype {saliency.dtype}; give floats: use saliency.astype(float)")
    *batch, height, width = regions.shape
    between = saliency.ndim - regions.ndim
    if between < 0 or saliency.shape != (*batch, *saliency.shape[len(batch) : -2], height, width):
        raise ValueError(
            f"saliency has shape {saliency.shape} and regions {regions.shape}; "
            "give (..., H, W) with (H, W), or (B, ..., H, W) with (B, H, W)"
        )
    return saliency, regions.reshape(*batch, *(1,) * between, height, width)


def _label_maps(labels: ArrayLike, name: str) -> NDArray[Any]:
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3) or labels.size == 0 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{name} has shape {labels.shape} and dtype {labels.dtype}; "
            "give integers of shape (H, W) or (B, H, W), not empty"
        )
    return labels
