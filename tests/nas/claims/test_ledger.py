"""The ledger of photos made up here."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from nas.claims.cells import Cell
from nas.claims.claims import NOT_MEASURED, claims_of
from nas.claims.judging import judge
from nas.claims.ledger import make_ledger, rounded
from nas.claims.sentences import sentence

KINDS = ["nas_components", "nas_clusters"]
CLAIMS = claims_of(KINDS)
THRESHOLDS = {"consistent_tau": 0.8, "agreeing_tau": 0.5}


def cells(seed=0):
    """Of two data sets, the second of few photos, under two networks, one of which has nothing of some claims."""
    generator = np.random.default_rng(seed)
    return [
        Cell.of(claim.name, dataset, network, pd.Series(generator.normal(0.3, 1, n), range(n)), "")
        if (number + place) % 5
        else Cell(claim.name, dataset, network, missing="<nothing>")
        for number, claim in enumerate(CLAIMS)
        for dataset, n in (("one", 30), ("two", 7))
        for place, network in enumerate(("net", "other"))
    ]


def ledger(given=None, **changed):
    shared = {"alpha": 0.05, "least": (1, 2), "level": 0.9, "seed": 3}
    return make_ledger(cells() if given is None else given, KINDS, THRESHOLDS, **shared | changed)


def test_claims_are_those_that_were_judged_with_their_cells_and_sentences():
    made = ledger()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    judged, across = judge(CLAIMS, cells(), THRESHOLDS, 0.05, 0.9, "localization_rises_at_0.7.nas_components", (1, 2))
    for claim, entry, each in zip(CLAIMS, made["claims"], judged, strict=True):
        assert (entry["name"], entry["verdict"], entry["kind"]) == (claim.name, each.verdict, claim.kind)
        assert entry["sentence"] == sentence(each) and entry["datasets"] == list(each.datasets)
        assert entry["value"] == pytest.approx(each.found.value, rel=1e-5) and entry["n"] == each.found.n
        assert (entry["low"], entry["high"]) == pytest.approx((each.found.low, each.found.high), rel=1e-5)
        assert entry["p_corrected"] == pytest.approx(each.p_corrected, rel=1e-5)
        known = [one.value for _, one in each.cells if one.n]
        assert (entry["least"], entry["greatest"]) == pytest.approx((min(known), max(known)), rel=1e-5)
        assert [(cell["dataset"], cell["network"]) for cell in entry["cells"]] == [
            (dataset, network) for dataset in ("one", "two") for network in ("net", "other")
        ]
        for cell, (of, one) in zip(entry["cells"], each.cells, strict=True):
            assert cell["missing"] == of.missing and (cell["value"] is None) == bool(of.missing)
            assert cell["n"] == one.n
    [row] = made["across"]
    assert row["verdict"] == across.verdict and row["kind"] == "nas_components"
    assert row["needs"] == "data sets: 1, networks: 2" and row["cells"] == across.cells


def test_estimates_are_what_runs_are_compared_by():
    made = ledger()
    for entry in made["claims"]:
        assert made["estimates"][entry["name"]] == {
            key: entry[key] for key in ("verdict", "value", "low", "high", "p", "n")
        }
    assert len(made["estimates"]) == len(made["claims"]) == len(CLAIMS)


def test_the_rule_says_alpha_the_tests_and_what_intervals_are_of():
    [about] = ledger([], alpha=0.01)["about"]
    assert f"p-value of at most 0.01, corrected by Holm over the {len(CLAIMS) + 1} tests here" in about["rule"]
    assert "holds its level from 20 photos" in about["rule"] and (about["level"], about["seed"]) == (0.9, 3)


def test_nothing_is_not_measured():
    made = ledger([])
    assert {claim["verdict"] for claim in made["claims"]} == {NOT_MEASURED} == {made["across"][0]["verdict"]}


def test_a_network_or_a_data_set_more_changes_no_cell_of_the_others():
    some = [cell for cell in cells() if cell.network == "net" and cell.dataset == "one"]
    few, many = ledger(some), ledger()
    for one, other in zip(few["claims"], many["claims"], strict=True):
        assert one["cells"] == other["cells"][:1]


def test_errors_of_rounding_are_zero_and_small_p_values_stay():
    given = {"value": -2.37e-18, "low": -0.1234567, "high": math.nan, "p": 3e-15, "p_corrected": 2.5e-14, "n": 7}
    expected = {"value": 0.0, "low": -0.123457, "high": None, "p": 3e-15, "p_corrected": 2.5e-14, "n": 7}
    assert rounded(given) == expected and math.copysign(1, rounded(given)["value"]) == 1
