"""Hypercolumns that are used but never stored.

The hypercolumn of a location p is the concatenation over depths l of w_l (U_l F_l)(p) / n_l(p), with F_l the
activations at depth l, U_l the resize to the common grid, n_l(p) the L2 norm over channels of (U_l F_l)(p),
and w_l the weight of the depth. Resizing and projecting on a vector commute, so inner products with K vectors
resize K maps instead of C_l, and sums over sets of locations bring K masks down with the adjoint resize.
Nothing of size channels x grid ever exists, and the rows of the grid are visited in blocks.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from nas.superpixels.resizing import INTERPOLATIONS, Resize

BLOCK_ELEMENTS = 2**21  # per image and block of rows: 8 MiB in float32


def depth_weights(channels: Sequence[int], weighting: str | None) -> list[float]:
    """Weight of each depth, shallowest first: (1 + C_1) / (1 + C_l) for "channels", 1 for None."""
    if weighting is None:
        return [1.0] * len(channels)
    if weighting == "channels":
        return [(1 + channels[0]) / (1 + c) for c in channels]
    raise ValueError(f"weighting is {weighting!r}: allowed are 'channels' and None")


class Hypercolumns:
    """Implicit hypercolumns of a batch of images.

    Parameters
    ----------
    maps : activations, shallowest first, each (B, C_l, h_l, w_l), any float dtype (half precision is widened)
    size : (H, W) of the grid
    weighting : "channels" or None, see `depth_weights`
    interpolation : "bicubic", "bilinear" or "nearest-exact"

    Attributes
    ----------
    n_images, n_features : B and the sum of the channels
    size : (H, W)
    squared_norms : (B, H, W), |x(p)|^2

    Raises
    ------
    ValueError : an unknown interpolation, or values that are NaN, infinite, or so large (about 1e19) that their norm is
    """

    def __init__(
        self,
        maps: Sequence[Tensor],
        size: tuple[int, int],
        weighting: str | None = "channels",
        interpolation: str = "bicubic",
    ) -> None:
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation is {interpolation!r}: allowed are {', '.join(INTERPOLATIONS)}")
        self.maps = [m.float() if m.dtype in (torch.float16, torch.bfloat16) else m for m in maps]
        self.size = size
        self.resizes = [Resize.between((m.shape[2], m.shape[3]), size, interpolation, m) for m in self.maps]
        self.channels = [m.shape[1] for m in self.maps]
        self.scales = []
        self.squared_norms = torch.zeros((len(self.maps[0]), *size)).to(self.maps[0])
        for m, resize, weight in zip(self.maps, self.resizes, depth_weights(self.channels, weighting), strict=True):
            # one at a time on a CPU, in memory of its own: kernels differ in last bits with batch size and alignment
            images = [image.clone() for image in m.split(1)] if m.device.type == "cpu" else [m]
            norms = torch.cat([_norms(image, resize, size) for image in images])
            _check_norms(norms, m)
            scale = torch.where(norms > 1e-12, weight / norms, 0)  # nothing there: the part of this depth is zero
            self.scales.append(scale)
            self.squared_norms += (scale * norms) ** 2

    @property
    def n_images(self) -> int:
        return len(self.maps[0])

    @property
    def n_features(self) -> int:
        return sum(self.channels)

    @property
    def n_locations(self) -> int:
        return self.size[0] * self.size[1]

    def select(self, images: Tensor) -> "Hypercolumns":
        """The hypercolumns of some of the images (indices, (b,))."""
        subset = object.__new__(Hypercolumns)
        subset.size, subset.channels, subset.resizes = self.size, self.channels, self.resizes
        subset.maps = [m[images] for m in self.maps]
        subset.scales = [s[images] for s in self.scales]
        subset.squared_norms = self.squared_norms[images]
        return subset

    def blocks(self, n_vectors: int) -> Iterator[slice]:
        """Blocks of grid rows for which K maps are small. They depend on the grid and on K, not on B."""
        height, width = self.size
        rows = max(1, BLOCK_ELEMENTS // (n_vectors * width))
        return (slice(start, min(start + rows, height)) for start in range(0, height, rows))

    def inner_products(self, vectors: Tensor, rows: slice = slice(None)) -> Tensor:
        """x(p) . v_k for vectors (B, K, n_features): (B, K, rows, W)."""
        total: Tensor | None = None
        for m, resize, scale, vector in zip(
            self.maps, self.resizes, self.scales, vectors.split(self.channels, dim=2), strict=True
        ):
            projected = (vector @ m.flatten(2)).unflatten(2, m.shape[2:])
            term = resize(projected, rows) * scale[:, None, rows]
            total = term if total is None else total.add_(term)
        if total is None:
            raise ValueError("no activations were given")
        return total

    def sums(self, memberships: Tensor, rows: slice = slice(None)) -> Tensor:
        """Sum over p of m_k(p) x(p) for memberships (B, K, rows, W): (B, K, n_features)."""
        parts = []
        for m, resize, scale in zip(self.maps, self.resizes, self.scales, strict=True):
            small = resize.adjoint(memberships * scale[:, None, rows], rows)
            parts.append(small.flatten(2) @ m.flatten(2).mT)
        return torch.cat(parts, dim=2)

    def at(self, locations: Tensor) -> Tensor:
        """The hypercolumns of a few locations: flat indices (B, K) to (B, K, n_features)."""
        row, column = locations // self.size[1], locations % self.size[1]
        parts = []
        for m, resize, scale in zip(self.maps, self.resizes, self.scales, strict=True):
            values = torch.einsum("bchw,bkh,bkw->bkc", m, resize.rows[row], resize.columns[column])
            parts.append(values * scale.flatten(1).gather(1, locations)[:, :, None])
        return torch.cat(parts, dim=2)

    def stored(self) -> Tensor:
        """The columns built the plain way, (B, H * W, n_features): for comparison only, it is large."""
        parts = [
            resize(m) * scale[:, None] for m, resize, scale in zip(self.maps, self.resizes, self.scales, strict=True)
        ]
        return torch.cat(parts, dim=1).flatten(2).mT


def select_depths(activations: Mapping[int, Tensor], depths: Sequence[int]) -> list[Tensor]:
    """The maps of the chosen depths, shallowest first.

    Raises
    ------
    ValueError : no depth, a depth given twice, or one that the network lacks
    """
    if not depths or len(set(depths)) != len(depths):
        raise ValueError(f"depths is {tuple(depths)}: give at least one depth, each once")
    missing = sorted(set(depths) - set(activations))
    if missing:
        raise ValueError(f"depths has {missing[0]}: the activations have depths {sorted(activations)}")
    return [activations[depth] for depth in sorted(depths)]


def _check_norms(norms: Tensor, m: Tensor) -> None:
    if not bool(norms.isfinite().all()):
        number, n = next((number, n) for number, each in enumerate(norms) if (n := int((~each.isfinite()).sum())))
        raise ValueError(
            f"activations of image {number}, {m.shape[1]} channels of {m.shape[2]} x {m.shape[3]}: {n} of the "
            f"{norms[0].numel()} locations have values that are not finite, or too large for float32; look for "
            "weights, or a layer, that give none"
        )


def _norms(m: Tensor, resize: Resize, size: tuple[int, int]) -> Tensor:
    """L2 norm over channels of the resized maps, a few channels and rows at a time: (B, H, W)."""
    squared = torch.empty((len(m), *size)).to(m)
    channels = max(1, min(m.shape[1], BLOCK_ELEMENTS // (size[0] * size[1])))
    rows = max(1, BLOCK_ELEMENTS // (channels * size[1]))
    for start in range(0, size[0], rows):
        block = slice(start, min(start + rows, size[0]))
        squared[:, block] = sum(resize(part, block).square().sum(dim=1) for part in m.split(channels, dim=1))
    return squared.sqrt_()
