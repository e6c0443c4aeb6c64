"""Resizing as a product of two small matrices, so that it has an exact adjoint."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

INTERPOLATIONS = ("bicubic", "bilinear", "nearest-exact")


@cache
def resize_matrix(source: int, target: int, interpolation: str) -> Tensor:
    """Matrix of the one-dimensional resize of `torch.nn.functional.interpolate` (no antialiasing).

    Returns
    -------
    float64 tensor of shape (target, source). Its rows sum to 1.
    """
    identity = torch.eye(source, dtype=torch.float64)[None, None]
    aligned = None if interpolation == "nearest-exact" else False
    resized = torch.nn.functional.interpolate(
        identity, size=(target, source), mode=interpolation, align_corners=aligned
    )
    return resized[0, 0]


@dataclass(frozen=True)
class Resize:
    """The linear map U that takes maps of one size to another, rows times columns.

    Attributes
    ----------
    rows : tensor of shape (target height, source height)
    columns : tensor of shape (target width, source width)
    """

    rows: Tensor
    columns: Tensor
    identity: bool

    @classmethod
    def between(cls, source: tuple[int, int], target: tuple[int, int], interpolation: str, like: Tensor) -> "Resize":
        """Resize from (height, width) to (height, width), with the dtype and device of `like`."""
        rows = resize_matrix(source[0], target[0], interpolation).to(like)
        columns = resize_matrix(source[1], target[1], interpolation).to(like)
        return cls(rows, columns, identity=source == target)

    def __call__(self, maps: Tensor, rows: slice = slice(None)) -> Tensor:
        """U maps: (..., h, w) to (..., H, W), or only the target rows asked for."""
        if self.identity:
            return maps[..., rows, :]
        return self.rows[rows] @ (maps @ self.columns.mT)

    def adjoint(self, maps: Tensor, rows: slice = slice(None)) -> Tensor:
        """U' maps: (..., H, W), or only the target rows given, back to (..., h, w)."""
        if self.identity and maps.shape[-2] == len(self.rows):
            return maps
        return (self.rows[rows].mT @ maps) @ self.columns
