"""What is shown in place of removed pixels."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

Replacement = Callable[[Tensor], Tensor]


def channel_mean(x: Tensor) -> Tensor:
    """Each channel's mean over the image: (B, C, H, W) to the same shape."""
    return x.mean(dim=(2, 3), keepdim=True).expand_as(x)


def zero(x: Tensor) -> Tensor:
    """Zero after normalization: the mean color of the network's training images."""
    return torch.zeros_like(x)


def blur(x: Tensor, sigma: float = 10.0) -> Tensor:
    """Gaussian blur, `sigma` in pixels of the input; mirrored at the border (scipy's mode "reflect")."""
    rows, columns = (_gaussian_matrix(side, sigma).to(x) for side in x.shape[2:])
    return rows @ x @ columns.mT


@cache
def _gaussian_matrix(side: int, sigma: float) -> Tensor:
    return torch.from_numpy(gaussian_filter1d(np.eye(side), sigma, axis=0, mode="reflect"))


REPLACEMENTS: dict[str, Replacement] = {"mean": channel_mean, "zero": zero, "blur": blur}
