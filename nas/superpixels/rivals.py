"""The rivals of NAS: SLIC and Felzenszwalb, tuned to a wanted number of connected regions."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage import segmentation

from nas.superpixels.regions import Labels, components, relabel


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
