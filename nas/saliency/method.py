"""A saliency method: what is known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

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
