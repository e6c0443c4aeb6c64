"""What `explain` is given, checked before any work is done."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nas.networks import LARGEST, Classifier, OfModules, n_not_usable, structure_of
from nas.saliency.parameters import check_values
from nas.superpixels import regions

_n_classes: OfModules[int] = OfModules(structure_of)


def check_inputs(classifier: Classifier, x: Tensor, target: Tensor, batch_size: int) -> None:
    """Raise a ValueError unless `explain` can work with these."""
    if x.ndim != 4 or x.shape[1] != 3 or x.numel() == 0 or not x.is_floating_point():
        raise ValueError(f"x has shape {tuple(x.shape)} and dtype {x.dtype}; give float images (B, 3, H, W), B >= 1")
    if n_not_usable(x):
        image = next(number for number, each in enumerate(x) if n_not_usable(each))
        raise ValueError(f"x has values in image {image} that are not finite or beyond {LARGEST:g}; give a real image")
    if target.shape != x.shape[:1] or target.is_floating_point() or target.dtype == torch.bool:
        raise ValueError(
            f"target has shape {tuple(target.shape)} and dtype {target.dtype}; give one class index for each of the "
            f"{len(x)} images, int64 of shape ({len(x)},)"
        )
    if classifier.module.training:
        raise ValueError(f"classifier {classifier.name!r} is in training mode; call classifier.module.eval() first")
    with torch.no_grad():
        n_classes = _n_classes.get(classifier.module, lambda: classifier.logits(x[:1]).shape[1])
    if target.min() < 0 or target.max() >= n_classes:
        wrong = next(index for index in target.tolist() if not 0 <= index < n_classes)
        raise ValueError(f"target holds {wrong}, but {classifier.name!r} has classes 0 to {n_classes - 1}")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; give a whole number of images, 1 or more")


def settings(
    method: str, defaults: Mapping[str, Any], needs_regions: bool, given: Mapping[str, Any], x: Tensor
) -> dict[str, Any]:
    """Parameters of a method: the defaults, replaced by what was given and checked."""
    numbers = {name: value for name, value in given.items() if name != "regions" or not needs_regions}
    check_values(method, defaults, numbers)
    chosen = {**defaults, **given}
    if needs_regions:
        if given.get("regions") is None:
            raise ValueError(f"{method} needs regions: give a region map (B, H, W), such as nas.superpixels.slic makes")
        chosen["regions"] = _check_regions(given["regions"], x)
    return chosen


def _check_regions(given: Any, x: Tensor) -> Tensor:
    """Region maps as an int64 tensor on the device of x."""
    ids = regions.check(given.cpu() if isinstance(given, Tensor) else given)
    if ids.shape != (len(x), *x.shape[2:]):
        raise ValueError(
            f"regions has shape {ids.shape}; give one region map for each image of x, shape {(len(x), *x.shape[2:])}"
        )
    return torch.from_numpy(ids).to(x.device)
