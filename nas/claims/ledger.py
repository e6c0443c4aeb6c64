"""The ledger of claims: the rule, each claim with its estimate, verdict and sentence, and the cells behind it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nas.claims.cells import Cell
from nas.claims.claims import AVERAGED, OVER, claims_of
from nas.claims.judging import Across, Judged, judge
from nas.claims.sentences import sentence
from nas.statistics import LEAST_PHOTOS, ROUNDING, Pooled


def make_ledger(
    cells: Sequence[Cell],
    kinds: Sequence[str],
    thresholds: Mapping[str, float],
    alpha: float,
    least: tuple[int, int],
    level: float,
    seed: int,
) -> dict[str, Any]:
    """The content of claims.json.

    Parameters: `cells`, of every claim; `kinds`, of NAS; `thresholds`, null values that were chosen; `alpha`, of the
    corrected p-values; `least`, data sets and networks from which on a claim holds across them.
    """
    everywhere = f"{AVERAGED[0].name}.{kinds[0]}"
    judged, across = judge(claims_of(kinds), cells, thresholds, alpha, level, everywhere, least)
    entries = [_entry(each) for each in judged]
    return {
        "estimates": {
            entry["name"]: {key: entry[key] for key in ("verdict", "value", "low", "high", "p", "n")}
            for entry in entries
        },
        "about": [{"rule": _rule(alpha, len(entries) + 1), "level": level, "seed": seed}],
        "claims": entries,
        "across": [_across(across, kinds[0], least)],
    }


def _rule(alpha: float, n_tests: int) -> str:
    return (
        "The unit is the photo; its value is the mean over networks, and data sets weigh the same. The test of the "
        f"mean holds its level from {LEAST_PHOTOS} photos of a data set on (Student's t and Hall's transformation of "
        "it, of which the larger p-value counts); a data set of fewer takes no part, and a claim without one is not "
        f"measured. Beyond the null value on the claimed side with a p-value of at most {alpha:g}, corrected by Holm "
        f"over the {n_tests} tests here: supported; on the other side: contradicted; else undecided."
    )


def _entry(judged: Judged) -> dict[str, Any]:
    values = [one.value for _, one in judged.cells if one.n]
    found = {
        "null": judged.null,
        **_estimate(judged.found),
        "p": judged.found.p,
        "p_corrected": judged.p_corrected,
        "detectable": judged.detectable,
        "needed": judged.needed if math.isfinite(judged.needed) else math.nan,
        "least": min(values, default=math.nan),
        "greatest": max(values, default=math.nan),
        "i2": judged.i2,
    }
    cells = [
        {"dataset": cell.dataset, "network": cell.network, **rounded(_estimate(one)), "missing": cell.missing}
        for cell, one in judged.cells
    ]
    words = {"over_text": OVER.get(judged.claim.over, ""), "sentence": sentence(judged), "missing": judged.missing}
    return {
        **asdict(judged.claim),
        **words,
        "verdict": judged.verdict,
        **rounded(found),
        "datasets": list(judged.datasets),
        "cells": cells,
    }


def _estimate(found: Pooled) -> dict[str, Any]:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


def _across(across: Across, kind: str, least: tuple[int, int]) -> dict[str, Any]:
    return {
        "name": "holds_across",
        "text": "Localization at IoU 0.7 rises in every data set under every network.",
        "kind": kind,
        "needs": f"data sets: {least[0]}, networks: {least[1]}",
        "figure": "table1",
        **rounded(asdict(across)),
    }


def rounded(found: dict[str, Any]) -> dict[str, Any]:
    """Six significant digits; what is not known is null.

    All but p-values, which may be as small as they are, are averages of numbers near 1: below `ROUNDING` they are 0 and
    an error of it.
    """

    def one(key: str, value: float) -> float | None:
        if math.isnan(value):
            return None
        return 0.0 if abs(value) < ROUNDING and not key.startswith("p") else float(f"{value:.6g}")

    return {key: one(key, value) if isinstance(value, float) else value for key, value in found.items()}
