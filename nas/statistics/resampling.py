"""How the intervals and the tests of a run are made."""

from typing import NamedTuple

# photos of a data set from which on the level holds: of 40,000 samples without an effect at most 5.5 of 100 are
# rejected at 0.05, and at 0.05 / 36 at most twice as many as that, for values that are normal, in fifths, of 3 degrees
# of freedom, exponential, or as skewed as shares of a mean of 1/7; see tests/nas/statistics/test_pooled.py
LEAST_PHOTOS = 20
POWER = 0.8
ROUNDING = 1e-12  # averages of numbers near 1 that differ by less are the same


class Resampling(NamedTuple):
    """How an interval is made: its confidence, the resamples of the photos, the seed that draws them."""

    level: float
    n_resamples: int
    seed: int
