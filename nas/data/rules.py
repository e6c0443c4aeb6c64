"""What counts as object where truth is not sharp; each data set is read by those of these rules that its page names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from nas.data.masks import Kind

Edge = Literal["ignored", "object"]


class Agreement(NamedTuple):
    """Shares of annotators: a pixel that at most so many drew is background, one that at least so many drew is object.

    One that more than the first and less than the second drew is disputed, and ignored. Where both are the same, more
    than that share is needed for an object.
    """

    background: float
    object: float


FOUR_OF_FIVE = Agreement(0.25, 0.75)  # at most one of four or five is background, all but one are object


@dataclass(frozen=True)
class Rules:
    """How truth that could be read in several ways is read.

    Attributes
    ----------
    masks : of "folder": what the values of a mask are, see `nas.data.masks`
    agreement : of "cub": whose masks are shares of annotators
    squares : of "stl10": what squares at the edge of an object are, which show background too

    Raises
    ------
    ValueError : shares that are none, or in the wrong order; another kind of masks, or of squares
    """

    masks: Kind = "auto"
    agreement: Agreement = FOUR_OF_FIVE
    squares: Edge = "ignored"

    def __post_init__(self) -> None:
        for name, value in self.agreement._asdict().items():
            if not 0 < value < 1:
                raise ValueError(f"agreement.{name} is {value}: allowed are shares between 0 and 1")
        low, high = self.agreement
        if high < low:
            raise ValueError(
                f"agreement.object is {high}: allowed is no less than agreement.background, which is {low}"
            )
        for name, value, kinds in (("masks", self.masks, Kind), ("squares", self.squares, Edge)):
            if value not in get_args(kinds):
                raise ValueError(f"{name} is {value!r}: allowed are {', '.join(get_args(kinds))}")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Rules":
        """Rules of values as params.yaml has them."""
        values = dict(settings)
        if "agreement" in values:
            values["agreement"] = Agreement(**values["agreement"])
        return cls(**values)


DEFAULT = Rules()
