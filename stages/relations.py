"""What the sections of params.yaml may name of each other: methods, regions, orders and groups that others make."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from nas.scoremaps import GAUSSIAN

if TYPE_CHECKING:
    from params import Parameters

# what the stage superpixels makes on each grid
SEGMENTATIONS = ("nas_clusters", "nas_components", "slic", "felzenszwalb")


class Rule(NamedTuple):
    """What a key may name.

    Attributes
    ----------
    key : of a name, of a list of names or of a mapping by name
    allowed : from all parameters to the names; None where any may be given
    remedy : what makes another name allowed
    """

    key: str
    allowed: "Callable[[Parameters], Sequence[str] | None]"
    remedy: str


def regions(parameters: "Parameters") -> list[str]:
    """METHOD.GRID of every label map that the stage superpixels makes."""
    settings = parameters.superpixels
    grids = [str(size) for size in settings.sizes] + ([] if settings.tuned is None else ["tuned"])
    return [f"{method}.{grid}" for grid in grids for method in SEGMENTATIONS]


def orders(parameters: "Parameters") -> list[str]:
    """The parts of a photo that can be removed whole."""
    return ["pixels", "tiles", *regions(parameters)]


SEGMENTED = "set superpixels.sizes or superpixels.tuned so that it is made"
RULES = (
    Rule("saliency.parameters", lambda p: p.saliency.methods, "add it to saliency.methods"),
    Rule("saliency.regions", regions, SEGMENTED),
    Rule("localization.methods", lambda p: p.saliency.methods, "add it to saliency.methods"),
    Rule("localization.regions", regions, SEGMENTED),
    Rule("relevance.methods", lambda p: p.saliency.methods, "add it to saliency.methods"),
    Rule("relevance.least.orders", orders, SEGMENTED),
    Rule("relevance.most.orders", orders, SEGMENTED),
    Rule("semantics.methods", lambda p: p.saliency.methods, "add it to saliency.methods"),
    Rule("semantics.regions", regions, SEGMENTED),
    Rule("claims.regions", lambda p: p.localization.regions, "add it to localization.regions"),
    Rule("single_and_class.group", lambda p: p.classes.groups, "add it to classes.groups"),
    Rule("few_labels.group", lambda p: p.classes.groups, "add it to classes.groups"),
    Rule("contrast.methods", lambda p: p.saliency.methods, "add it to saliency.methods"),
    Rule("contrast.regions", regions, SEGMENTED),
    Rule("high_iou.methods", lambda p: [*p.localization.methods, GAUSSIAN], "add it to localization.methods"),
    Rule("high_iou.regions", lambda p: ["raw", *p.localization.regions], "add it to localization.regions"),
    Rule("relevance_curves.methods", lambda p: p.relevance.methods, "add it to relevance.methods"),
    Rule("relevance_curves.orders", lambda p: p.relevance.least.orders, "add it to relevance.least.orders"),
    Rule(
        "relevance_curves.replacement",
        lambda p: p.relevance.least.replacements,
        "add it to relevance.least.replacements",
    ),
)


def check(parameters: "Parameters") -> None:
    """Hold every rule.

    Raises
    ------
    ValueError : one line with the key, the name that nothing makes, and those that are made
    """
    for rule in RULES:
        allowed, value = rule.allowed(parameters), attrgetter(rule.key)(parameters)
        named, remedy = ([value], "correct it") if isinstance(value, str) else (value, "correct or remove it")
        for name in named:
            if allowed is not None and name not in allowed:
                raise ValueError(
                    f"{rule.key} has {name!r}: allowed are {', '.join(allowed)}; {remedy}, or {rule.remedy}"
                )
    for method, given in parameters.saliency.parameters.items():
        if "seed" in given:
            raise ValueError(
                f"saliency.parameters.{method}.seed is {given['seed']!r}: the key seed is for every random choice; "
                "remove this one"
            )
