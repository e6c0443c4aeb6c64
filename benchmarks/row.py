"""A measured row, and how rows are printed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What something takes beside a reference that does the same.

    Attributes
    ----------
    benchmark, case : what was measured
    ours, reference : in `unit`
    unit : of both, such as "s"
    against : what the reference is
    note : what else was seen, such as whether results are equal
    """

    benchmark: str
    case: str
    ours: float
    reference: float
    unit: str
    against: str
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times as much the reference takes."""
        return self.reference / self.ours

    def __str__(self) -> str:
        return (
            f"{self.benchmark:<12} {self.case:<42} {self.ours:>9.3g} {self.reference:>9.3g} {self.unit:<9} "
            f"{self.ratio:>6.2f}  {self.against:<31} {self.note}"
        ).rstrip()


HEAD = (
    f"{'benchmark':<12} {'case':<42} {'ours':>9} {'reference':>9} {'unit':<9} {'ratio':>6}  {'reference is':<31} note"
)
