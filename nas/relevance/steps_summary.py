"""How far areas under relevance curves are from those of the most steps, and how alike both rank the methods."""

from pathlib import Path

import numpy as np
import pandas as pd

from nas.relevance.agreement import SETTING
from nas.statistics import Estimate, Resampling, pairwise_tau, summarize
from nas.store import TABLE, Row, read_table

STEPS_COLUMNS = ["id", "method", *SETTING, "n_steps", "used", "parts", "steps", "auc"]


def steps_summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """Summaries of what the stage `steps` wrote into a folder, by order and number of steps.

    Returns
    -------
    summary : the mean over photos of how far areas are from those of the most steps (absolute differences, over
        methods), with interval; `most_steps`, that there are; `tau`, `tau_low`, `tau_high`, of the rankings of methods
        by their mean areas there and at the most steps
    """
    table = read_table(folder / TABLE)
    by = [*SETTING, "n_steps", "used"]
    columns = [*by, "most_parts", "most_steps", *Estimate._fields, "tau", "tau_low", "tau_high"]
    if table.empty:
        return {"summary": pd.DataFrame(columns=columns)}
    most = table["n_steps"].max()
    best = table.loc[table["n_steps"] == most, ["id", "method", *SETTING, "auc"]]
    compared = table.merge(best, on=["id", "method", *SETTING], suffixes=("", "_best"))
    shifts = compared.assign(shift=(compared["auc"] - compared["auc_best"]).abs())
    of_photos = shifts.groupby([*by, "id"], sort=False)["shift"].mean().reset_index()
    found = summarize(of_photos, by, ["shift"], resampling)
    sizes = table.groupby(by, sort=False, as_index=False)[["parts", "steps"]].max()
    found = found.merge(sizes.rename(columns={"parts": "most_parts", "steps": "most_steps"}), on=by)
    agreement = [
        {**dict(zip(SETTING, setting, strict=True)), **row}
        for setting, areas in table.groupby(SETTING, sort=False)
        for row in _rank_agreement(areas, resampling)
    ]
    return {"summary": found.merge(pd.DataFrame(agreement), on=[*SETTING, "n_steps"])[columns]}


def _rank_agreement(areas: pd.DataFrame, resampling: Resampling) -> list[Row]:
    """Kendall's tau between the ranking of methods by each number of steps and by the most, in one setting."""
    counts, groups = zip(*areas.groupby("n_steps"), strict=True)  # in order
    scores = np.stack([group.pivot(index="id", columns="method", values="auc").to_numpy() for group in groups])
    found = pairwise_tau(scores, *resampling)
    with_most = zip(counts, found.tau[-1], found.low[-1], found.high[-1], strict=True)
    return [dict(zip(("n_steps", "tau", "tau_low", "tau_high"), each, strict=True)) for each in with_most]
