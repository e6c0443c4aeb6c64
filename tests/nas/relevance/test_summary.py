"""Tables of areas and curves against means of the rows and curves that were stored."""

import numpy as np
import pandas as pd
import pytest

from nas.relevance.agreement import SETTING, mean_setting_agreement, setting_agreement, with_gains
from nas.relevance.evaluation import FRACTIONS
from nas.relevance.outranking import outranking
from nas.relevance.summary import summaries
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling
from nas.store.shards import Shard, Shards, gather, write_shard

RESAMPLING = Resampling(0.9, 80, 5)
SETTINGS = [("least", "pixels", "zero"), ("least", "slic.first", "blur"), ("most", "pixels", "zero")]
METHODS = ["lrp", "grad_cam", "random"]


@pytest.fixture
def made(tmp_path):
    """A folder of curves of three photos, and the rows."""
    generator, parts, rows = np.random.default_rng(0), [], []
    for photo in "abc":
        arrays = {"/".join((*setting, method)): generator.random(21) for setting in SETTINGS for method in METHODS}
        of_photo = []
        for name, curve in arrays.items():
            point = dict(zip([*SETTING, "method"], name.split("/"), strict=True))
            n = 4096 if point["order"] == "pixels" else int(generator.integers(2, 40))
            area = np.trapezoid(curve, FRACTIONS)
            of_photo.append({"id": photo, **point, "auc": float(area), "parts": n, "steps": min(n, 8)})
        parts.append(tmp_path / f"{photo}.safetensors")
        write_shard(Shard([photo], {name: each[None] for name, each in arrays.items()}, of_photo), parts[-1])
        rows += of_photo
    gather(parts, tmp_path / "relevance")
    return tmp_path / "relevance", pd.DataFrame(rows)


def test_areas_have_their_means_and_ranks(made):
    folder, rows = made
    summary = summaries(folder, RESAMPLING)["summary"]
    keys, rows = [*SETTING, "method"], with_gains(rows)
    assert len(summary) == (len(SETTINGS) + 1) * len(METHODS)  # one setting has both directions
    for key, areas in rows.groupby(keys)["auc"]:
        row = summary.set_index(keys).loc[key]
        assert tuple(row[["value", "low", "high", "n"]]) == pytest.approx(tuple(interval(areas, *RESAMPLING)))
        of_setting = rows.groupby(keys)["auc"].mean().loc[key[:3]] * (-1 if key[0] == "most" else 1)
        assert row["rank"] == 1 + (of_setting > of_setting[key[3]]).sum()


def test_curves_have_the_interval_of_each_point(made):
    folder, _ = made
    curves = summaries(folder, RESAMPLING)["curves"]
    assert len(curves) == len(SETTINGS) * len(METHODS) * len(FRACTIONS) and (curves["n"] == 3).all()
    stored = Shards(folder)
    for key, group in curves.groupby([*SETTING, "method"]):
        values = stored.read(stored.ids)["/".join(key)]
        np.testing.assert_array_equal(group["fraction"], FRACTIONS)
        for point, row in zip(values.T, group.to_dict("records"), strict=True):
            expected = interval(point, *RESAMPLING)
            assert (row["value"], row["low"], row["high"]) == pytest.approx(expected[:3], abs=1e-6)


def test_areas_and_curves_say_of_how_many_parts_and_steps(made):
    folder, rows = made
    found = summaries(folder, RESAMPLING)
    for setting, group in rows.groupby(SETTING):
        spans = [bound for what in ("parts", "steps") for bound in (group[what].min(), group[what].max())]
        for table in (found["summary"], found["curves"]):
            of_setting = table[(table[SETTING] == list(setting)).all(axis=1)]
            assert (of_setting[["least_parts", "most_parts", "least_steps", "most_steps"]] == spans).all(axis=None)


def test_the_other_tables_are_of_the_same_areas(made):
    folder, rows = made
    found = summaries(folder, RESAMPLING)
    expected = {"tau": setting_agreement, "mean_tau": mean_setting_agreement, "outranking": outranking}
    assert set(found) == {"summary", "curves", *expected}
    for name, function in expected.items():
        pd.testing.assert_frame_equal(found[name], function(with_gains(rows), *RESAMPLING), check_dtype=False)
        assert len(found[name]) > 0
