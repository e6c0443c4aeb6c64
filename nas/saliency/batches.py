"""A few images at a time."""

from collections.abc import Iterator

from torch import Tensor


def batches(batch_size: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Slices of at most `batch_size` along the first axis of tensors of equal length."""
    for start in range(0, len(tensors[0]), batch_size):
        yield tuple(tensor[start : start + batch_size] for tensor in tensors)
