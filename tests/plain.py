"""Hypercolumns built the plain way, which the tests hold the implicit ones against."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def plain_columns(maps: Sequence[Tensor], size: tuple[int, int], weighting: str | None, mode: str) -> Tensor:
    """(B, H * W, sum of channels): resized, divided by the norm, weighted, concatenated; without activations, zero."""
    parts = []
    for m in maps:
        resized = interpolate(m, size=size, mode=mode, align_corners=None if mode == "nearest-exact" else False)
        norms = resized.square().sum(dim=1, keepdim=True).sqrt()
        weight = (1 + maps[0].shape[1]) / (1 + m.shape[1]) if weighting == "channels" else 1
        parts.append(weight * torch.where(norms > 0, resized / norms, 0))
    return torch.cat(parts, dim=1).flatten(2).mT


def normal(seed: int, *shape: int) -> Tensor:
    """Standard normal values, float64."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
