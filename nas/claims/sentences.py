"""Each verdict as one sentence, made from the numbers."""

import math

from nas.claims.claims import CONTRADICTED, NOT_MEASURED, SUPPORTED
from nas.claims.judging import Judged
from nas.statistics import POWER

MANY = 10**6  # photos, beyond which no number is given


def sentence(judged: Judged) -> str:
    """What was found, what follows, and of an undecided claim what could have been found."""
    found, threshold = judged.found, judged.claim.threshold
    if judged.verdict == NOT_MEASURED:
        return f"Not measured: {judged.missing}."
    null = f"the threshold {judged.null:g}" if threshold else f"{judged.null:g}"
    estimate = f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    photos = f"n = {found.n} photos"
    if judged.verdict in (SUPPORTED, CONTRADICTED):
        side = "above" if found.value > judged.null else "below"
        against = "" if judged.verdict == SUPPORTED else ", the opposite of the claim"
        return f"{estimate} is {side} {null}{against} (p {_p(judged.p_corrected)} after correction, {photos})."
    effect = abs(found.value - judged.null)
    words = f"{estimate} leaves open on which side of {null} the mean is (p {_p(judged.p_corrected)}, {photos})."
    words += f" So many show a distance of {judged.detectable:.3f} in {100 * POWER:g} of 100 repetitions"
    if math.isfinite(judged.needed) and judged.needed <= MANY:
        words += f"; one of {effect:.3f}, as observed, needs about {_rounded(judged.needed)} photos"
    return f"{words}."


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"


def _rounded(number: float) -> str:
    """Two significant digits, of an estimate that is no more precise."""
    digits = max(0, math.floor(math.log10(number)) - 1)
    return f"{round(number, -digits):,.0f}"
