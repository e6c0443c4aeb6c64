"""Tests of the claims on tables made up here, whose effects are known."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from claim_tables import IDS, KIND, SEMANTICS, N, tables
from scipy import stats

from nas.claims import testing
from nas.claims.claims import claims_of
from nas.saliency.methods import CONTROLS
from nas.statistics.resampling import Resampling
from nas.store.tables import write_table

NAMES = [claim.name for claim in claims_of([KIND])]


def findings(root: Path, given, regions=(KIND,), clusters="5", own_clusters=5):
    """Every test by its name, of tables in the folders of a project."""
    for (stage, name), table in given.items():
        folder = root / "data/statistics" if name == "summary" else root / "data"
        write_table(table, folder / stage / "made" / "net" / f"{name}.parquet")
    resampling = Resampling(0.9, 2000, 3)
    test = testing.Testing(root, "made", "net", resampling, "first", clusters, own_clusters, regions, 0.8, 0.5)
    found = test.findings()
    assert len({each.claim for each in found}) == len(found)
    assert {(each.dataset, each.network) for each in found} == {("made", "net")}
    return {each.claim: each for each in found}


@pytest.mark.parametrize("effect", [1, -1, 0])
def test_statistics_are_on_the_side_of_the_effects_in_the_tables(tmp_path, effect):
    found = findings(tmp_path, tables(effect))
    assert set(found) == set(NAMES)
    for claim in claims_of([KIND]):
        test = found[claim.name]
        if effect and not (effect == -1 and claim.name == "single_and_class_agree"):
            assert (test.value - test.null) * effect * (1 if claim.greater else -1) > 0, claim.name
            assert test.p < 0.05 / len(NAMES), claim.name
        else:  # shifts of a clustering tell of agreement, and not of less than chance
            assert not test.p < 0.05, claim.name


def test_a_photo_that_is_all_of_its_class_does_not_agree_with_itself(tmp_path):
    given = tables(1)
    own = given["classes", "table"]
    alone = own[own["id"] == own["id"].iloc[0]].assign(**{"class": "all photos"})
    found = findings(tmp_path / "one", given | {("classes", "table"): alone})["single_and_class_agree"]
    assert found.n == 0 and np.isnan(found.p)
    extra = alone.assign(id="another", adjusted_rand_index_above_chance=-9.0)
    both = findings(tmp_path / "more", given | {("classes", "table"): pd.concat([own, extra])})
    assert both["single_and_class_agree"] == findings(tmp_path / "own", given)["single_and_class_agree"]


def test_every_test_has_its_statistic(tmp_path):
    given = tables(1)
    found = findings(tmp_path, given)
    accuracy = given["superpixels", "table"].query("variant == 'first'")
    wide = accuracy.pivot(index="id", columns="method", values="achievable_segmentation_accuracy")
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
    assert set(expected) == set(found)
    for name, value in expected.items():
        test = found[name]
        assert test.value == pytest.approx(value, abs=1e-5), name
        assert test.low <= test.value + 1e-12 and test.value <= test.high + 1e-12
        assert (test.n, test.null) == (N, nulls.get(name, 0))
    flips = 2 / 2**N  # all differences are above 0
    assert found["regions_isolate_objects"].p == pytest.approx(flips, rel=1e-4)
    fisher = stats.chi2.sf(-2 * N * np.log(0.05), 2 * N)
    assert found["single_and_class_agree"].p == pytest.approx(2 * fisher, rel=1e-4)
    assert found["lerf_is_inconsistent"].p == pytest.approx(2 / 2001, rel=1e-4)


def test_rows_in_another_order_give_the_same(tmp_path):
    given = tables(0)
    expected = findings(tmp_path, given)
    turned = {key: table.iloc[::-1] if key[0] != "semantics" else table for key, table in given.items()}
    for name, test in findings(tmp_path, turned).items():
        assert (test.value, test.n) == pytest.approx((expected[name].value, expected[name].n), nan_ok=True), name


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


# why, in the order of the names
REASONS = {
    "no boxes": ["no photo has a box"] * 2,
    "no masks": ["no photo has a mask"] * 2 + ["no photo has a mask or a box"] * 2,
    "tags of no object": ["no class has learnt tags of an object"],
    "no photo with both": [
        f"no photo has a mask or a box, and clusters with {tags}, some of them object"
        for tags in ("learnt tags", "hand tags")
    ],
    "no tags by hand": ["no class has hand tags of an object"],
    "one setting": ["relevance.least has one order and one replacement, where rankings need two to agree"],
    "controls alone": ["all methods are controls"] * 3,
    "one method": ["fewer than two methods that are no controls, or all of them are equal"] * 3,
}


@pytest.mark.parametrize("case", UNMEASURED)
def test_what_cannot_be_measured_says_why_and_changes_no_other_test(tmp_path, case):
    change, names = UNMEASURED[case]
    whole, found = findings(tmp_path, tables(1)), findings(tmp_path, change(tables(1)))
    assert [found[name].missing for name in names] == REASONS[case]
    for name in NAMES:
        if name in names:
            assert math.isnan(found[name].p) and math.isnan(found[name].low) and math.isnan(found[name].high), name
        else:
            assert found[name] == whole[name] and not found[name].missing


OTHER_SETTINGS = {
    "clusters": ({"clusters": "7"}, "shallow_follows_edges", "superpixels.clusters, 7, is not among ablation.clusters"),
    "own clusters": ({"own_clusters": 7}, "single_and_class_agree", "no class of classes.names has two photos"),
}


@pytest.mark.parametrize(("settings", "claim", "reason"), OTHER_SETTINGS.values(), ids=OTHER_SETTINGS)
def test_a_setting_that_no_stage_measured_is_the_reason(tmp_path, settings, claim, reason):
    found = findings(tmp_path, tables(1), **settings)
    assert found[claim].missing == reason and math.isnan(found[claim].p)
    assert {name for name, test in found.items() if test.missing} == {claim}


def test_an_overlap_that_was_not_measured_is_the_reason(tmp_path):
    given = tables(1)
    summary = given["localization", "summary"]
    given["localization", "summary"] = summary[summary["measure"] != "BoxAcc@0.9"]
    found = findings(tmp_path, given)
    assert found[f"localization_rises_at_0.9.{KIND}"].missing == "0.9 is not among localization.ious"
    assert not found[f"localization_rises_at_0.7.{KIND}"].missing


def test_depths_that_are_no_single_ones_are_the_reason(tmp_path):
    given = tables(1)
    ablation = given["ablation", "table"]
    given["ablation", "table"] = ablation[ablation["depths"].isin(["2-3-4", "4"])]
    found = findings(tmp_path, given)["shallow_follows_edges"]
    assert found.missing == "ablation.depths has fewer than two single depths"


def test_regions_that_were_not_averaged_in_are_not_measured(tmp_path):
    found = findings(tmp_path, tables(1), ["felzenszwalb.first", KIND])
    unknown = {name for name, test in found.items() if math.isnan(test.value)}
    assert unknown == {name.replace(KIND, "felzenszwalb.first") for name in NAMES if KIND in name}
    whole = findings(tmp_path, tables(1))
    assert all(found[name] == whole[name] for name in NAMES)
    assert {found[name].missing for name in unknown} == {"maps were not averaged inside these regions"}
