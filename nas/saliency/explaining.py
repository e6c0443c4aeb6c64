"""A saliency map of any method, by its name."""

from typing import Any

from torch import Tensor

from nas.networks import Classifier
from nas.saliency.methods import entry_of


def explain(
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
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
    target : class index of each image, (B,) int64
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
    return entry_of(method).explain(
        method, classifier, x, target, upsample=upsample, batch_size=batch_size, parameters=parameters
    )
