"""Summaries against intervals of the measures of each setting."""

import numpy as np
import pytest

from nas.statistics.bootstrap import bootstrap_statistic, interval
from nas.statistics.resampling import Resampling
from nas.store.shards import Stored, gather, write_shard
from nas.superpixels.ablation import ablate_photos, ablated
from nas.superpixels.inputs import variants_with_maps
from nas.superpixels.measures import MEASURES
from nas.superpixels.segmentations import segment_photos
from nas.superpixels.summary import ABLATION_MEASURES, ABLATION_SETTING, ablation_summaries, summaries
from nas.superpixels.variants import Segmenting, Variant, write_variants

RESAMPLING = Resampling(level=0.8, n_resamples=50, seed=4)
SETTINGS = Segmenting("bicubic", 3, 1, 0.8, {"max_evaluations": 2}, {"max_evaluations": 2})
VARIANTS = {"first": Variant(4, (2, 3), "channels", "first"), "deep": Variant(3, (3,), "none", 10)}


def written(folder, shards):
    """A folder of what a stage computed of the photos, and its rows."""
    parts = [folder.with_name("parts") / f"{number}.safetensors" for number in range(len(shards))]
    for shard, part in zip(shards.values(), parts, strict=True):
        write_shard(shard, part)
    gather(parts, folder)
    return [row for shard in shards.values() for row in shard.rows]


def assert_summary(summary, rows, by, measures):
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in by), []).append(row)
    assert len(summary) == len(groups) * (len(measures) + 1)
    for row in summary.to_dict("records"):
        of_setting = groups[tuple(row[key] for key in by)]
        if row["measure"] == "edge_adherence":
            pairs = np.array([[each["edge_excess"], each["edge_room"]] for each in of_setting]).T
            expected = bootstrap_statistic(lambda a, b, axis: a.mean(axis) / b.mean(axis), *pairs, **shared())
        else:
            expected = interval([each.get(row["measure"], np.nan) for each in of_setting], *RESAMPLING)
        assert tuple(row[key] for key in expected._fields) == pytest.approx(tuple(expected), nan_ok=True)


def shared():
    return {"level": 0.8, "n_resamples": 50, "seed": 4}


def test_superpixels_are_summarized_by_variant_and_method(photos, tmp_path):
    folder, records = photos
    shards = segment_photos(records, variants_with_maps(VARIANTS, folder), Stored(folder, ("view",)), SETTINGS)
    rows = written(tmp_path / "superpixels", shards)
    write_variants(tmp_path / "superpixels", VARIANTS)
    summary = summaries(tmp_path / "superpixels", RESAMPLING)["summary"]
    assert_summary(summary, rows, ["variant", "method"], MEASURES)
    assert (summary.loc[summary["measure"] == "boundary_recall", "n"] == 2).all()  # the third has no mask
    for name, group in summary.groupby("variant", observed=True):
        assert all((group[key] == value).all() for key, value in VARIANTS[name].columns().items())


def test_the_ablation_is_summarized_by_setting(photos, tmp_path):
    folder, records = photos
    variants = ablated([(2,), (3,)], [3, 4], ["first", 10], ["none"], VARIANTS["first"])
    rows = written(
        tmp_path / "ablation",
        ablate_photos(records, variants_with_maps(variants, folder), Stored(folder, ("view",)), SETTINGS),
    )
    summary = ablation_summaries(tmp_path / "ablation", RESAMPLING)["summary"]
    assert_summary(summary, rows, ABLATION_SETTING, ABLATION_MEASURES)
