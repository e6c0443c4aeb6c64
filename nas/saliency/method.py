"""A saliency method: what is known of it, and its maps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from nas.networks import Classifier
from nas.saliency.arguments import check_inputs, settings

Kind = Literal["gradient", "activation", "propagation", "perturbation", "region", "control"]
Passes = Callable[[int, int], int]


@dataclass(frozen=True)
class Method:
    """A saliency method.

    Attributes
    ----------
    title : to print
    source : authors and year of the paper
    kind : "gradient", "activation", "propagation", "perturbation", "region" or "control"
    place : module of this package and function, (classifier, x, target, *, batch_size, **parameters) to maps
        (B, H, W), or (B, h, w) if `kind` is "activation"; imported when it is used
    signed : whether values below zero speak against the class
    defaults : parameters and their default values
    needs_regions : whether it also takes `regions`, a region map per image
    count : the parameter that says how often the network is run; "" where there is none
    passes : images for a map that pass through the network, from that count and a number of regions
    gradient : whether each of them asks for a gradient
    """

    title: str
    source: str
    kind: Kind
    place: str
    signed: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
    needs_regions: bool = False
    count: str = ""
    passes: Passes = lambda count, n_regions: count
    gradient: bool = True

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        module, name = self.place.split(".")
        found: Callable[..., Any] = getattr(import_module(f"{__package__}.{module}"), name)
        return found

    @property
    def fingerprint(self) -> list[Any]:
        """What maps depend on: not how the method is called, nor what it costs."""
        return [self.kind, self.function, self.defaults, self.needs_regions, self.count]

    def explain(
        self,
        name: str,
        classifier: Classifier,
        x: Tensor,
        target: Tensor,
        *,
        upsample: bool = True,
        batch_size: int = 16,
        parameters: Mapping[str, Any],
    ) -> Tensor:
        """Saliency maps by this method, see `nas.saliency.explain`; `name`, of the method, is for errors."""
        if not upsample and self.kind != "activation":
            raise ValueError(f"upsample is False, but {name} makes maps of the size of the input; leave it out")
        check_inputs(classifier, x, target, batch_size)
        chosen = settings(name, self.defaults, self.needs_regions, parameters, x)
        with torch.inference_mode(False), torch.enable_grad():
            # a copy of its own, as gradients cannot be taken of a tensor made in inference mode
            images, labels = x.detach().clone(), target.detach().to(x.device, copy=True)
            maps: Tensor = (
                self.function(classifier, images, labels, batch_size=batch_size, **chosen).detach().to(x.device)
            )
        maps = maps.to(torch.float32)
        if upsample and maps.shape[1:] != x.shape[2:]:
            maps = interpolate(maps[:, None], size=x.shape[2:], mode="bilinear", align_corners=False)[:, 0]
        return maps
