"""Table 4: areas under relevance curves."""

import pandas as pd

from nas.report.cells import prints_alike, with_interval
from nas.report.figures.figure8_relevance import steps_taken
from nas.report.names import label_of, label_of_regions


def table(summary: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Table 4, which of its cells are best, and its caption: a row for each network and setting."""
    rows, best = [], []
    for setting, group in summary.groupby(["dataset", "network", "direction", "order", "replacement"], sort=False):
        dataset, network, direction, order, replacement = setting
        row = {
            "data set": dataset,
            "network": label_of(network),
            "direction": label_of(direction),
            "order": label_of_regions(order),
            "replacement": replacement,
        }
        marks = dict.fromkeys(row, False)
        most = group["value"].min() if direction == "most" else group["value"].max()
        for estimate in group.to_dict("records"):
            row[label_of(estimate["method"])] = with_interval(estimate, 2)
            marks[label_of(estimate["method"])] = prints_alike(estimate["value"], most, 2)
        rows.append(row | {"n": str(int(group["n"].max()))})
        best.append(marks)
    frame = pd.DataFrame(rows)
    columns = [*(column for column in frame if column != "n"), "n"]
    frame = frame.reindex(columns=columns).fillna("n/a")
    bold = pd.DataFrame([{column: marks.get(str(column), False) for column in columns} for marks in best])
    caption = (
        "Area under the relevance curve, least relevant part first (LeRF, higher is better) and most (MoRF, lower is "
        "better), and LeRF minus MoRF (symmetric gain, higher is better), by order of removal and by what is shown "
        "instead: mean over n photos [bootstrap interval], seed "
        f"{summary['seed'].iloc[0]}. Bold: best of a row, and what prints the same. {steps_taken(summary)}"
    )
    return frame, bold, caption


def short(table: pd.DataFrame) -> "pd.Series[bool]":
    """The rows for a paper: those of the first replacement."""
    return table["replacement"].eq(table["replacement"].iloc[0])
