"""The ledger from tables made up here, whose effects are known."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import yaml
from claim_tables import IDS, KIND, SEMANTICS, N, tables
from scipy import stats

import nas.claims.claims
from nas.claims.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED
from nas.claims.ledger import rounded
from nas.saliency.methods import CONTROLS
from nas.statistics.holm import holm_correction
from nas.store.tables import write_table
from stages import claims, params

LEVEL, SEED = 0.9, 3
NETWORKS = ("mobilenet_v2", "efficientnet_lite0")
NAMES = [
    *("regions_isolate_objects", "shallow_follows_edges", "single_and_class_agree"),
    *(f"{name}.{KIND}" for name in ("localization_rises_at_0.7", "localization_rises_at_0.9", "contrast_rises")),
    *("lerf_is_inconsistent", "semantics_need_few_labels", "semantics_by_hand"),
]


@pytest.fixture
def judge(tmp_path, root, monkeypatch):
    """A function that writes the tables of some networks and gives the content of claims.json."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/claims.py"])

    def run(*of_networks, **settings):
        content = yaml.safe_load((root / "params.yaml").read_text())
        content |= {"datasets": ["folder"], "classifiers": list(NETWORKS[: len(of_networks)]), "seed": SEED}
        content["statistics"] = {"level": LEVEL, "resamples": 2000}
        content["claims"] |= {"regions": [KIND], "alpha": 0.05, "datasets": 1, "networks": 2, **settings}
        content["superpixels"] |= {"sizes": ["first", "image"], "clusters": 5}
        content["classes"]["own_clusters"] = [5, 9]
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        for network, found in zip(NETWORKS, of_networks, strict=False):
            for (stage, name), table in found.items():
                folder = "data/statistics" if name == "summary" else "data"
                write_table(table, tmp_path / folder / stage / "folder" / network / f"{name}.parquet")
        params.run(claims.main)
        text = (tmp_path / "reports/claims.json").read_text()
        return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))

    return run


def verdicts(found):
    return {claim["name"]: claim["verdict"] for claim in found["claims"]}


def findings(found, name):
    return next(claim["findings"] for claim in found["claims"] if claim["name"] == name)


@pytest.mark.parametrize(("effect", "expected"), [(1, SUPPORTED), (-1, NOT_SUPPORTED), (0, UNDECIDED)])
def test_verdicts_are_those_of_the_effects_in_the_tables(judge, effect, expected):
    found = judge(tables(effect), tables(effect, seed=1))
    known = verdicts(found)
    assert set(known) == set(NAMES)
    if effect == -1:  # shifts of a clustering tell of agreement, and not of less than chance
        assert known.pop("single_and_class_agree") == UNDECIDED
    assert set(known.values()) == {expected}
    across = {"verdict": expected, "tests": 2, "supported": 2 * (effect == 1), "datasets": 1, "networks": 2}
    assert found["across"].items() >= across.items()


def test_every_finding_has_its_statistic(judge):
    given = tables(1)
    found = judge(given)
    values = {name: findings(found, name) for name in NAMES}
    assert all(len(each) == 1 for each in values.values())
    wide = given["superpixels", "table"].query("variant == 'first'").pivot(index="id", columns="method", values=
                                               "achievable_segmentation_accuracy")  # fmt: skip
    own = given["classes", "table"].query("own_k == 5")
    real = given["localization", "table"].query("method not in @CONTROLS")
    contrast = real.pivot_table(index="id", columns="regions", values="auroc")
    expected = {
        "regions_isolate_objects": (wide["nas_components"] - wide["slic"]).mean(),
        "shallow_follows_edges": -1,
        "single_and_class_agree": own["adjusted_rand_index_above_chance"].mean(),
        f"contrast_rises.{KIND}": (contrast[KIND] - contrast["raw"]).mean(),
        f"localization_rises_at_0.7.{KIND}": 0.1,
        f"localization_rises_at_0.9.{KIND}": 0.1,
        "lerf_is_inconsistent": (-1 + 1 - 1) / 3,
        "semantics_need_few_labels": 1,
        "semantics_by_hand": 1,
    }
    nulls = {"lerf_is_inconsistent": 0.8, "semantics_need_few_labels": 0.5, "semantics_by_hand": 0.5}
    for name, value in expected.items():
        row = values[name][0]
        assert row["value"] == pytest.approx(value, abs=1e-5), name
        assert row["low"] <= row["value"] <= row["high"] and (row["n"], row["null"]) == (N, nulls.get(name, 0))
    flips = 2 / 2**N  # all differences are above 0
    assert values["regions_isolate_objects"][0]["p"] == pytest.approx(flips, rel=1e-4)
    fisher = stats.chi2.sf(-2 * N * np.log(0.05), 2 * N)
    assert values["single_and_class_agree"][0]["p"] == pytest.approx(2 * fisher, rel=1e-4)
    assert values["lerf_is_inconsistent"][0]["p"] == pytest.approx(2 / 2001, rel=1e-4)


def test_p_values_of_all_networks_are_corrected_together(judge):
    found = judge(tables(1), tables(0))
    rows = [row for claim in found["claims"] for row in claim["findings"]]
    assert len(rows) == 2 * len(NAMES)
    ps, corrected = ([np.nan if row[key] is None else row[key] for row in rows] for key in ("p", "p_corrected"))
    assert np.isnan(ps).sum() == 3  # one setting of LeRF agrees with no other, and without tags nothing is scored
    np.testing.assert_allclose(corrected, holm_correction(ps), rtol=1e-4)
    assert set(verdicts(found).values()) == {UNDECIDED, SUPPORTED}  # by the network that could be measured
    assert {row["verdict"] for row in rows if row["network"] == NETWORKS[0]} == {SUPPORTED}


def test_no_verdict_depends_on_text(judge, monkeypatch):
    given = tables(1), tables(-1)
    before = judge(*given)
    other = tuple(replace(claim, text="It is not so.", statistic="?", figure="?") for claim in nas.claims.claims.CLAIMS)
    monkeypatch.setattr(nas.claims.claims, "CLAIMS", other)
    after = judge(*given)
    assert {claim["text"] for claim in after["claims"]} == {"It is not so."}
    assert verdicts(after) == verdicts(before) and after["across"] == before["across"]
    assert [claim["findings"] for claim in after["claims"]] == [claim["findings"] for claim in before["claims"]]


def test_the_same_tables_give_the_same_bytes(judge, tmp_path):
    judge(tables(1))
    first = (tmp_path / "reports/claims.json").read_bytes()
    judge(tables(1))
    assert (tmp_path / "reports/claims.json").read_bytes() == first


def without(given, *names, **replaced):
    """The tables, some without rows."""
    return {key: table.iloc[:0] if key in names else table for key, table in given.items()} | replaced


UNMEASURED = {
    "no boxes": (
        lambda given: without(given, ("localization", "summary")),
        [f"localization_rises_at_{iou}.{KIND}" for iou in ("0.7", "0.9")],
    ),
    "no masks": (
        lambda given: {
            key: table.iloc[:0] if key in (("localization", "table"), ("semantics", "table")) else
            table.assign(achievable_segmentation_accuracy=np.nan) if key[0] == "superpixels" else table
            for key, table in given.items()
        },
        ["regions_isolate_objects", f"contrast_rises.{KIND}", *SEMANTICS],
    ),
    "tags of no object": (
        lambda given: {
            key: table.assign(mass_share=table["mass_share"].where(table["against"] != "learnt tags"))
            if key[0] == "semantics" else table for key, table in given.items()
        },
        ["semantics_need_few_labels"],
    ),
    "no photo with both": (
        lambda given: {
            key: table.assign(mass_share=table["mass_share"].where(
                (table["against"] == "truth") == (table["id"] > IDS[5])))
            if key[0] == "semantics" else table for key, table in given.items()
        },
        [*SEMANTICS],
    ),
    "no tags by hand": (
        lambda given: {
            key: table[table["against"] != "hand tags"] if key[0] == "semantics" else table
            for key, table in given.items()
        },
        ["semantics_by_hand"],
    ),
    "one setting": (
        lambda given: {
            key: table[table["replacement"] == "setting0"] if key[0] == "relevance" else table
            for key, table in given.items()
        },
        ["lerf_is_inconsistent"],
    ),
    "controls alone": (
        lambda given: {
            key: table[table["method"].isin(CONTROLS)] if key[0] in ("relevance", "semantics") else table
            for key, table in given.items()
        },
        ["lerf_is_inconsistent", *SEMANTICS],
    ),
    "one method": (
        lambda given: {
            key: table[table["method"].isin(["lrp", *CONTROLS])] if key[0] in ("relevance", "semantics") else table
            for key, table in given.items()
        },
        ["lerf_is_inconsistent", *SEMANTICS],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNMEASURED)
def test_what_cannot_be_measured_is_undecided_and_changes_no_other_test(judge, case):
    change, names = UNMEASURED[case]
    whole, found = judge(tables(1)), judge(change(tables(1)))
    assert verdicts(found) == dict.fromkeys(NAMES, SUPPORTED) | dict.fromkeys(names, UNDECIDED)
    for name in NAMES:
        (row,), (before,) = findings(found, name), findings(whole, name)
        if name in names:
            assert row["p"] is None and row["p_corrected"] is None
        else:
            assert {key: row[key] for key in ("value", "low", "high", "p", "n")} == {
                key: before[key] for key in ("value", "low", "high", "p", "n")
            }
    m = len(NAMES) - len(names)
    smallest = min(row["p"] for claim in found["claims"] for row in claim["findings"] if row["p"] is not None)
    corrected = [row["p_corrected"] for claim in found["claims"] for row in claim["findings"] if row["p"] is not None]
    assert min(corrected) == pytest.approx(m * smallest, rel=1e-4)


def test_regions_that_were_not_averaged_in_are_undecided(judge):
    found = judge(tables(1), regions=["felzenszwalb.first", KIND])
    known = verdicts(found)
    assert {name for name, verdict in known.items() if verdict == UNDECIDED} == {
        name.replace(KIND, "felzenszwalb.first") for name in NAMES if KIND in name
    }
    assert found["across"]["regions"] == "felzenszwalb.first" and found["across"]["verdict"] == UNDECIDED


def test_errors_of_rounding_are_zero_and_small_p_values_stay():
    given = {"value": -2.37e-18, "low": -0.1234567, "high": math.nan, "p": 3e-15, "p_corrected": 2.5e-14, "n": 7}
    expected = {"value": 0.0, "low": -0.123457, "high": None, "p": 3e-15, "p_corrected": 2.5e-14, "n": 7}
    assert rounded(given) == expected and math.copysign(1, rounded(given)["value"]) == 1
