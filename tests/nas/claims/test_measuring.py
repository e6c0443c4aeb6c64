"""What claims measure of tables made up here, whose effects are known."""

import numpy as np
import pandas as pd
import pytest
from claim_tables import FEW, GRIDS, IDS, KINDS, MANY, METHODS, REAL, best_ious, tables, write_project

from nas.claims.claims import claims_of
from nas.claims.localizing import PhotoScores
from nas.claims.measuring import Measuring
from nas.localization.boxes import LEVELS
from nas.saliency.methods import CONTROLS
from nas.statistics.pooled import pool

CLAIMS = claims_of(KINDS)
NAMES = [claim.name for claim in CLAIMS]
NULLS = {"consistent_tau": 0.8, "agreeing_tau": 0.5, "": 0.0}


def cells(root, claims=CLAIMS, **settings):
    """Cells by the name of the claim."""
    measuring = Measuring(root, "made", "net", **({"grids": GRIDS, "clusters": "5", "own_clusters": 5} | settings))
    found = measuring.cells(claims)
    assert [cell.claim for cell in found] == [claim.name for claim in claims]
    assert {(cell.dataset, cell.network) for cell in found} == {("made", "net")}
    return {cell.claim: cell for cell in found}


@pytest.mark.parametrize("effect", [1, -1, 0])
def test_values_are_on_the_side_of_the_effects_in_the_tables(tmp_path, effect):
    found = cells(write_project(tmp_path, effect))
    for claim in CLAIMS:
        cell = found[claim.name]
        assert set(cell.values.index) == set(IDS) and not cell.missing, claim.name
        null = NULLS[claim.threshold]
        test = pool([cell.values.to_numpy()], null)
        if effect:
            assert (test.value - null) * effect * (1 if claim.greater else -1) > 0, claim.name
            assert test.p < 0.05 / len(CLAIMS), claim.name
        elif not claim.threshold:
            assert test.p > 0.05, claim.name


def test_every_claim_has_its_statistic(tmp_path):
    given = tables(1)
    found = {name: cell.values.mean() for name, cell in cells(write_project(tmp_path, 1)).items()}
    wide = given["superpixels"][given["superpixels"]["variant"] != "tuned"]
    accuracy = wide.groupby("method")["achievable_segmentation_accuracy"].mean()
    contrast = given["localization"].query("method not in @CONTROLS").groupby("regions")["auroc"].mean()
    sizes = {"nas_clusters": FEW, "nas_components": MANY}
    expected = {"shallow_follows_edges": -1.0, "semantics_by_hand": 1.0, "semantics_need_few_labels": 1.0}
    for kind, (slic, felzenszwalb, _) in sizes.items():
        expected |= {
            f"regions_isolate_objects.{kind}.over_slic": accuracy[kind] - accuracy[slic],
            f"regions_isolate_objects.{kind}.over_felzenszwalb": accuracy[kind] - accuracy[felzenszwalb],
            f"localization_rises_at_0.7.{kind}": 0.5,
            f"localization_rises_at_0.9.{kind}.over_slic": 0.5,
            f"contrast_rises.{kind}": contrast[f"{kind}.first"] - contrast["raw"],
            f"contrast_rises.{kind}.over_felzenszwalb": contrast[f"{kind}.image"] - contrast[f"{felzenszwalb}.first"],
        }
    expected["lerf_is_inconsistent"] = (-9 + 6) / 15  # three settings of six rank the other way
    expected |= {"lerf_disagrees_with_morf": 0.0, "gain_is_more_consistent": 1 + 3 / 15}
    expected["single_and_class_agree"] = 0.2
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-3), name
    table = given["classes"].query("own_k == 5 and `class` == 'bird'")
    both = cells(tmp_path)["single_and_class_agree"].values
    assert both[IDS[5]] == pytest.approx(table.set_index("id").loc[IDS[5], "adjusted_rand_index_above_chance"])


def test_values_over_map_thresholds_are_shares_of_hits(tmp_path):
    found = cells(write_project(tmp_path, 1))
    name = "localization_holds_at_high_map_thresholds.nas_clusters"
    values = {over: found[f"{name}{over}"].values for over in ("", ".over_slic", ".over_moved", ".over_sobel")}

    def share(number, regions, method):
        best = np.repeat(best_ious(1, number, method, regions), np.diff(np.append(LEVELS, 1000)))[500:]
        return np.mean([(best >= np.float32(iou)).mean() for iou in (0.5, 0.7)])

    for number, photo in enumerate(IDS):
        ours, raw = (
            np.mean([share(number, regions, method) for method in REAL]) for regions in ("nas_clusters.first", "raw")
        )
        assert values[""][photo] == pytest.approx(ours - raw) == pytest.approx(values[".over_slic"][photo])
        assert values[".over_sobel"][photo] == pytest.approx(ours - share(number, "nas_clusters.first", "sobel"))
    assert values[".over_moved"].equals(values[""])


def test_grids_are_averaged_and_few_regions_of_the_recipes_grid_serve_all(tmp_path):
    given = tables(1)
    table = given["localization"]
    gone = table["regions"].isin(["slic_few.image", "felzenszwalb_few.image"])
    given["localization"] = table[~gone].assign(
        auroc=table["auroc"] + 0.1 * (table["regions"] == "nas_clusters.image") * table["method"].isin(REAL)
    )
    whole = cells(write_project(tmp_path / "whole", 1))["contrast_rises.nas_clusters.over_slic"].values
    found = cells(write_project(tmp_path / "some", 1, given=given))["contrast_rises.nas_clusters.over_slic"].values
    np.testing.assert_allclose(found, whole + 0.05)
    first = cells(tmp_path / "some", grids=["first"])["contrast_rises.nas_clusters.over_slic"].values
    np.testing.assert_allclose(first, whole)


def only(given, stage, keep):
    return given | {stage: given[stage][keep(given[stage])]}


MASKED = [name for name in NAMES if name.startswith(("regions_isolate", "contrast"))]
BOXED = [name for name in NAMES if name.startswith("localization")]
TAGS = ["semantics_need_few_labels", "semantics_by_hand"]
RANKED = ["lerf_is_inconsistent", "lerf_disagrees_with_morf", "gain_is_more_consistent", "lerf_disagrees_with_truth"]
NO_RANKING = "fewer than two methods that are no controls, or all of them are equal"
UNMEASURED = {
    "no masks": (
        lambda given: (
            given
            | {
                "localization": given["localization"].iloc[:0],
                "semantics": given["semantics"].iloc[:0],
                "superpixels": given["superpixels"].assign(achievable_segmentation_accuracy=np.nan),
            }
        ),
        {**dict.fromkeys(MASKED, "no photo has a mask"), **dict.fromkeys(TAGS, "no photo has a mask or a box")},
    ),
    "all photos are one class": (
        lambda given: given | {"classes": given["classes"].assign(**{"class": "all photos"})},
        {"single_and_class_agree": "no class of classes.names has two photos"},
    ),
    "tags of no object": (
        lambda given: (
            given
            | {
                "semantics": given["semantics"].assign(
                    mass_share=given["semantics"]["mass_share"].where(given["semantics"]["against"] != "learnt tags")
                )
            }
        ),
        {TAGS[0]: "no class has learnt tags of an object"},
    ),
    "no tags by hand": (
        lambda given: only(given, "semantics", lambda table: table["against"] != "hand tags"),
        {TAGS[1]: "no class has hand tags of an object"},
    ),
    "no photo with both": (
        lambda given: (
            given
            | {
                "semantics": given["semantics"].assign(
                    mass_share=given["semantics"]["mass_share"].where(
                        (given["semantics"]["against"] == "truth") == (given["semantics"]["id"] > IDS[5])
                    )
                )
            }
        ),
        {
            name: f"no photo has a mask or a box, and clusters with {tags}, some of them object"
            for name, tags in zip(TAGS, ("learnt tags", "hand tags"), strict=True)
        },
    ),
    "one setting": (
        lambda given: only(
            given, "relevance", lambda table: (table["order"] == "slic.first") & (table["replacement"] == "blur")
        ),
        dict.fromkeys(
            [RANKED[0], RANKED[2]], "relevance has one order and one replacement, where rankings need two to agree"
        ),
    ),
    "LeRF alone": (
        lambda given: only(given, "relevance", lambda table: table["direction"] == "least"),
        dict.fromkeys(RANKED[1:3], "no setting has both LeRF and MoRF"),
    ),
    "controls alone are ranked": (
        lambda given: only(given, "relevance", lambda table: table["method"].isin(CONTROLS)),
        dict.fromkeys(RANKED, NO_RANKING) | {RANKED[2]: "no setting has both LeRF and MoRF"},
    ),
    "one method is scored": (
        lambda given: only(given, "semantics", lambda table: table["method"].isin(["lrp", *CONTROLS])),
        dict.fromkeys(TAGS, NO_RANKING),
    ),
    "no image grid": (
        lambda given: only(given, "localization", lambda table: ~table["regions"].str.startswith("nas_components")),
        {
            name: f"maps were not averaged inside nas_components.first{other}: add it to localization.regions"
            for name, other in {
                "contrast_rises.nas_components": " and raw",
                "contrast_rises.nas_components.over_slic": " and slic.first",
                "contrast_rises.nas_components.over_felzenszwalb": " and felzenszwalb.first",
            }.items()
        },
    ),
    "depths that are no single ones": (
        lambda given: only(given, "ablation", lambda table: table["depths"].isin(["2-3-4", "4"])),
        {"shallow_follows_edges": "ablation.depths has fewer than two single depths"},
    ),
}


@pytest.mark.parametrize("case", UNMEASURED)
def test_what_cannot_be_measured_says_why_and_changes_nothing_else(tmp_path, case):
    change, missing = UNMEASURED[case]
    whole = cells(write_project(tmp_path / "whole", 1))
    found = cells(write_project(tmp_path / "some", 1, given=change(tables(1))))
    assert {name: cell.missing for name, cell in found.items() if cell.missing} == missing
    for name, cell in found.items():
        assert cell.values.empty == bool(cell.missing)
        if not cell.missing and name not in RANKED:  # truth of boxes stands in for that of masks
            pd.testing.assert_series_equal(cell.values, whole[name].values)


def test_without_boxes_nothing_is_localized(tmp_path):
    found = cells(write_project(tmp_path, 1, boxes=False))
    assert {name for name, cell in found.items() if cell.missing} == {*BOXED}
    assert {found[name].missing for name in BOXED} == {"no photo has a box"}


OTHER_SETTINGS = {
    "clusters": ({"clusters": "7"}, "shallow_follows_edges", "superpixels.clusters, 7, is not among ablation.clusters"),
    "own clusters": ({"own_clusters": 7}, "single_and_class_agree", "no class of classes.names has two photos"),
}


@pytest.mark.parametrize(("settings", "claim", "reason"), OTHER_SETTINGS.values(), ids=OTHER_SETTINGS)
def test_a_setting_that_no_stage_measured_is_the_reason(tmp_path, settings, claim, reason):
    found = cells(write_project(tmp_path, 1), **settings)
    assert {name: cell.missing for name, cell in found.items() if cell.missing} == {claim: reason}


def test_an_order_that_was_not_taken_is_the_reason(tmp_path):
    found = cells(write_project(tmp_path, 1), grids=["image"])
    for name in NAMES:
        if name.startswith("regions_matter"):
            assert (
                found[name].missing
                == "nas_components.image is not among relevance.least.orders, or all methods are controls"
            )


def test_sobel_is_a_control_where_it_is_there(tmp_path):
    scores = PhotoScores.of(write_project(tmp_path, 1) / "data/localization/made/net")
    assert ("BoxAcc@high", "nas_clusters.first") in scores.sobel and "sobel" in METHODS
    assert set(scores.truth) == set(REAL)
