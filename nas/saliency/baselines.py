"""The colours of an input, and what it looks like where it is absent."""

import torch
from torch import Tensor

from nas.networks import Classifier

BASELINES = ("black", "white", "zero", "mean")


def pixels(classifier: Classifier, x: Tensor) -> Tensor:
    """Network inputs (B, 3, H, W) back to RGB in [0, 1], of the same shape."""
    mean, std = _normalization(classifier, x)
    return (x * std + mean).clamp(0, 1)


def absent(classifier: Classifier, x: Tensor, baseline: str) -> Tensor:
    """The baseline of inputs x (B, 3, H, W): an input of the same shape that shows nothing.

    "black" and "white" are those colours; "zero" is zero after normalization, the mean colour of the training
    images; "mean" is the mean colour of each image.

    Raises
    ------
    ValueError : any other name
    """
    mean, std = _normalization(classifier, x)
    if baseline == "black":
        return (-mean / std).expand_as(x)
    if baseline == "white":
        return ((1 - mean) / std).expand_as(x)
    if baseline == "zero":
        return torch.zeros_like(x)
    if baseline == "mean":
        return x.mean((2, 3), keepdim=True).expand_as(x)
    raise ValueError(f"baseline is {baseline!r}; give one of {', '.join(BASELINES)}")


def _normalization(classifier: Classifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the classifier's normalization, (3, 1, 1) each."""
    network = classifier.network
    return x.new_tensor(network.mean)[:, None, None], x.new_tensor(network.std)[:, None, None]
