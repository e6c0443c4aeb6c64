"""The ledger of findings made up here."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.claims import claims, ledger
from nas.claims.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, claims_of
from nas.claims.findings import Finding
from nas.claims.ledger import make_ledger, rounded
from nas.statistics.holm import holm_correction

many = settings(max_examples=60, deadline=None, derandomize=True)
KINDS = ["slic.first", "nas_components.first"]
SHARED = {"alpha": 0.05, "least_datasets": 2, "least_networks": 1, "level": 0.9, "seed": 3}
ps, values = st.sampled_from([1e-5, 0.001, 0.02, 0.4, math.nan]), st.sampled_from([-0.3, 0.0, 0.25, math.nan])


@st.composite
def findings(draw):
    """A finding of every claim on two data sets."""
    return [
        Finding(claim.name, dataset, "net", value := draw(values), value - 0.1, value + 0.1, 0.0, draw(ps), 9)
        for dataset in ("one", "two")
        for claim in claims_of(KINDS)
    ]


@many
@given(found=findings())
def test_each_claim_has_its_findings_and_their_common_verdict(found):
    made = make_ledger(found, KINDS, **SHARED)
    text = json.dumps(made, allow_nan=False)
    assert json.loads(text) == made
    assert [claim["name"] for claim in made["claims"]] == [claim.name for claim in claims_of(KINDS)]
    corrected = holm_correction([math.nan if math.isnan(each.value) else each.p for each in found])
    for number, claim in enumerate(made["claims"]):
        places = [number, number + len(made["claims"])]
        assert [each["dataset"] for each in claim["findings"]] == ["one", "two"]
        verdicts = set()
        for place, row in zip(places, claim["findings"], strict=True):
            beyond = found[place].value if claim["greater"] else -found[place].value
            expected = UNDECIDED
            if corrected[place] <= 0.05 and beyond != 0:
                expected = SUPPORTED if beyond > 0 else NOT_SUPPORTED
            assert row["verdict"] == expected
            assert row["p_corrected"] == (None if np.isnan(corrected[place]) else pytest.approx(corrected[place]))
            verdicts |= set() if math.isnan(found[place].value) else {expected}
        everywhere = SUPPORTED if verdicts == {SUPPORTED} else UNDECIDED
        assert claim["verdict"] == (NOT_SUPPORTED if NOT_SUPPORTED in verdicts else everywhere)


@many
@given(found=findings())
def test_across_is_of_localization_in_the_first_kind_of_regions(found):
    made = make_ledger(found, KINDS, **SHARED)
    [claim] = [each for each in made["claims"] if each["name"] == "localization_rises_at_0.7.slic.first"]
    known = [row for row in claim["findings"] if row["value"] is not None]
    across = made["across"]
    assert across["tests"] == across["datasets"] == len(known) and across["regions"] == "slic.first"
    assert across["supported"] == sum(row["verdict"] == SUPPORTED for row in known)
    expected = claim["verdict"] if len(known) == 2 or claim["verdict"] == NOT_SUPPORTED else UNDECIDED
    assert across["verdict"] == expected
    assert "2 data sets and 1 networks" in across["needs"]


def test_no_verdict_depends_on_text(monkeypatch):
    found = [Finding(claim.name, "one", "net", 0.2, 0.1, 0.3, 0.0, 1e-5, 9) for claim in claims_of(KINDS)]
    before = make_ledger(found, KINDS, **SHARED)
    other = tuple(replace(claim, text="It is not so.", statistic="?", figure="?") for claim in claims.CLAIMS)
    monkeypatch.setattr(claims, "CLAIMS", other)
    after = make_ledger(found, KINDS, **SHARED)
    assert {claim["text"] for claim in after["claims"]} == {"It is not so."}
    assert after["across"] == before["across"]
    for key in ("verdict", "findings"):
        assert [claim[key] for claim in after["claims"]] == [claim[key] for claim in before["claims"]]


def test_the_rule_says_alpha_and_the_ledger_what_intervals_are_of():
    made = make_ledger([], KINDS, **SHARED | {"alpha": 0.01})
    assert "p-value of at most 0.01, corrected by Holm" in made["rule"]
    assert (made["level"], made["seed"]) == (0.9, 3)
    assert {claim["verdict"] for claim in made["claims"]} == {UNDECIDED} == {made["across"]["verdict"]}


def test_errors_of_rounding_are_zero_and_small_p_values_stay():
    given = {"value": -2.37e-18, "low": -0.1234567, "high": math.nan, "p": 3e-15, "p_corrected": 2.5e-14, "n": 7}
    expected = {"value": 0.0, "low": -0.123457, "high": None, "p": 3e-15, "p_corrected": 2.5e-14, "n": 7}
    assert rounded(given) == expected and math.copysign(1, ledger.rounded(given)["value"]) == 1
