"""How the intervals of a run are made."""

from typing import NamedTuple


class Resampling(NamedTuple):
    """How an interval is made: its confidence, the resamples of the photos, the seed that draws them."""

    level: float
    n_resamples: int
    seed: int
