"""From p-values to verdicts: the rule, the same for every claim."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nas.claims.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Claim
from nas.claims.findings import Finding
from nas.statistics import holm_correction


def decide(tests: Sequence[Finding], claims: Sequence[Claim], alpha: float) -> list[Finding]:
    """The tests with corrected p-values and verdicts; those without a value are undecided and do not count."""
    greater = {claim.name: claim.greater for claim in claims}
    corrected = holm_correction([math.nan if math.isnan(test.value) else test.p for test in tests])
    decided = []
    for test, p in zip(tests, corrected.tolist(), strict=True):
        beyond = test.value - test.null
        verdict = UNDECIDED
        if p <= alpha and beyond != 0:
            verdict = SUPPORTED if (beyond > 0) == greater[test.claim] else NOT_SUPPORTED
        decided.append(replace(test, p_corrected=p, verdict=verdict))
    return decided


def overall(tests: Sequence[Finding]) -> str:
    """The verdict on a claim over all data sets and networks.

    Supported if every test that could be measured is, not supported if one is, else undecided.
    """
    verdicts = {test.verdict for test in measured(tests)}
    if NOT_SUPPORTED in verdicts:
        return NOT_SUPPORTED
    return SUPPORTED if verdicts == {SUPPORTED} else UNDECIDED


def measured(tests: Sequence[Finding]) -> list[Finding]:
    """The tests that have a value."""
    return [test for test in tests if not math.isnan(test.value)]


def holds_everywhere(tests: Sequence[Finding], least_datasets: int, least_networks: int) -> dict[str, Any]:
    """The claim that results hold across data sets and networks, from the verdicts on others.

    Supported if every test that could be measured is, on at least so many data sets and networks; not supported if
    one is not; else undecided.
    """
    known = measured(tests)
    datasets, networks = ({getattr(test, axis) for test in known} for axis in ("dataset", "network"))
    verdict = overall(known)
    if verdict == SUPPORTED and (len(datasets) < least_datasets or len(networks) < least_networks):
        verdict = UNDECIDED
    supported = sum(test.verdict == SUPPORTED for test in known)
    return {
        "verdict": verdict,
        "tests": len(known),
        "supported": supported,
        "datasets": len(datasets),
        "networks": len(networks),
    }
