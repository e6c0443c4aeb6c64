"""The ledger of claims: the rule, each claim with its verdict, and the findings behind it."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nas.claims.claims import claims_of
from nas.claims.findings import ROUNDING, Finding
from nas.claims.testing import LOCALIZATION
from nas.claims.verdicts import decide, holds_everywhere, overall


def make_ledger(
    found: Sequence[Finding],
    regions: Sequence[str],
    alpha: float,
    least_datasets: int,
    least_networks: int,
    level: float,
    seed: int,
) -> dict[str, Any]:
    """The content of claims.json.

    Parameters: `found`, all tests; `regions`, inside which maps were averaged; `alpha`, of the corrected p-values;
    `least_datasets`, `least_networks`, from which on a claim holds across them.
    """
    decided = decide(found, claims_of(regions), alpha)
    claims: list[dict[str, Any]] = []
    for claim in claims_of(regions):
        of_claim = [finding for finding in decided if finding.claim == claim.name]
        tests = [rounded(asdict(finding)) for finding in of_claim]
        claims.append({**asdict(claim), "verdict": overall(of_claim), "findings": tests})
    first = regions[0]
    high = [finding for finding in decided if finding.claim == f"{LOCALIZATION[0]}.{first}"]
    return {
        "rule": (
            f"beyond the null value on the claimed side with a p-value of at most {alpha:g}, corrected by "
            "Holm over all tests here: supported; on the other side: not supported; else undecided. Over data sets "
            "and networks: supported if all are that could be measured, not supported if one is, else undecided."
        ),
        "level": level,
        "seed": seed,
        "claims": claims,
        "across": {
            "name": "holds_across",
            "text": "Localization at IoU 0.7 rises across data sets and networks.",
            "regions": first,
            "needs": f"{least_datasets} data sets and {least_networks} networks",
            "figure": "table1",
            **holds_everywhere(high, least_datasets, least_networks),
        },
    }


def rounded(finding: dict[str, Any]) -> dict[str, Any]:
    """Six significant digits; what is not known is null.

    All but p-values, which may be as small as they are, are averages of numbers near 1: below `ROUNDING` they are 0 and
    an error of it.
    """

    def one(key: str, value: float) -> float | None:
        if math.isnan(value):
            return None
        return 0.0 if abs(value) < ROUNDING and not key.startswith("p") else float(f"{value:.6g}")

    return {key: one(key, value) if isinstance(value, float) else value for key, value in finding.items()}
