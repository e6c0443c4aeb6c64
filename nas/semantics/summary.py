"""Means over photos of semantic scores, with intervals, and how rankings by tags and by the truth agree."""

from pathlib import Path

import pandas as pd

from nas.saliency import CONTROLS, RAW
from nas.semantics.evaluation import GAINS
from nas.semantics.scores import SCORES
from nas.semantics.tags import HAND, LEARNT, TRUTH
from nas.statistics import Estimate, Resampling, ranking_agreement, summarize
from nas.store import TABLE, Row, read_columns

SETTING = ["method", "regions", "against"]


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """Summaries of what the stage `semantics` wrote into a folder: means by method, and rank agreement."""
    measures = [*SCORES, *GAINS]
    table = read_columns(folder / TABLE, ["id", "class", "truth", *SETTING, *measures])
    found = summarize(table, SETTING, measures, resampling)
    found = found.reindex(columns=[*SETTING, "measure", *Estimate._fields])
    return {
        "summary": found.assign(truth=",".join(sorted(set(table["truth"])))),
        "agreement": rank_agreement(table, resampling),
    }


def rank_agreement(table: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Kendall's tau between the ranking of methods against tagged clusters and that against the truth.

    Raw maps of the methods that are no controls, photos of all classes together.
    """
    rows: list[Row] = []
    real = table[(table["regions"] == RAW) & ~table["method"].isin(CONTROLS)]
    # the order of photos is that of the rows, where that of categories would be their own
    real = real.astype(dict.fromkeys(["class", "id", "against", "method"], str))
    for measure in SCORES:
        known = real.dropna(subset=measure)
        wide = known.pivot_table(index=["class", "id"], columns=["against", "method"], values=measure, sort=False)
        for against in (source for source in (LEARNT, HAND) if {source, TRUTH} <= set(known["against"])):
            pair = wide[[against, TRUTH]].dropna()
            if pair.empty:
                continue
            a, b = pair[against], pair[TRUTH][pair[against].columns]
            found = ranking_agreement(a.to_numpy(), b.to_numpy(), *resampling)
            rows.append({"against": against, "measure": measure, **found._asdict(), "methods": a.shape[1]})
    return pd.DataFrame(rows, columns=["against", "measure", *Estimate._fields, "methods"])
