"""Every setting of the ablation is a row."""

import numpy as np
import pandas as pd

from nas.report.tables.ablation import MEASURES, table


def test_a_setting_is_a_row_and_its_cells_are_the_estimates():
    settings = [("2-3-4", "5", "first", "channels"), ("4", "5", "first", "channels"), ("4", "auto", "image", "none")]
    generator, rows = np.random.default_rng(0), []
    for network in ("mobilenet_v2", "own"):
        for number, setting in enumerate(settings):
            known = dict(zip(("depths", "clusters", "size", "weighting"), setting, strict=True))
            for measure in (*reversed(MEASURES), "edge_share"):
                value, low, high = generator.random(3)
                known |= {"measure": measure, "value": value, "low": low, "high": high, "n": number + 2}
                rows.append({"dataset": "made", "network": network, **known})
    summary = pd.DataFrame(rows)
    frame = table(summary)
    assert list(frame) == ["data set", "network", "depths", "k", "grid", "weighting", *MEASURES.values(), "n"]
    assert (
        frame["network"].tolist() == ["mobilenet_v2"] * 3 + ["own"] * 3 and frame["n"].tolist() == ["2", "3", "4"] * 2
    )
    assert frame[["depths", "k", "grid", "weighting"]].to_numpy().tolist() == [list(each) for each in settings] * 2
    for row, (_, group) in zip(frame.to_dict("records"), summary.groupby(["network", "n"], sort=False), strict=True):
        for found in group[group["measure"].isin(MEASURES)].to_dict("records"):
            cell = f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
            assert row[MEASURES[found["measure"]]] == cell
