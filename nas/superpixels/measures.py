"""How well superpixels agree with masks and with the edges of an image.

Truth is a label map (H, W): 0 background, 1, 2, ... instances, 255 ignored. The background is a segment like
any other. Ignored pixels are left out of every measure: neither the regions there nor borders that touch
them matter. (So where ignored pixels ring the objects, as in VOC, no truth boundary is left.)

Boundaries are those of `nas.superpixels.regions.boundaries`; distances are Euclidean, between pixel centres.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage import color

from nas.data import IGNORED
from nas.superpixels import regions as region_maps

Mask = NDArray[np.bool_]
MEASURES = [
    "achievable_segmentation_accuracy",
    "undersegmentation_error",
    "boundary_recall",
    "boundary_precision",
    "n_regions",
]
RATIOS = {"edge_adherence": ("edge_excess", "edge_room")}  # ratios of two means over photos


class EdgeAdherence(NamedTuple):
    """Share of edge pixels near a border, its expectation by chance, (share - chance) / (1 - chance)."""

    share: float
    chance: float
    adherence: float


def achievable_segmentation_accuracy(regions: ArrayLike, truth: ArrayLike) -> float:
    """Share of pixels that are right if each region takes the truth segment that it overlaps most, in [0, 1].

    The ceiling of any segmentation made of whole regions (Liu et al. 2011). NaN if every pixel is ignored.
    Parameters: `regions`, a region map (H, W); `truth`, a label map (H, W).
    """
    regions, truth = _pair(regions, truth)
    return _achievable_accuracy(_overlaps(regions, truth))


def undersegmentation_error(regions: ArrayLike, truth: ArrayLike) -> float:
    """Leakage of regions across the borders of truth segments, per pixel (Neubert & Protzel 2012); best 0.

    Over truth segments, and the regions that overlap each, the sum of the smaller part of the region, inside
    or outside the segment; divided by the number of pixels. As the background is a segment, what leaks over
    a border counts for both its sides. NaN if every pixel is ignored. Parameters: as above.
    """
    regions, truth = _pair(regions, truth)
    return _leakage(_overlaps(regions, truth))


def boundary_recall(regions: ArrayLike, truth: ArrayLike, tolerance: float = 2) -> float:
    """Share of truth boundary pixels within `tolerance` >= 0 pixels of a region boundary, in [0, 1].

    NaN without a truth boundary. Parameters: as above.
    """
    region_border, truth_border = _borders(*_pair(regions, truth))
    return _share_near(truth_border, region_border, tolerance)


def boundary_precision(regions: ArrayLike, truth: ArrayLike, tolerance: float = 2) -> float:
    """Share of region boundary pixels within `tolerance` >= 0 pixels of a truth boundary, in [0, 1].

    NaN without a truth boundary, and without a region boundary. Parameters: as above.
    """
    region_border, truth_border = _borders(*_pair(regions, truth))
    return _precision(region_border, truth_border, tolerance)


def scores(regions: ArrayLike, truth: ArrayLike, tolerance: float = 2, *, boundaries: bool = True) -> dict[str, float]:
    """The four measures above by name, from one table of overlaps and one pair of boundary maps.

    Parameters: `boundaries`, whether the boundary of the truth is that of an object; where it is not, as in masks made
    of squares, the two measures of it are NaN.
    """
    regions, truth = _pair(regions, truth)
    overlaps = _overlaps(regions, truth)
    region_border, truth_border = _borders(regions, truth) if boundaries else np.zeros((2, *truth.shape), bool)
    return {
        "achievable_segmentation_accuracy": _achievable_accuracy(overlaps),
        "undersegmentation_error": _leakage(overlaps),
        "boundary_recall": _share_near(truth_border, region_border, tolerance),
        "boundary_precision": _precision(region_border, truth_border, tolerance),
    }


def edge_adherence(regions: ArrayLike, edges: Mask, tolerance: float = 2) -> EdgeAdherence:
    """Share of `edges` within `tolerance` pixels of a region boundary, corrected for chance as Cohen's kappa.

    Many borders lie near many edges whatever they follow. Chance is what the share would be on average over
    all circular shifts of the borders: that is the area near a border, where nearness reaches across the
    rim of the image to the opposite side. The share uses the same nearness.

    Parameters: `regions`, a region map (H, W); `edges`, bool (H, W), as from `strongest_edges`.

    Returns: share and chance in [0, 1]; adherence 1 if all edges lie near a border, 0 at chance, negative
    below. Share and adherence are NaN without edges, adherence also where every pixel is near a border.
    """
    border = region_maps.boundaries(region_maps.check(regions))
    edges = np.asarray(edges)
    if edges.shape != border.shape or border.ndim != 2 or edges.dtype != np.bool_:
        raise ValueError(
            f"edges has shape {edges.shape} and dtype {edges.dtype}, regions {border.shape}; "
            "give bool edges (H, W) and regions of the same shape (H, W)"
        )
    rim = _reach(tolerance)
    height, width = border.shape
    near = _near(np.pad(border, rim, mode="wrap"), tolerance)[rim : rim + height, rim : rim + width]
    share = float(near[edges].mean()) if edges.any() else np.nan
    chance = float(near.mean())
    return EdgeAdherence(share, chance, (share - chance) / (1 - chance) if chance < 1 else np.nan)


def strongest_edges(image: ArrayLike, quantile: float = 0.9, sigma: float = 1.0) -> Mask:
    """Pixels of an image whose gradient is above its `quantile`, bool (H, W).

    The gradient is the Sobel magnitude of the luminance, smoothed by a Gaussian of `sigma` pixels against
    noise and the blocks of JPEG (0: not smoothed). Of a constant image no pixel is an edge.

    Parameters: `image`, RGB (H, W, 3), uint8 or float in [0, 1]; `quantile`, between 0 and 1.
    """
    pixels = np.asarray(image)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"image has shape {pixels.shape}; give RGB (H, W, 3)")
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile is {quantile}; give a share between 0 and 1, such as 0.9")
    luminance = ndimage.gaussian_filter(color.rgb2gray(pixels), sigma)
    gradient = np.hypot(ndimage.sobel(luminance, axis=0), ndimage.sobel(luminance, axis=1))
    return np.asarray(gradient > np.quantile(gradient, quantile))


def measures(
    regions: ArrayLike, truth: ArrayLike | None, edges: Mask, tolerance: float = 2, *, boundaries: bool = True
) -> dict[str, float]:
    """One row of a table: `scores` where there is a truth, and adherence to edges in parts.

    `edge_excess` is share - chance and `edge_room` 1 - chance. Over many images take the ratio of their means: an
    image whose borders are nearly everywhere leaves no room, and would dominate a mean of ratios.
    """
    share, chance, _ = edge_adherence(regions, edges, tolerance)
    row = {} if truth is None else scores(regions, truth, tolerance, boundaries=boundaries)
    return {**row, "edge_share": share, "edge_excess": share - chance, "edge_room": 1 - chance}


def _pair(regions: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    regions, truth = region_maps.check(regions), np.asarray(truth)
    if regions.ndim != 2 or truth.shape != regions.shape or truth.dtype.kind not in "iu":
        raise ValueError(
            f"regions has shape {regions.shape}, truth {truth.shape} and dtype {truth.dtype}; "
            "give both as integers of the same shape (H, W)"
        )
    if truth.min() < 0 or truth.max() > IGNORED:
        raise ValueError(
            f"truth holds ids from {truth.min()} to {truth.max()}; give 0 to 254, and 255 for ignored pixels"
        )
    return regions, truth.astype(np.int64)


def _overlaps(regions: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels of every truth segment (rows) in every region (columns), ignored pixels left out."""
    counted = truth != IGNORED
    truth, n = truth[counted], int(regions.max()) + 1
    segments = int(truth.max(initial=0)) + 1
    return np.bincount(truth * n + regions[counted], minlength=segments * n).reshape(segments, n)


def _achievable_accuracy(overlaps: NDArray[np.int64]) -> float:
    total = overlaps.sum()
    return float(overlaps.max(axis=0).sum() / total) if total else np.nan


def _leakage(overlaps: NDArray[np.int64]) -> float:
    total = overlaps.sum()
    outside = overlaps.sum(axis=0) - overlaps
    return float(np.minimum(overlaps, outside).sum() / total) if total else np.nan


def _borders(regions: NDArray[np.int64], truth: NDArray[np.int64]) -> tuple[Mask, Mask]:
    counted = truth != IGNORED
    return region_maps.boundaries(regions, counted), region_maps.boundaries(truth, counted)


def _precision(region_border: Mask, truth_border: Mask, tolerance: float) -> float:
    # without a truth boundary no region can follow one, which is no fault of the regions
    return _share_near(region_border, truth_border, tolerance) if truth_border.any() else np.nan


def _share_near(points: Mask, border: Mask, tolerance: float) -> float:
    return float(_near(border, tolerance)[points].mean()) if points.any() else np.nan


def _near(border: Mask, tolerance: float) -> Mask:
    """Pixels within `tolerance` of a border: dilation with the disc of that radius, exact on the grid."""
    reach = _reach(tolerance)
    steps = np.arange(-reach, reach + 1)
    disc = (steps[:, None] ** 2 + steps**2 <= tolerance**2).astype(np.uint8)
    return cv2.dilate(border.astype(np.uint8), disc).astype(bool)


def _reach(tolerance: float) -> int:
    if not 0 <= tolerance < np.inf:
        raise ValueError(f"tolerance is {tolerance}; give a distance of 0 pixels or more")
    return int(tolerance)
