"""What a colour, a marker and a dash mean, on every figure alike.

NAS are blue, rivals warm, controls grey. Colours of a kind are apart for readers with deuteranopia and protanopia
too, and kinds differ in markers or dashes, which are there in grey as well. Regions of one method on another grid, or
fewer of them, have its colour and marker, and dots for dashes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from nas.saliency import GAUSSIAN, RAW


class Look(NamedTuple):
    """Of a line: as keywords of matplotlib, see `line_of`."""

    color: str
    marker: str
    linestyle: Any = "-"
    fillstyle: Literal["full", "none"] = "full"


LONG, DOTS, DASHES, MIXED = (0, (7, 2)), (0, (1, 1.2)), (0, (4, 2)), (0, (4, 1.2, 1, 1.2))
# kind of regions, before the variant, and parts that need none
REGIONS: Mapping[str, Look] = {
    RAW: Look("#222222", "x"),
    "nas_clusters": Look("#0072b2", "o"),
    "nas_components": Look("#56b4e9", "s", LONG),
    "slic": Look("#e69f00", "D", DASHES),
    "felzenszwalb": Look("#8c2d04", "^", MIXED),
    "dff": Look("#8fd175", "P", (0, (3, 1, 1, 1, 1, 1))),
    "moved_clusters": Look("#9aa0a8", "v", DOTS),
    "moved_components": Look("#9aa0a8", "h", (0, (1, 2.5))),
    "pixels": Look("#222222", "|"),
    "tiles": Look("#5b6470", "p", (0, (2, 1))),
}
ANOTHER = Look("#5b6470", "1", MIXED)  # regions of the user's own
TUNED = Look("#12355b", "*", (0, (5, 1, 1, 1, 1, 1)))
METHODS: Mapping[str, Look] = {
    "grad_cam": Look("#434bd9", "o"),
    "smoothgrad": Look("#3f8e9f", "s"),
    "integrated_gradients": Look("#855314", "^"),
    "rise": Look("#81c0aa", "D"),
    "lrp": Look("#431a80", "v"),
    "gradient": Look("#9f7d5b", "P"),
    "guided_backprop": Look("#945d6e", "X"),
    "xrai": Look("#54253c", "h"),
    "input_x_gradient": Look("#cdb15f", "<"),
    "cam": Look("#6384f7", ">"),
    "lime": Look("#84bade", "p"),
    "kernel_shap": Look("#512a19", "*"),
    "random": Look("#8a8a8a", "d", DASHES),
    "sobel": Look("#4a4f57", "H", DOTS),
    GAUSSIAN: Look("#c4c8cc", "8", MIXED),
}
OTHERS = ("#222222", "#0072b2", "#e69f00", "#8c2d04")  # of a method of the user's own, that has no look here
MARKERS = "1234+x|_"
VERDICTS: Mapping[str, Look] = {
    "supported": Look("#00695c", "o"),
    "contradicted": Look("#c2410c", "D"),
    "undecided": Look("#8a9099", "o"),
    "not measured": Look("#8a9099", "x"),
}


def of_regions(kind: str) -> Look:
    """The look of `RAW` or METHOD.VARIANT."""
    method, _, variant = kind.partition(".")
    if variant == "tuned":
        return TUNED
    look = REGIONS.get(method.removesuffix("_few"), ANOTHER)
    return look if variant in ("", "first") else look._replace(linestyle=DOTS, fillstyle="none")


def of_kinds(kinds: Sequence[str]) -> dict[str, Look]:
    """The looks of several kinds in one figure; a second one of a method and grid, in another number, is hollow."""
    found: dict[str, Look] = {}
    for kind in kinds:
        look = of_regions(kind)
        found[kind] = look._replace(linestyle=MIXED, fillstyle="none") if look in found.values() else look
    return found


def of_methods(methods: Iterable[str]) -> dict[str, Look]:
    """The look of each saliency method; those without one of their own take the next of `OTHERS`, by name."""
    given = list(dict.fromkeys(methods))
    unknown = sorted(set(given) - set(METHODS))
    own = {
        name: Look(OTHERS[number % len(OTHERS)], MARKERS[number % len(MARKERS)]) for number, name in enumerate(unknown)
    }
    return {method: METHODS.get(method) or own[method] for method in given}


def line_of(look: Look) -> dict[str, Any]:
    """The look as keywords of `Axes.plot`."""
    return look._asdict()
