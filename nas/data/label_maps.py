"""Label maps of a photo: what their numbers mean, and resizing without new labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

IGNORED = 255  # in a mask: pixels of which it is not known what they show


def shows_object(labels: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Where a label map of masks (any shape) shows an object, bool of the same shape."""
    return np.asarray((labels > 0) & (labels != IGNORED))


def instances_of(labels: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """The numbers of the instances in a label map of masks (any shape), (n,), in order."""
    return np.setdiff1d(np.unique(labels), (0, IGNORED))


def resize_labels(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
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
