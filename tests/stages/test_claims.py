"""The ledger from tables made up here, whose effects are known."""

import json

import pytest
import yaml
from claim_tables import KINDS, tables, write_project

from nas.claims.claims import CONTRADICTED, NOT_MEASURED, SUPPORTED, UNDECIDED, claims_of
from stages import claims, params

LEVEL, SEED = 0.9, 3
NETWORKS = ("mobilenet_v2", "efficientnet_lite0")
NAMES = [claim.name for claim in claims_of(KINDS)]


@pytest.fixture
def judge(tmp_path, root, monkeypatch):
    """A function that writes what some networks gave, of effects, and gives the content of claims.json."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/claims.py"])

    def run(*effects, **settings):
        content = yaml.safe_load((root / "params.yaml").read_text())
        content |= {"datasets": ["folder"], "classifiers": list(NETWORKS[: len(effects)]), "seed": SEED}
        content["statistics"] = {"level": LEVEL, "resamples": 2000}
        content["claims"] |= {"regions": KINDS, "alpha": 0.05, "datasets": 1, "networks": 2, **settings}
        content["superpixels"] |= {"sizes": ["first", "image"], "clusters": 5}
        content["classes"]["own_clusters"] = [5, 9]
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        for number, (network, effect) in enumerate(zip(NETWORKS, effects, strict=False)):
            write_project(tmp_path, effect, network, "folder", tables(effect, seed=number))
        params.run(claims.main)
        text = (tmp_path / "reports/claims.json").read_text()
        return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))

    return run


def verdicts(found):
    assert [claim["name"] for claim in found["claims"]] == NAMES
    return {claim["name"]: claim["verdict"] for claim in found["claims"]}


@pytest.mark.parametrize(("effect", "expected"), [(1, SUPPORTED), (-1, CONTRADICTED)])
def test_verdicts_are_those_of_the_effects_in_the_tables(judge, effect, expected):
    found = judge(effect, effect)
    assert set(verdicts(found).values()) == {expected}
    [across] = found["across"]
    assert across.items() >= {"verdict": expected, "cells": 2, "agreeing": 2 * (effect == 1), "datasets": 1}.items()
    assert {(cell["dataset"], cell["network"]) for claim in found["claims"] for cell in claim["cells"]} == {
        ("folder", network) for network in NETWORKS
    }


def test_what_is_not_there_is_undecided(judge):
    found = verdicts(judge(0, 0))
    thresholds = [claim.name for claim in claims_of(KINDS) if claim.threshold]
    assert {verdict for name, verdict in found.items() if name not in thresholds} == {UNDECIDED}


def test_one_network_is_too_few_to_hold_across(judge):
    found = judge(1)
    assert set(verdicts(found).values()) == {SUPPORTED} and found["across"][0]["verdict"] == NOT_MEASURED


def test_thresholds_and_level_are_those_of_the_parameters(judge):
    found = judge(1, consistent_tau=0.25, agreeing_tau=-0.125)
    nulls = {claim["name"]: claim["null"] for claim in found["claims"] if claim["threshold"]}
    assert nulls["lerf_is_inconsistent"] == 0.25 and nulls["semantics_by_hand"] == -0.125
    assert (found["about"][0]["level"], found["about"][0]["seed"]) == (LEVEL, SEED)


def test_the_same_tables_give_the_same_bytes(judge, tmp_path):
    judge(1)
    first = (tmp_path / "reports/claims.json").read_bytes()
    judge(1)
    assert (tmp_path / "reports/claims.json").read_bytes() == first


def test_a_level_that_no_test_can_reach_is_refused_before_anything(judge):
    with pytest.raises(SystemExit, match=r"claims.alpha is 1e-09: allowed is 0\.\d+ or more, since the least number"):
        judge(1, alpha=1e-9)
