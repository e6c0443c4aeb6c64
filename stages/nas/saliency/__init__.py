"""Saliency: one map per image that says where a classifier found evidence for a class.

`explain` runs any method of the table `METHODS`. A map is *signed* where negative values speak against the class.
Attributions of the three channels become one map by the rule that the method's own docstring states and cites.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from nas.classifiers import Classifier
from nas.saliency import activation_maps, controls, gradients, perturbation, propagation
from nas.saliency.arguments import check_inputs, check_values, settings
from nas.saliency.xrai import xrai

__all__ = ["METHODS", "Method", "check_parameters", "explain", "possible"]

Kind = Literal["gradient", "activation", "propagation", "perturbation", "region", "control"]


@dataclass(frozen=True)
class Method:
    """A saliency method.

    Attributes
    ----------
    function : (classifier, x, target, *, batch_size, **parameters) to maps (B, H, W), or (B, h, w) if `kind` is
        "activation"
    source : authors and year of the paper
    signed : whether values below zero speak against the class
    kind : "gradient", "activation", "propagation", "perturbation", "region" or "control"
    defaults : parameters and their default values
    needs_regions : whether it also takes `regions`, a region map per image
    """

    function: Callable[..., Tensor]
    source: str
    signed: bool
    kind: Kind
    defaults: Mapping[str, Any] = field(default_factory=dict)
    needs_regions: bool = False


METHODS: dict[str, Method] = {
    "gradient": Method(gradients.gradient, "Simonyan et al. 2013", False, "gradient"),
    "input_x_gradient": Method(gradients.input_x_gradient, "Shrikumar et al. 2016", True, "gradient"),
    "integrated_gradients": Method(
        gradients.integrated_gradients,
        "Sundararajan et al. 2017",
        True,
        "gradient",
        {"n_steps": 50, "baseline": "black"},
    ),
    "smoothgrad": Method(
        gradients.smoothgrad,
        "Smilkov et al. 2017",
        False,
        "gradient",
        {"n_samples": 50, "noise_level": 0.15, "seed": 0},
    ),
    "guided_backprop": Method(propagation.guided_backprop, "Springenberg et al. 2015", True, "propagation"),
    "lrp": Method(
        propagation.lrp,
        "Bach et al. 2015",
        True,
        "propagation",
        {"composite": "epsilon_plus_flat", "epsilon": 1e-6},
    ),
    "grad_cam": Method(activation_maps.grad_cam, "Selvaraju et al. 2017", False, "activation", {"relu": True}),
    "cam": Method(activation_maps.cam, "Zhou et al. 2016", True, "activation"),
    "rise": Method(
        perturbation.rise,
        "Petsiuk et al. 2018",
        False,
        "perturbation",
        {"n_masks": 1000, "grid": 7, "keep": 0.5, "output": "probability", "seed": 0},
    ),
    "lime": Method(
        perturbation.lime,
        "Ribeiro et al. 2016",
        True,
        "region",
        {
            "n_samples": 500,
            "baseline": "mean",
            "output": "probability",
            "kernel_width": 0.25,
            "alpha": 1.0,
            "seed": 0,
        },
        needs_regions=True,
    ),
    "kernel_shap": Method(
        perturbation.kernel_shap,
        "Lundberg and Lee 2017",
        True,
        "region",
        {"n_samples": 500, "baseline": "mean", "output": "probability", "seed": 0},
        needs_regions=True,
    ),
    "xrai": Method(
        xrai,
        "Kapishnikov et al. 2019",
        True,
        "region",
        {
            "n_steps": 50,
            "scales": (50, 100, 150, 250, 500, 1200),
            "sigma": 0.8,
            "min_size": 150,
            "dilation": 5,
            "min_gain": 50,
        },
    ),
    "random": Method(controls.random, "control", False, "control", {"seed": 0}),
    "sobel": Method(controls.sobel, "control, as in Adebayo et al. 2018", False, "control"),
}


def check_parameters(parameters: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise a ValueError unless `explain` takes these parameters: of methods, by name and value, without regions."""
    for method, given in parameters.items():
        check_values(method, entry_of(method).defaults, given)


def entry_of(method: str) -> Method:
    """The entry of a method in the table. Raises ValueError for one that is not there."""
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown: give one of {', '.join(METHODS)}")
    return METHODS[method]


def possible(classifier: Classifier, methods: Sequence[str]) -> list[str]:
    """The methods that the network can do; a line on stderr says why another is left out."""
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise ValueError(f"saliency.methods has {unknown[0]!r}: allowed are {', '.join(METHODS)}")
    # noise, as a network can do with a blank picture what it cannot do with others
    noise = np.random.default_rng(0).integers(0, 256, (1, classifier.size, classifier.size, 3), np.uint8)
    x, target = classifier.normalize(noise), torch.zeros(1, dtype=torch.int64)
    kept = []
    for method in methods:
        if METHODS[method].kind in ("activation", "propagation"):
            try:
                explain(classifier, x, target, method)
            except ValueError as error:
                print(f"{classifier.name}: {method} is left out: {error}", file=sys.stderr)
                continue
        kept.append(method)
    return kept


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
        a region map (B, H, W) with ids contiguous from 0 in each image, see `nas.regions`.

    Returns
    -------
    (B, H, W) float32, or (B, h, w) with `upsample=False`, on the device of x.

    Raises
    ------
    ValueError : an unknown method or parameter, one that the network does not allow, or inputs that do not fit

    Examples
    --------
    >>> from nas.classifiers import build, recipe
    >>> classifier = Classifier("resnet18", build(recipe("resnet18")), recipe("resnet18"))
    >>> x, cat = torch.zeros(1, 3, 64, 64), torch.tensor([285])
    >>> explain(classifier, x, cat, "smoothgrad", n_samples=5).shape
    torch.Size([1, 64, 64])
    >>> explain(classifier, x, cat, "grad_cam", upsample=False).shape
    torch.Size([1, 2, 2])
    """
    entry = entry_of(method)
    if not upsample and entry.kind != "activation":
        raise ValueError(f"upsample is False, but {method} makes maps of the size of the input; leave it out")
    check_inputs(classifier, x, target, batch_size)
    chosen = settings(method, entry.defaults, entry.needs_regions, parameters, x)
    with torch.inference_mode(False), torch.enable_grad():
        # a copy of its own, as gradients cannot be taken of a tensor made in inference mode
        images, labels = x.detach().clone(), target.detach().to(x.device, copy=True)
        maps = entry.function(classifier, images, labels, batch_size=batch_size, **chosen).detach().to(x.device)
    maps = maps.to(torch.float32)
    if upsample and maps.shape[1:] != x.shape[2:]:
        maps = interpolate(maps[:, None], size=x.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return maps
