"""Table 2 and the paired differences beside it."""

import numpy as np
import pandas as pd
import pytest

from nas.report.tables.table2_superpixels import AGREEMENT, PAIRS, paired_differences, table
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling
from nas.store.tables import write_table

METHODS = ["nas_components", "slic", "felzenszwalb"]
SETTING = ["dataset", "network", "variant", "method"]


@pytest.fixture
def summary():
    generator, rows = np.random.default_rng(0), []
    for network in ("mobilenet_v2", "own"):
        for variant in ("first", "image"):
            for method in METHODS:
                setting = dict(zip(SETTING, ("made", network, variant, method), strict=True))
                for measure in (*AGREEMENT, "n_regions"):
                    value, n = generator.random(), 9 if measure == "n_regions" else 7
                    estimate = {"measure": measure, "value": value, "low": value - 0.1, "high": value + 0.1, "n": n}
                    if measure == "n_regions":
                        estimate |= {"value": 40 * value, "low": 3.0, "high": 60.0}
                    rows.append({**setting, **estimate, "depths": "2-3-4", "clusters": "5", "seed": 3})
    return pd.DataFrame(rows)


def test_cells_are_the_estimates_and_the_caption_says_of_what(summary):
    frame, caption = table(summary)
    assert list(frame) == ["data set", "network", "grid of NAS", "method", *AGREEMENT.values(), "regions", "n"]
    assert set(frame["grid of NAS"]) == {"recipe's grid", "image grid"} and set(frame["n"]) == {"9 / 7"}
    assert frame["method"].tolist() == ["NAS components", "SLIC", "Felzenszwalb"] * 4
    assert "depths 2-3-4, k = 5, seed 3." in caption and caption.endswith("1 is all).")
    assert "[bootstrap interval], n by measure where they differ: some need a mask, or boundaries. " in caption
    assert "[bootstrap interval]. SLIC" in table(summary.assign(n=9))[1]
    assert table(summary, "More.")[1] == f"{caption} More."
    for row, (_, group) in zip(frame.to_dict("records"), summary.groupby(SETTING, sort=False), strict=True):
        found = group.set_index("measure")
        for measure, heading in AGREEMENT.items():
            value, low, high = found.loc[measure, ["value", "low", "high"]]
            assert row[heading] == f"{value:.3f} [{low:.3f}, {high:.3f}]"
        assert row["regions"] == f"{found.loc['n_regions', 'value']:.0f}"


def test_differences_are_paired_by_photo_with_the_intervals_of_the_run(tmp_path):
    generator, resampling = np.random.default_rng(1), Resampling(0.8, 60, 5)
    rows = [
        {"id": photo, "variant": variant, "method": method, **{measure: generator.random() for measure in AGREEMENT}}
        for variant in ("first", "image") for method in (*METHODS, "nas_clusters", "slic_few", "felzenszwalb_few")
        for photo in generator.permutation(list("abcde"))
    ]  # fmt: skip
    frame = pd.DataFrame(rows).assign(dataset="made", network="own")
    frame.loc[(frame["id"] == "b") & (frame["variant"] == "image"), "boundary_recall"] = np.nan
    write_table(frame, tmp_path / "data/superpixels/made/own/table.parquet")
    found = paired_differences(tmp_path, ["made"], ["own"], resampling)
    few = [("clusters", "SLIC, few"), ("clusters", "Felzenszwalb, few")]
    assert found[["grid of NAS", "NAS", "against"]].to_numpy().tolist() == [
        [grid, ours, other]
        for grid in ("recipe's grid", "image grid")
        for ours, other in (("components", "SLIC"), ("components", "Felzenszwalb"), *few)
    ]
    pairs = [(variant, *pair) for variant in ("first", "image") for pair in PAIRS]
    assert list(found)[-1] == "n" and set(found["n"]) == {"5"}
    for row, (variant, ours, other) in zip(found.to_dict("records"), pairs, strict=True):
        wide = frame[frame["variant"] == variant].set_index(["method", "id"])
        for measure, heading in list(AGREEMENT.items())[:4]:
            differences = [wide.loc[(ours, photo), measure] - wide.loc[(other, photo), measure] for photo in "abcde"]
            expected = interval(differences, *resampling)
            assert row[heading] == f"{expected.value:.3f} [{expected.low:.3f}, {expected.high:.3f}]"
