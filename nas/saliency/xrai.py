"""XRAI: integrated gradients gathered in overlapping segments, the densest first."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.morphology import disk
from skimage.segmentation import felzenszwalb
from torch import Tensor

from nas.networks import Classifier
from nas.saliency.baselines import absent, pixels
from nas.saliency.gradients import path_attribution
from nas.store import n_cores


def xrai(
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
    *,
    batch_size: int,
    n_steps: int,
    scales: tuple[float, ...],
    sigma: float,
    min_size: int,
    dilation: int,
    min_gain: int,
) -> Tensor:
    """Attribution density of overlapping segments, gathered greedily (Kapishnikov et al. 2019, algorithm 1).

    The attribution is the mean of integrated gradients from black and from white, and of its channels the
    largest, as in the authors' public code. See `segments` and `gather`.
    """
    ways = [
        path_attribution(classifier, x, absent(classifier, x, baseline), target, n_steps, batch_size)
        for baseline in ("black", "white")
    ]
    attributions = ((ways[0] + ways[1]) / 2).amax(1).double().cpu().numpy()
    photos = pixels(classifier, x).permute(0, 2, 3, 1).double().cpu().numpy()

    def gathered(attribution: NDArray[np.float64], photo: NDArray[np.float64]) -> NDArray[np.float64]:
        return gather(attribution, segments(photo, scales, sigma, min_size, dilation), min_gain)

    # after a GPU this is what takes long; threads share the photos of a batch
    with ThreadPoolExecutor(min(len(x), n_cores())) as threads:
        maps = list(threads.map(gathered, attributions, photos))
    return torch.from_numpy(np.stack(maps))


def segments(
    photo: NDArray[np.float64], scales: tuple[float, ...], sigma: float, min_size: int, dilation: int
) -> NDArray[np.bool_]:
    """Segments of a photo at several scales, each grown by a disk, so that it takes in its own edges.

    Parameters: `photo` (H, W, 3), stretched here to [-1, 1]; `scales`, `sigma` and `min_size` (pixels) of
    Felzenszwalb's segmentation; `dilation`, the radius of the disk in pixels.

    Returns: masks (n, H, W) of the segments at all scales.
    """
    low, high = photo.min(), photo.max()
    stretched = 2 * (photo - low) / max(high - low, 1e-12) - 1
    footprint = disk(dilation)
    masks = []
    for scale in scales:
        labels = felzenszwalb(stretched, scale=scale, sigma=sigma, min_size=min_size)
        masks += [cv2.dilate((labels == label).astype(np.uint8), footprint) for label in range(labels.max() + 1)]
    return np.stack(masks).astype(bool)


def gather(attribution: NDArray[np.float64], masks: NDArray[np.bool_], min_gain: int) -> NDArray[np.float64]:
    """Take, again and again, the mask whose pixels not yet covered have the highest mean attribution.

    They get that mean as their value. A mask with fewer than `min_gain` pixels left is dropped; the pixels that
    no mask covered in the end get their own mean. So the map has the sum of the attribution.

    Parameters: `attribution` (H, W); `masks` (n, H, W). Returns (H, W).
    """
    values, n_masks = attribution.ravel(), len(masks)
    inside = [np.flatnonzero(mask) for mask in masks.reshape(n_masks, -1)]
    counts = np.array([len(pixels) for pixels in inside])
    sums = np.array([values[pixels].sum() for pixels in inside])
    # the masks of each pixel, one pixel after the other
    pixels = np.concatenate(inside)
    by_pixel = np.repeat(np.arange(n_masks), counts)[np.argsort(pixels, kind="stable")]
    n_of_pixel = np.bincount(pixels, minlength=len(values))
    start = np.cumsum(n_of_pixel) - n_of_pixel
    result = np.empty_like(values)
    uncovered = np.ones(len(values), dtype=bool)
    while (counts >= min_gain).any():
        density = np.where(counts >= min_gain, sums / np.maximum(counts, 1), -np.inf)
        taken = inside[density.argmax()]
        taken = taken[uncovered[taken]]
        result[taken] = values[taken].mean()
        uncovered[taken] = False
        lengths = n_of_pixel[taken]
        places = np.arange(lengths.sum()) + np.repeat(start[taken] - np.cumsum(lengths) + lengths, lengths)
        losing = by_pixel[places]
        counts = counts - np.bincount(losing, minlength=n_masks)
        sums = sums - np.bincount(losing, weights=np.repeat(values[taken], lengths), minlength=n_masks)
    if uncovered.any():
        result[uncovered] = values[uncovered].mean()
    return result.reshape(attribution.shape)
