"""The stage on small photos made up here, with maps of random numbers."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from nas.data.boxes import resize_boxes
from nas.data.label_maps import resize_labels
from nas.data.records import read_records
from nas.localization.box_accuracy import BoxAccuracy
from nas.localization.boxes import LEVELS, THRESHOLDS
from nas.localization.pixel_precision import PixelAveragePrecision
from nas.saliency.maps import center_gaussian, normalize, resize_map
from nas.statistics.bootstrap import resample_counts
from nas.statistics.p_values import bootstrap_p_value
from nas.store.shards import Shards
from stages import localization

SIDE, SEED, LEVEL = 32, 3, 0.9
AT_LEVEL = (THRESHOLDS * 255).astype(int)
KINDS, IOUS, V2 = ["nas_clusters.first", "slic.first"], [0.3, 0.5, 0.7], (0.3, 0.5, 0.7)
SETTINGS = {"methods": ["cam", "lrp", "grad_cam", "random"], "regions": KINDS, "ious": IOUS, "resamples": 100}
REAL = ["lrp", "grad_cam"]
BOXES = {
    "a": ((4, 6, 30, 25),),
    "b": ((0, 0, 20, 39), (30, 10, 47, 20)),
    "c": ((10, 10, 40, 38),),
    "d": ((20, 5, 30, 35),),
}
WRONG = "bd"  # the network takes them for something else


def difference_interval(ious_a, ious_b, iou, n_resamples, level, seed):
    """Difference of box accuracies at thresholds of their own, chosen anew in each resample: value, low, high."""
    counts = np.concatenate([np.ones((1, len(ious_a))), *resample_counts(len(ious_a), n_resamples, seed)])

    def score(ious):
        best = [(counts @ (np.float32(ious) >= np.float32(each))).max(1) / len(ious) for each in np.ravel(iou)]
        return np.mean(best, axis=0)

    differences = score(ious_a) - score(ious_b)
    low, high = np.quantile(differences[1:], [(1 - level) / 2, (1 + level) / 2])
    return SimpleNamespace(value=differences[0], low=low, high=high)


def mask_of(boxes):
    """A mask with an object in each box, and a column to ignore."""
    mask = np.zeros((40, 48), np.uint8)
    for number, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        mask[y0 : y1 + 1, x0 : x1 + 1] = number
    mask[:, 24] = 255
    return mask


@pytest.fixture(scope="module")
def prepared(new_project):
    """A function that makes a project of some photos with boxes, masks or both; the maps are brighter in the boxes."""

    def make(photos="abcd", boxes=True, masks=True, **settings):
        known = {
            photo: {"boxes": BOXES[photo] if boxes else (), "mask": mask_of(BOXES[photo]) if masks else None}
            for photo in photos
        }
        sections = {"localization": SETTINGS | settings, "statistics": {"level": LEVEL}}
        project, maps = new_project(known, seed=SEED, **sections), {}
        for photo in photos:
            generator = np.random.default_rng(list(photo.encode()))
            inside = resize_labels(mask_of(BOXES[photo]) % 255 > 0, (SIDE, SIDE))
            maps[photo] = {
                "true/lrp": (generator.normal(size=(SIDE, SIDE)) + inside).astype(np.float32),
                "true/grad_cam": generator.random((4, 4), np.float32),
                "true/random": generator.random((SIDE, SIDE), np.float32),
                "predicted/lrp": np.zeros((SIDE, SIDE), np.float32),
                "target_true": np.array(1),
                "target_predicted": np.array(2 if photo in WRONG else 1),
                "labelled": np.array(True),
            }
        project.store("saliency", maps)
        return project

    return make


@pytest.fixture(scope="module")
def made(prepared):
    """A project in which the stage has run, and what it stored."""
    project = prepared()
    return project, project.stored(localization)


def averaged(saliency, labels):
    """Every pixel takes the mean of its region."""
    return np.array([saliency[labels == label].mean() for label in labels.ravel()]).reshape(labels.shape)


def plain_maps(project, record):
    """Method and regions to the normalized map."""
    stored = {name: each[0] for name, each in Shards(project.of("saliency")).read([record.id]).items()}
    labels = Shards(project.of("superpixels")).read([record.id])
    found = {"center_gaussian/raw": center_gaussian((SIDE, SIDE))}
    for method in ("lrp", "grad_cam", "random"):
        raw = resize_map(stored[f"true/{method}"], (SIDE, SIDE))
        found[f"{method}/raw"] = normalize(raw)
        found |= {f"{method}/{kind}": normalize(averaged(raw, labels[kind][0])) for kind in KINDS}
    return found


def cell(summary, method, regions, measure):
    rows = summary[(summary[["method", "regions", "measure"]] == [method, regions, measure]).all(axis=1)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_what_is_stored_is_what_the_measures_say_of_each_map(made):
    project, stored = made
    table = stored.table().set_index(["id", "method", "regions"])["auroc"]
    for record in read_records(project.folder / "data/raw/folder"):
        boxes = resize_boxes(record.boxes, (40, 48), (SIDE, SIDE))
        truth = record.truth((SIDE, SIDE))
        found = {name: each[0] for name, each in stored.read([record.id]).items()}
        maps = plain_maps(project, record)
        assert set(found) == {f"{kind}/{name}" for kind in ("single", "multi", "pixels") for name in maps} | {"correct"}
        for name, scores in maps.items():
            for contours in ("single", "multi"):
                accuracy = BoxAccuracy(multi_contour=contours == "multi", size=(SIDE, SIDE))
                accuracy.update(scores, boxes)
                # means by another order of summation may be on the other side of a grey level
                differs = found[f"{contours}/{name}"] != accuracy.best_ious_[0][LEVELS]
                assert differs.mean() <= (0 if name.endswith("/raw") else 0.02), name
            known = truth < 255
            auroc = roc_auc_score(truth[known] > 0, scores[known].round(12))
            assert table[(record.id, *name.split("/"))] == pytest.approx(auroc)


def test_scores_and_gains_have_the_intervals_of_differences(made):
    project, stored = made
    summary = project.summary("localization")
    best = stored.read(stored.ids)
    shared = {"n_resamples": 100, "level": LEVEL, "seed": SEED}
    measures = {"MaxBoxAcc": ("single", 0.5), "MaxBoxAccV2": ("multi", V2)}
    measures |= {f"BoxAcc@{iou}": ("multi", iou) for iou in IOUS}
    for method in ("lrp", "grad_cam", "random"):
        for kind in ("raw", *KINDS):
            for measure, (contours, iou) in measures.items():
                row = cell(summary, method, kind, measure)
                own, raw = (best[f"{contours}/{method}/{each}"] for each in (kind, "raw"))
                score = difference_interval(own, np.zeros_like(own), iou, **shared)
                gain = difference_interval(own, raw, iou, **shared)
                assert tuple(row[["value", "low", "high", "n"]]) == pytest.approx(
                    (score.value, score.low, score.high, 4)
                )
                assert tuple(row[["gain", "gain_low", "gain_high", "n"]]) == pytest.approx(
                    (gain.value, gain.low, gain.high, 4)
                )
    gains = summary[summary["method"].isin(REAL) & (summary["regions"] != "raw")]["gain"]
    assert (gains != 0).any()


def test_raw_maps_gain_nothing_and_controls_have_no_mean(made):
    summary = made[0].summary("localization")
    raw = summary[summary["regions"] == "raw"]
    assert set(raw["method"]) == {"lrp", "grad_cam", "random", "center_gaussian"}
    assert (raw[["gain", "gain_low", "gain_high"]] == 0).all(axis=None) and (raw["gain_p"] == 1).all()
    mean = summary[summary["method"] == "mean"]
    assert set(mean["regions"]) == set(KINDS) and mean[["value", "low", "high"]].isna().all(axis=None)


def test_the_mean_is_over_methods_that_are_no_controls(made):
    project, stored = made
    summary = project.summary("localization")
    counts = np.concatenate([np.ones((1, 4)), *resample_counts(4, 100, SEED)])
    for kind in KINDS:
        replicates = []
        for method in REAL:
            own, raw = (
                (counts @ (stored.read(stored.ids)[f"multi/{method}/{each}"] >= np.float32(0.5)) / 4).max(axis=1)
                for each in (kind, "raw")
            )
            replicates.append(own - raw)
        mean = np.mean(replicates, axis=0)
        row = cell(summary, "mean", kind, "BoxAcc@0.5")
        assert row["gain"] == pytest.approx(np.mean([cell(summary, m, kind, "BoxAcc@0.5")["gain"] for m in REAL]))
        assert row["gain"] == pytest.approx(mean[0])
        low, high = np.quantile(mean[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        assert tuple(row[["gain_low", "gain_high"]]) == pytest.approx((low, high))
        assert row["gain_p"] == bootstrap_p_value(mean.round(9))


def test_top_1_counts_only_photos_that_are_classified_rightly(made, prepared):
    project, stored = made
    correct = np.array([photo not in WRONG for photo in stored.ids])
    summary = project.summary("localization")
    for kind in ("raw", *KINDS):
        hits = [stored.read(stored.ids)[f"multi/lrp/{kind}"] >= np.float32(iou) for iou in V2]
        expected = np.mean([(hit & correct[:, None]).mean(axis=0).max() for hit in hits])
        assert cell(summary, "lrp", kind, "Top-1 MaxBoxAccV2")["value"] == pytest.approx(expected)
        assert 0 < expected < cell(summary, "lrp", kind, "MaxBoxAccV2")["value"]
    right = prepared("ac")
    right.run(localization)
    summary = right.summary("localization")
    for kind in ("raw", *KINDS):
        same = [cell(summary, "lrp", kind, measure)["value"] for measure in ("Top-1 MaxBoxAccV2", "MaxBoxAccV2")]
        assert same[0] == same[1]


def test_pixel_precision_pools_the_photos(made):
    project, _ = made
    summary = project.summary("localization")
    records = read_records(project.folder / "data/raw/folder")
    for name in ("lrp/raw", "grad_cam/slic.first", "center_gaussian/raw"):
        precision = PixelAveragePrecision(size=(SIDE, SIDE))
        for record in records:
            mask = record.truth()
            precision.update(plain_maps(project, record)[name], (mask > 0) & (mask < 255), mask == 255)
        assert cell(summary, *name.split("/"), "PxAP")["value"] == pytest.approx(precision.score(), abs=2e-3)


def test_curves_are_of_the_best_and_of_every_tenth_threshold(made):
    project, stored = made
    curves = project.summary("localization", "curves")
    means, curves = (curves[(curves["method"] == "mean") == mean] for mean in (True, False))
    assert set(means["regions"]) == {"raw", *KINDS}
    for (method, kind), group in curves.groupby(["method", "regions"]):
        best = stored.read(stored.ids)[f"multi/{method}/{kind}"]
        over_iou, over_threshold = (group[group["axis"] == axis] for axis in ("iou", "threshold"))
        assert over_iou["x"].tolist() == pytest.approx(np.arange(0.1, 0.96, 0.05))
        expected = [(best >= np.float32(iou)).mean(axis=0).max() for iou in over_iou["x"]]
        assert over_iou["value"].tolist() == pytest.approx(expected)
        assert (over_iou["low"] <= over_iou["high"]).all()
        assert over_threshold["x"].tolist() == pytest.approx(np.arange(0, 1, 0.01))
        assert over_threshold["value"].tolist() == pytest.approx((best >= np.float32(0.7)).mean(axis=0)[AT_LEVEL][::10])
    assert set(zip(curves["method"], curves["regions"], strict=True)) == {
        ("center_gaussian", "raw"), *((method, kind) for method in (*REAL, "random") for kind in ("raw", *KINDS))
    }  # fmt: skip


def test_the_same_run_again_killed_or_beside_another_photo_gives_the_same(made, prepared):
    whole, stored = made
    killed, more = prepared(), prepared("dabc")
    assert killed.kill_and_resume(localization, 3, "locate_photos") == 2
    assert killed.contents("localization") == whole.contents("localization")
    for name, array in more.stored(localization).read(stored.ids).items():
        assert array.tobytes() == stored.read(stored.ids)[name].tobytes()
    tables = (project.table("localization").set_index(["id", "method", "regions"]) for project in (whole, more))
    pd.testing.assert_frame_equal(*(table.loc[list("abcd")] for table in tables), check_exact=True)


@pytest.mark.parametrize(
    ("truth", "measures"),
    [
        ({"masks": False}, {"MaxBoxAcc", "MaxBoxAccV2", "Top-1 MaxBoxAccV2", *(f"BoxAcc@{iou}" for iou in IOUS)}),
        ({"boxes": False}, {"PxAP"}),
        ({"boxes": False, "masks": False}, set()),
    ],
)
def test_a_data_set_has_the_measures_that_its_truth_allows(made, prepared, capsys, truth, measures):
    project = prepared(**truth)
    capsys.readouterr()
    project.run(localization)
    assert set(project.summary("localization")["measure"]) == measures
    assert project.table("localization").empty == (not truth.get("masks", True))
    lines = [line for line in capsys.readouterr().err.splitlines() if "nothing can be located" in line]
    assert len(lines) == (not measures)
    assert list(project.table("localization")) == list(made[0].table("localization"))
    for name in ("summary", "curves"):
        assert list(project.summary("localization", name)) == list(made[0].summary("localization", name)), name
    for row in project.summary("localization").to_dict("records"):
        same = cell(made[0].summary("localization"), row["method"], row["regions"], row["measure"])
        assert all(row[key] == same[key] or pd.isna(row[key]) for key in row)


def test_photos_without_a_box_are_left_out_where_others_have_some(prepared):
    project = prepared()
    project.describe({photo: {"boxes": BOXES[photo] if photo in "ac" else ()} for photo in BOXES})
    assert project.stored(localization).ids == ["a", "c"]
    assert (project.summary("localization")["n"] == 2).all()


def test_gaps_in_the_ids_of_regions_change_nothing(made, prepared):
    gaps = prepared()
    labels = Shards(gaps.of("superpixels"))
    with_gaps = {photo: {kind: 7 * each[0] + 3 for kind, each in labels.read([photo]).items()} for photo in labels.ids}
    gaps.store("superpixels", with_gaps)
    gaps.run(localization)
    expected = made[0].contents("localization")
    assert {name: found == expected[name] for name, found in gaps.contents("localization").items()} == dict.fromkeys(
        expected, True
    )


@pytest.mark.parametrize("box", [(4, 6, 49, 25), (30, 6, 4, 25), (-1, 0, 5, 5)])
def test_a_box_that_leaves_the_photo_is_one_line(prepared, box):
    project = prepared("ab")
    project.describe({"a": {"boxes": BOXES["a"]}, "b": {"boxes": (BOXES["b"][0], box)}})
    message = project.failing(localization)
    assert (
        message.startswith(f"error: photo b: boxes has [{box[0]}.0, ")
        and "give 0 <= x0 <= x1 <= 48 and 0 <= y0 <= y1 <= 40" in message
    )


def test_an_error_in_a_map_names_the_photo_and_the_method(prepared):
    project = prepared("ab")
    maps = Shards(project.of("saliency"))
    broken = {photo: {name: each[0] for name, each in maps.read([photo]).items()} for photo in maps.ids}
    broken["b"]["true/lrp"] = np.full((SIDE, SIDE), np.inf, np.float32)
    project.store("saliency", broken)
    assert project.failing(localization).startswith("error: photo b: lrp: saliency goes from ")


def test_a_map_of_one_value_locates_nothing_and_has_no_contrast(prepared):
    project = prepared()
    maps = Shards(project.of("saliency"))
    flat = {photo: {name: each[0] for name, each in maps.read([photo]).items()} for photo in maps.ids}
    for arrays in flat.values():
        arrays["true/lrp"] = np.full((SIDE, SIDE), 0.25, np.float32)
    project.store("saliency", flat)
    project.run(localization)
    summary, table = project.summary("localization"), project.table("localization")
    for kind in ("raw", *KINDS):
        assert cell(summary, "lrp", kind, "BoxAcc@0.3")["value"] == 0
    assert (table[table["method"] == "lrp"]["auroc"] == 0.5).all()


def test_one_photo_has_scores_without_intervals(prepared):
    project = prepared("a")
    project.run(localization)
    row = cell(project.summary("localization"), "lrp", "raw", "BoxAcc@0.3")
    assert row["n"] == 1 and row["value"] in (0, 1)
    gain = cell(project.summary("localization"), "lrp", KINDS[0], "BoxAcc@0.3")
    for each in (row, gain, cell(project.summary("localization"), "mean", KINDS[0], "BoxAcc@0.3")):
        assert each[["low", "high", "gain_low", "gain_high", "gain_p"]].isna().all()


def test_resamples_without_an_object_leave_no_interval_of_pixel_precision(prepared):
    project = prepared("ab")
    project.describe({"a": {"mask": mask_of(BOXES["a"])}, "b": {"mask": np.zeros((40, 48), np.uint8)}})
    project.run(localization)
    for kind in ("raw", *KINDS):
        row = cell(project.summary("localization"), "lrp", kind, "PxAP")
        assert 0 < row["value"] < 1 and row[["low", "high", "gain_low", "gain_high", "gain_p"]].isna().all()
    assert project.table("localization").set_index("id").loc["b", "auroc"].isna().all()
