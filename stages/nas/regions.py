"""Regions of an image: connected components, SLIC and Felzenszwalb of a wanted count, averages in regions.

A *label map* is an integer array (H, W), or a batch of them (B, H, W). A *region map* is a label map whose
ids are contiguous from 0 in every image: what `components`, `relabel`, `slic` and `felzenszwalb` return, and
what `average`, `means` and `sizes` ask for. Connected means through the four neighbours that share a side.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from skimage import measure, segmentation

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


def resize(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Nearest-neighbour resize of label maps (..., h, w) to `size` = (H, W) pixels; dtype kept.

    Pixel centres are aligned: output row i takes input row floor((i + 1/2) h / H), in integer arithmetic.
    This is torch's `nearest-exact`; its `nearest` aligns corners instead, which shifts a map that shrinks.
    """
    labels = np.asarray(labels)
    if labels.ndim < 2 or 0 in labels.shape[-2:]:
        raise ValueError(f"labels has shape {labels.shape}; give label maps of shape (..., h, w), not empty")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size is {size}; give (H, W), both at least 1 pixel")
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(size, labels.shape[-2:], strict=True)
    )
    return labels[..., rows[:, None], columns]


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
                "give ids contiguous from 0 in each image: use nas.regions.relabel"
            )
    return regions


def sizes(regions: ArrayLike) -> NDArray[np.int64]:
    """Pixels in each region of a region map: (n,), or (B, n) for a batch, 0 past an image's last region."""
    regions = check(regions)
    return _sums(np.ones(regions.shape), regions).astype(np.int64)


def means(saliency: ArrayLike, regions: ArrayLike) -> NDArray[np.float64]:
    """Mean saliency of each region.

    Parameters: `saliency`, floats, (..., H, W) with one region map (H, W) for all, or (B, ..., H, W) with a
    batch of region maps (B, H, W).

    Returns: float64 (..., n) or (B, ..., n), n the largest count of regions in the batch; NaN past an image's
    last region. Raises ValueError for other shapes, for integers, and for ids that are not contiguous from 0.
    """
    return _means(*_aligned(saliency, regions))


def average(saliency: ArrayLike, regions: ArrayLike) -> NDArray[Any]:
    """Superpixelification (arXiv 2406.04933): every pixel takes the mean saliency of its region.

    Parameters and errors: as in `means`. Returns: shape and dtype of `saliency`, summed in float64. A NaN
    spreads over its region.

    >>> average(np.array([[0.0, 1.0], [5.0, 8.0]]), [[0, 0], [0, 1]])
    array([[2., 2.],
           [2., 8.]])
    """
    saliency, ids = _aligned(saliency, regions)
    pixels = np.take_along_axis(_means(saliency, ids), ids.reshape(*ids.shape[:-2], -1), axis=-1)
    return pixels.reshape(saliency.shape).astype(saliency.dtype)


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


def slic(
    image: ArrayLike,
    n_regions: int,
    compactness: float = 10.0,
    sigma: float = 1.0,
    max_evaluations: int = 12,
    tolerance: float = 0.05,
) -> Labels:
    """SLIC superpixels (Achanta et al. 2012, by scikit-image), about `n_regions` connected regions.

    `n_segments` acts only through the whole-pixel spacing S = sqrt(H W / n_segments) of the first centres,
    so S is searched, in at most a third of the runs. Where that does not come within `tolerance`, the
    smallest piece kept, `min_size_factor` S^2, is raised from 0.5 S^2 at the widest S that gave too many.

    Parameters: `image`, RGB (H, W, 3), uint8 or float in [0, 1]; `n_regions`, the count wanted, 1 to H W;
    `compactness` and `sigma` (pixels) as in `skimage.segmentation.slic`; `max_evaluations`, the most runs;
    `tolerance`, the relative error of the count at which the search stops.

    Returns: int32 (H, W), a region map of connected regions; the count reached is its maximum + 1. The
    nearest count found wins, the first among equals. Deterministic.
    """
    pixels = _photo(image, n_regions, max_evaluations, tolerance)
    height, width = pixels.shape[:2]

    @cache
    def segment(spacing: float, factor: float) -> Labels:
        return components(
            segmentation.slic(
                pixels,
                n_segments=max(1, round(height * width / spacing**2)),
                compactness=compactness,
                sigma=sigma,
                min_size_factor=factor,
                start_label=0,
            )
        )

    evenly = math.sqrt(height * width / n_regions)
    spacing = _Knob(start=evenly, low=1, high=max(height, width), power=2, whole=True)
    factor = _Knob(start=0.5, low=0.5, high=4, power=0.5)
    return _tune(segment, spacing, factor, n_regions, max_evaluations, tolerance)


def felzenszwalb(
    image: ArrayLike,
    n_regions: int,
    sigma: float = 0.8,
    min_size: int | None = None,
    max_evaluations: int = 16,
    tolerance: float = 0.05,
) -> Labels:
    """Segments of Felzenszwalb & Huttenlocher (2004, by scikit-image), about `n_regions` connected regions.

    `scale` is searched, in at most a third of the runs. A small step of it can join many segments at once,
    so where it misses, `min_size` is searched: upwards at the coarsest `scale` that gave too many regions,
    downwards where none did.

    The library also joins pixels that touch at a corner only. Its segments are split into connected pieces,
    and pieces below `min_size` flooded by their neighbours, or one-pixel crumbs would make up the count.

    Parameters: as in `slic`; `min_size`, pixels, the smallest region kept in the first search. None: a
    twelfth of the mean region, H W / (12 n_regions), since with a small fixed one a few large regions take
    the image and specks make up the count.

    Returns: as in `slic`; fewer regions than wanted where the image has no more (a constant one).
    """
    pixels = _photo(image, n_regions, max_evaluations, tolerance)
    area = pixels.shape[0] * pixels.shape[1]

    @cache
    def segment(scale: float, least: float) -> Labels:
        return _flood_small(
            segmentation.felzenszwalb(pixels, scale=scale, sigma=sigma, min_size=int(least)), int(least)
        )

    least = max(1, area // (12 * n_regions)) if min_size is None else min_size
    if least < 1:
        raise ValueError(f"min_size is {min_size}; give 1 pixel or more, or None")
    scale = _Knob(start=area / (2 * n_regions), low=0.1, high=1e6, power=1)
    size = _Knob(start=least, low=1, high=area, power=0.5, whole=True)
    return _tune(segment, scale, size, n_regions, max_evaluations, tolerance)


def _flood_small(labels: NDArray[Any], smallest: int) -> Labels:
    """Connected components; those below `smallest` pixels are overgrown by their neighbours."""
    pieces = components(labels)
    pixels = np.bincount(pieces.ravel())
    kept = pixels >= min(smallest, pixels.max())
    seeds = np.where(kept[pieces], pieces + 1, 0)
    flat = np.zeros(pieces.shape, dtype=np.uint8)
    return relabel(segmentation.watershed(flat, seeds, connectivity=1))


class _Knob(NamedTuple):
    """A parameter, an integer if `whole`; the count of regions falls with it, about as parameter**-power."""

    start: float
    low: float
    high: float
    power: float
    whole: bool = False


def _tune(
    segment: Callable[[float, float], Labels],
    scale: _Knob,
    smallest: _Knob,
    n_regions: int,
    max_evaluations: int,
    tolerance: float,
) -> Labels:
    """Search the scale; then the smallest piece kept, a finer knob, at the coarsest scale with too many."""
    first = -(-max_evaluations // 3)
    scales = _search(lambda value: segment(value, smallest.start), scale, n_regions, first, tolerance)
    tried = list(scales.values())
    nearest = min(scales, key=lambda value: abs(_excess(scales[value], n_regions)))
    if abs(_excess(scales[nearest], n_regions)) > tolerance:
        too_many = [value for value, regions in scales.items() if _excess(regions, n_regions) > 0]
        best = max(too_many, default=nearest)
        # its first run is known from the first search
        left = max_evaluations - len(scales) + 1
        tried.extend(_search(lambda value: segment(best, value), smallest, n_regions, left, tolerance).values())
    return min(tried, key=lambda regions: abs(_excess(regions, n_regions)))


def _search(
    segment: Callable[[float], Labels], knob: _Knob, n_regions: int, evaluations: int, tolerance: float
) -> dict[float, Labels]:
    """Region maps by the knob's value, in the order tried, their count closing in on `n_regions`.

    Until the count is bracketed the next value is extrapolated by the power law; then it is interpolated on
    log-log axes, at least a fifth of the way from either end.
    """
    tried: dict[float, Labels] = {}
    finer, coarser = None, None
    value, low, high = knob.start, knob.low, knob.high
    while low <= high and len(tried) < evaluations:
        value = min(max(value, low), high)
        value = round(value) if knob.whole else value
        if value in tried:
            break
        tried[value] = segment(value)
        excess = _excess(tried[value], n_regions)
        if abs(excess) <= tolerance:
            break
        point = (math.log(value), math.log1p(excess))
        if excess > 0:
            finer, low = point, value + knob.whole
        else:
            coarser, high = point, value - knob.whole
        if finer and coarser:
            share = min(max(finer[1] / (finer[1] - coarser[1]), 0.2), 0.8)
            value = math.exp(finer[0] + share * (coarser[0] - finer[0]))
        else:
            value *= math.exp(point[1] / knob.power)
    return tried


def _excess(regions: Labels, n_regions: int) -> float:
    """Relative error of the count of regions."""
    return (int(regions.max()) + 1 - n_regions) / n_regions


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


def _photo(image: ArrayLike, n_regions: int, max_evaluations: int, tolerance: float) -> NDArray[Any]:
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ValueError(f"image has shape {pixels.shape}; give RGB (H, W, 3)")
    in_range = pixels.dtype.kind == "f" and pixels.min() >= 0 and pixels.max() <= 1
    if pixels.dtype != np.uint8 and not in_range:
        found = f"{pixels.dtype} in [{pixels.min()}, {pixels.max()}]"
        raise ValueError(f"image is {found}; give uint8 or floats in [0, 1]")
    area = pixels.shape[0] * pixels.shape[1]
    if not 1 <= n_regions <= area:
        raise ValueError(f"n_regions is {n_regions}; give 1 to {area}, the pixels of the image")
    if max_evaluations < 1:
        raise ValueError(f"max_evaluations is {max_evaluations}; give 1 or more runs")
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}; give a relative error of 0 or more, such as 0.05")
    return pixels
