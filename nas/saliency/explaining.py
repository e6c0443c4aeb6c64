"""A saliency map of any method, by its name."""

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from nas.networks import Classifier, evaluating
from nas.saliency.arguments import check_inputs, settings
from nas.saliency.method import Method
from nas.saliency.methods import entry_of


def explain(
    classifier: Classifier,
    x: Tensor,
    target: Tensor | int,
    method: str = "grad_cam",
    *,
    upsample: bool = True,
    batch_size: int = 16,
    **parameters: Any,
) -> Tensor:
    """Saliency maps of images for given classes.

    The map of an image does not depend on the other images of the batch, on its place there, or, but for rounding,
    on `batch_size`. The classifier is left as it was.

    Parameters
    ----------
    x : normalized images (B, 3, H, W), what `classifier.preprocess` returns
    target : class index of each image, (B,) int64, or one for all
    method : a key of `METHODS`
    upsample : whether maps of kind "activation" are resized, bilinear, to (H, W); False keeps their own size
    batch_size : number of images, or of perturbed images, per pass through the network
    parameters : of the method, in place of `METHODS[method].defaults`. "lime" and "kernel_shap" ask for `regions`,
        a region map (B, H, W) with ids contiguous from 0 in each image, see `nas.superpixels.regions`.

    Returns
    -------
    (B, H, W) float32, or (B, h, w) with `upsample=False`, on the device of x.

    Raises
    ------
    ValueError : an unknown method or parameter, one that the network does not allow, or inputs that do not fit

    Examples
    --------
    >>> import torch
    >>> from nas.networks import Classifier, build, find_network
    >>> classifier = Classifier("resnet18", build(find_network("resnet18")), find_network("resnet18"))
    >>> x, cat = torch.zeros(1, 3, 64, 64), torch.tensor([285])
    >>> explain(classifier, x, cat, "smoothgrad", n_samples=5).shape
    torch.Size([1, 64, 64])
    >>> explain(classifier, x, cat, "grad_cam", upsample=False).shape
    torch.Size([1, 2, 2])
    """
    if not isinstance(target, Tensor):
        target = torch.full((len(x),), operator.index(target))
    return explain_by(
        entry_of(method), method, classifier, x, target, upsample=upsample, batch_size=batch_size, parameters=parameters
    )


def explain_by(
    method: Method,
    name: str,
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
    *,
    upsample: bool = True,
    batch_size: int = 16,
    parameters: Mapping[str, Any],
) -> Tensor:
    """Saliency maps by a method, see `explain`; `name`, of the method, is for errors."""
    if not upsample and method.kind != "activation":
        raise ValueError(f"upsample is False, but {name} makes maps of the size of the input; leave it out")
    check_inputs(classifier, x, target, batch_size)
    chosen = settings(name, method.defaults, method.needs_regions, parameters, x)
    with torch.inference_mode(False), torch.enable_grad(), evaluating(classifier.module):
        # a copy of its own, as gradients cannot be taken of a tensor made in inference mode
        images, labels = x.detach().clone(), target.detach().to(x.device, copy=True)
        maps: Tensor = (
            method.function(classifier, images, labels, batch_size=batch_size, **chosen).detach().to(x.device)
        )
    maps = maps.to(torch.float32)
    if upsample and maps.shape[1:] != x.shape[2:]:
        maps = interpolate(maps[:, None], size=x.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return maps
