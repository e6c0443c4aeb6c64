"""Numbers that can be computed with: finite, and with a square that float32 holds."""

import torch
from torch import Tensor

LARGEST = 1e18


def n_not_usable(values: Tensor) -> int:
    """How many values are NaN, infinite, or beyond `LARGEST`."""
    wide = values.float() if values.is_floating_point() and values.dtype.itemsize < 4 else values  # 1e18 is no float16
    return values.numel() - int(torch.count_nonzero(wide.abs() <= LARGEST))


def check_maps(name: str, maps: Tensor) -> None:
    """Raise ValueError for maps (B, ...) of which one has such values; the line says which, and how many of it."""
    if n_not_usable(maps):
        found = [n_not_usable(each) for each in maps]
        image = next(number for number, n in enumerate(found) if n)
        raise ValueError(
            f"{name} of image {image}: {found[image]} of its {maps[image].numel()} values are not finite or beyond "
            f"{LARGEST:g}; look for weights, or a layer, that give none"
        )
