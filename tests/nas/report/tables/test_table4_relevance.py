import numpy as np
import pandas as pd
import pytest

from nas.relevance.agreement import SETTING
from nas.report.tables import table4_relevance

METHODS, IDS = ["grad_cam", "lrp", "gradient", "random"], ["b", "a", "d", "c"]
SETTINGS = [("least", "pixels", "mean"), ("least", "slic.first", "blur"), ("most", "pixels", "mean")]


@pytest.fixture
def areas():
    keys = [(i, *setting, method) for i in IDS for setting in SETTINGS for method in METHODS]
    table = pd.DataFrame(keys, columns=["id", *SETTING, "method"])
    values = np.random.default_rng(0).random(len(table))
    return table.assign(auc=values, dataset="made", network="mobilenet_v2", seed=0)


def test_the_best_of_a_row_is_bold_by_its_direction(areas):
    summary = (
        areas.groupby(["dataset", "network", *SETTING, "method"], sort=False)["auc"].mean().reset_index(name="value")
    )
    absent = (summary["method"] == "lrp") & (summary["order"] == "slic.first")
    steps = {"least_parts": 4, "most_parts": 9, "least_steps": 3, "most_steps": 4}
    summary = summary.assign(low=0.0, high=1.0, n=4, seed=0, **steps)[~absent]
    frame, bold, caption = table4_relevance.table(summary)
    assert "seed 0. Bold" in caption
    assert "A curve has 4 to 5 images" in caption and "pixels 4 to 9 in 3 to 4; SLIC 4 to 9 in 3 to 4" in caption
    assert frame["direction"].tolist() == ["LeRF", "LeRF", "MoRF"]
    assert frame["LRP"].iloc[1] == "n/a" and not bold["LRP"].iloc[1]
    columns = ["Grad-CAM", "LRP", "gradient", "random (control)"]
    assert list(frame) == ["data set", "network", "direction", "order", "replacement", *columns, "n"]
    for row, (direction, best) in enumerate(zip(frame["direction"], bold.to_numpy(), strict=True)):
        values = frame.loc[row, columns].str.split(" ").str[0].replace("n/a", np.nan).astype(float)
        expected = values.idxmax() if direction == "LeRF" else values.idxmin()
        assert list(np.array(list(frame))[best]) == [expected]


@pytest.mark.parametrize("direction", ["least", "most"])
def test_what_prints_the_same_as_the_best_is_bold_too(direction):
    means = {"lrp": 0.7449, "rise": 0.7351, "gradient": 0.7349, "random": 0.7451, "cam": np.nan}
    row = {"dataset": "made", "network": "mobilenet_v2", "direction": direction, "order": "tiles", "low": 0.1}
    row |= {"replacement": "mean", "high": 0.9, "n": 4, "seed": 0, "least_parts": 9, "most_parts": 9}
    row |= {"least_steps": 4, "most_steps": 4}
    frame, bold, _ = table4_relevance.table(
        pd.DataFrame([row | {"method": m, "value": mean} for m, mean in means.items()])
    )
    best = {"least": ["random (control)"], "most": ["gradient"]}[direction]
    assert list(frame.columns[bold.iloc[0]]) == best
    means |= {"random": 0.7401} if direction == "least" else {"gradient": 0.7448}
    frame, bold, _ = table4_relevance.table(
        pd.DataFrame([row | {"method": m, "value": mean} for m, mean in means.items()])
    )
    cells = frame.iloc[0][frame.columns[bold.iloc[0]]]
    assert len(cells) > 1 and cells.str.startswith("0.74 ").all()
    assert not frame.iloc[0][frame.columns[~bold.iloc[0]]].str.startswith("0.74 ").any()
