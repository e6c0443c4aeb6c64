import numpy as np
import pandas as pd
import pytest

from nas.report.figures.figure5_saliency import auroc_gains, blank
from nas.statistics.bootstrap import interval
from nas.store.tables import write_table

AUROC = {"raw": [0.5, 0.6, 0.7, 0.4], "slic.first": [0.8, 0.5, 0.9, 0.7]}


@pytest.mark.parametrize(("level", "resamples", "seed"), [(0.95, 200, 0), (0.5, 200, 0), (0.95, 100, 4)])
def test_gains_have_the_level_the_resamples_and_the_seed_of_the_run(tmp_path, level, resamples, seed):
    rows = [
        {"id": photo, "dataset": "made", "network": "own", "method": "lrp", "regions": kind, "auroc": value}
        for kind, values in AUROC.items() for photo, value in zip("abcd", values, strict=True)
    ]  # fmt: skip
    table = pd.DataFrame(rows).assign(level=level, resamples=resamples, seed=seed)
    write_table(table, tmp_path / "data/localization/made/own/table.parquet")
    [gain] = auroc_gains(tmp_path, ["made"], ["own"]).to_dict("records")
    expected = interval(np.subtract(AUROC["slic.first"], AUROC["raw"]), level, resamples, seed)
    assert tuple(gain[key] for key in expected._fields) == pytest.approx(expected)
    assert gain["seed"] == seed and gain["averaged"] - gain["raw"] == pytest.approx(gain["mean"])


def test_averages_of_signed_maps_that_cancel_are_named():
    signs = np.where(np.indices((8, 8)).sum(axis=0) % 2, 1.0, -1.0)
    cancelled, kept = (signs, np.full((8, 8), 0.02)), (signs, np.full((8, 8), 0.5))
    unsigned = (np.ones((8, 8)), np.full((8, 8), 1e-3))
    pairs = {"integrated_gradients": [cancelled] * 2, "lrp": [cancelled, kept], "rise": [unsigned] * 2}
    assert blank(pairs) == {"integrated_gradients": pytest.approx(0.02)}
