"""Scores and curves against hits counted in each resample anew."""

import numpy as np
import pandas as pd
import pytest
from plain import store

from nas.localization.boxes import THRESHOLDS
from nas.localization.scores import CURVE, MEAN, SCORES, summaries
from nas.statistics.p_values import bootstrap_p_value
from nas.statistics.resampling import Resampling

N, IOUS, V2 = 9, [0.3, 0.5, 0.7], (0.3, 0.5, 0.7)
RESAMPLING = Resampling(0.9, 60, 3)
MAPS = [f"{method}/{inside}" for method in ("lrp", "cam", "random") for inside in ("raw", "slic.first")]
MAPS.append("center_gaussian/raw")
AT_LEVEL = (THRESHOLDS * 255).astype(int)
DRAWS = [np.arange(N), *np.random.default_rng(3).integers(N, size=(60, N))]


def photo_of(number, correct=1.0, boxes=True, masks=True):
    """What is stored of a photo; IoUs change with the grey level alone."""
    generator = np.random.default_rng(number)
    found = {"correct": np.array(correct)}
    for key in MAPS:
        levels = generator.random((2, 256)) ** (1.5 if key.endswith("raw") else 1.0)
        for kind, each in zip(("single", "multi"), levels, strict=True):
            if boxes:
                found[f"{kind}/{key}"] = each[:255].astype(np.float32)
        if masks:
            found[f"pixels/{key}"] = np.random.default_rng([number, *key.encode()]).integers(0, 20, (2, 1001))
    return found


def photos(**known):
    return {str(number): photo_of(number, **known) for number in range(N)}


def stacked(made, name):
    return np.stack([arrays[name] for arrays in made.values()])


def plain_score(made, measure, key):
    """A measure of a map, of all photos and of each resample."""
    if measure == "PxAP":
        objects, others = stacked(made, f"pixels/{key}")[..., ::-1].swapaxes(0, 1)
        scores = []
        for drawn in DRAWS:
            found, false = objects[drawn].sum(axis=0), others[drawn].sum(axis=0)
            precision = found.cumsum() / (found + false).cumsum()
            scores.append((precision * found).sum() / found.sum())
        return np.array(scores)
    ious = [0.5] if measure == "MaxBoxAcc" else V2 if measure.endswith("V2") else [float(measure.partition("@")[2])]
    best = stacked(made, f"{'single' if measure == 'MaxBoxAcc' else 'multi'}/{key}")
    counted = stacked(made, "correct")[:, None] if measure.startswith("Top-1") else 1
    hits = [(best >= np.float32(iou)) * counted for iou in ious]
    return np.array([np.mean([hit[drawn].mean(axis=0).max() for hit in hits]) for drawn in DRAWS])


def described(values):
    return [values[0], *np.quantile(values[1:], [0.05, 0.95])]


def assert_p_value(found, gain, measure):
    """Of no gain, which counts on both sides; errors of rounding, in means of several IoUs, may be on one."""
    most, none = bootstrap_p_value(gain.round(9)), np.isclose(gain[1:], 0).sum()
    assert found <= most + 1e-9
    assert found >= most - (2 * none / len(gain) if measure.endswith("V2") else 0) - 1e-9


MEASURES = ["MaxBoxAccV2", *(f"BoxAcc@{iou}" for iou in IOUS), "MaxBoxAcc", "Top-1 MaxBoxAccV2", "PxAP"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    arrays = {str(number): photo_of(number, correct=float(number % 3 > 0)) for number in range(N)}
    folder = store(tmp_path_factory.mktemp("localization") / "stored", arrays)
    return arrays, summaries(folder, RESAMPLING, IOUS)


def cell(summary, key, measure):
    method, inside = key.split("/")
    rows = summary[(summary[["method", "regions", "measure"]] == [method, inside, measure]).all(axis=1)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("key", MAPS)
def test_scores_and_gains_are_those_of_each_resample(made, key, measure):
    arrays, tables = made
    row = cell(tables["summary"], key, measure)
    values = plain_score(arrays, measure, key)
    gain = values - plain_score(arrays, measure, f"{key.partition('/')[0]}/raw")
    assert row[["value", "low", "high"]].tolist() == pytest.approx(described(values))
    assert row[["gain", "gain_low", "gain_high"]].tolist() == pytest.approx(described(gain), abs=1e-9)
    assert_p_value(row["gain_p"], gain, measure)
    assert (row["n"], row["labelled"]) == (N, N)


def test_there_is_one_row_of_each_map_and_measure_and_of_the_mean(made):
    summary = made[1]["summary"]
    assert list(summary) == [*SCORES, "labelled"]
    assert len(summary) == (len(MAPS) + 1) * len(MEASURES)
    raw = summary[summary["regions"] == "raw"]
    assert (raw[["gain", "gain_low", "gain_high"]] == 0).all(axis=None) and (raw["gain_p"] == 1).all()


@pytest.mark.parametrize("measure", MEASURES)
def test_the_mean_is_over_methods_that_are_no_controls(made, measure):
    arrays, tables = made
    gains = [
        plain_score(arrays, measure, f"{method}/slic.first") - plain_score(arrays, measure, f"{method}/raw")
        for method in ("lrp", "cam")
    ]
    row = cell(tables["summary"], f"{MEAN}/slic.first", measure)
    mean = np.mean(gains, axis=0)
    assert row[["gain", "gain_low", "gain_high"]].tolist() == pytest.approx(described(mean), abs=1e-9)
    assert_p_value(row["gain_p"], mean, measure)
    assert row[["value", "low", "high"]].isna().all()


def test_curves_are_of_the_best_and_of_every_tenth_threshold(made):
    arrays, tables = made
    curves = tables["curves"]
    assert list(curves) == CURVE
    for (method, inside), group in curves[curves["method"] != MEAN].groupby(["method", "regions"]):
        best = stacked(arrays, f"multi/{method}/{inside}")
        over_iou, over_threshold = (group[group["axis"] == axis] for axis in ("iou", "threshold"))
        assert over_iou["x"].tolist() == pytest.approx(np.arange(0.1, 0.96, 0.05))
        for row in over_iou.to_dict("records"):
            hit = best >= np.float32(row["x"])
            values = np.array([hit[drawn].mean(axis=0).max() for drawn in DRAWS])
            assert [row["value"], row["low"], row["high"]] == pytest.approx(described(values))
            gain = values - best_over(arrays, f"{method}/raw", row["x"])
            assert [row["gain"], row["gain_low"], row["gain_high"]] == pytest.approx(described(gain), abs=1e-9)
        assert over_threshold["x"].tolist() == pytest.approx(np.arange(0, 1, 0.01))
        assert over_threshold["value"].tolist() == pytest.approx((best >= np.float32(0.7)).mean(axis=0)[AT_LEVEL][::10])
    found = set(zip(curves["method"], curves["regions"], strict=True))
    assert found == {tuple(key.split("/")) for key in MAPS} | {(MEAN, "raw"), (MEAN, "slic.first")}


def best_over(arrays, key, iou):
    """Box accuracy of a map at its best threshold, of all photos and of each resample."""
    hit = stacked(arrays, f"multi/{key}") >= np.float32(iou)
    return np.array([hit[drawn].mean(axis=0).max() for drawn in DRAWS])


def test_the_mean_over_the_iou_is_over_methods_that_are_no_controls(made):
    arrays, tables = made
    curves = tables["curves"]
    means = curves[curves["method"] == MEAN]
    for inside, line in means[means["axis"] == "threshold"].groupby("regions"):
        each = [np.mean(stacked(arrays, f"multi/{one}/{inside}") >= np.float32(0.7), axis=0) for one in ("lrp", "cam")]
        assert line["value"].tolist() == pytest.approx(np.mean(each, axis=0)[AT_LEVEL][::10])
    for row in means[means["axis"] == "iou"].to_dict("records"):
        gains = [
            best_over(arrays, f"{method}/slic.first", row["x"]) - best_over(arrays, f"{method}/raw", row["x"])
            for method in ("lrp", "cam")
        ]
        found = [row["gain"], row["gain_low"], row["gain_high"]]
        assert found == pytest.approx(described(np.mean(gains, axis=0)), abs=1e-9) and np.isnan(row["value"])


@pytest.mark.parametrize(
    ("known", "left_out"),
    [
        ({"masks": False}, {"PxAP"}),
        ({"boxes": False}, set(MEASURES) - {"PxAP"}),
        ({"correct": np.nan}, {"Top-1 MaxBoxAccV2"}),
    ],
)
def test_there_are_the_measures_that_the_truth_allows(made, tmp_path, known, left_out):
    found = summaries(store(tmp_path / "stored", photos(**known)), RESAMPLING, IOUS)
    assert set(found["summary"]["measure"]) == set(MEASURES) - left_out
    kept = set(MEASURES) - left_out - {"Top-1 MaxBoxAccV2"}
    tables = [
        each[each["measure"].isin(kept)].drop(columns="labelled") for each in (made[1]["summary"], found["summary"])
    ]
    pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in tables))
    assert set(found["summary"]["labelled"]) == {0 if "correct" in known else N}


def test_one_photo_has_scores_without_intervals(tmp_path):
    summary = summaries(store(tmp_path / "stored", {"a": photo_of(0)}), RESAMPLING, IOUS)["summary"]
    assert (summary["n"] == 1).all()
    assert summary[["low", "high", "gain_low", "gain_high", "gain_p"]].isna().all(axis=None)
    assert cell(summary, "lrp/raw", "BoxAcc@0.3")["value"] in (0, 1)


def test_resamples_without_an_object_leave_no_interval_of_pixel_precision(tmp_path):
    made = {str(number): photo_of(number, boxes=False) for number in range(2)}
    for name in made["1"].keys() - {"correct"}:
        made["1"][name] = made["1"][name] * [[0], [1]]
    summary = summaries(store(tmp_path / "stored", made), RESAMPLING, IOUS)["summary"]
    for key in MAPS:
        row = cell(summary, key, "PxAP")
        assert 0 < row["value"] < 1 and row[["low", "high", "gain_low", "gain_high", "gain_p"]].isna().all()


def test_where_nothing_is_located_the_tables_are_empty_with_all_columns(made, tmp_path):
    found = summaries(store(tmp_path / "stored", {}), RESAMPLING, IOUS)
    for name, table in found.items():
        assert table.empty and list(table) == list(made[1][name])
