"""How far settings of relevance curves agree, with each other and with masks, and how controls fare."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nas.relevance import SETTING, differences, directions, scores_of
from nas.report.cells import with_interval
from nas.report.names import label_of, label_of_regions
from nas.saliency import CONTROLS, RAW
from nas.semantics import TRUTH
from nas.statistics import Resampling, ranking_agreement
from nas.store import TABLE, collect

PAIR = ["dataset", "network"]


def by_difference(taus: pd.DataFrame, means: pd.DataFrame, methods: str) -> pd.DataFrame:
    """Tau between rankings by what differs between the two settings: direction, order or replacement, or several.

    A table without columns where there are no two settings.

    Parameters: `tau` and `mean_tau` of `nas.relevance.summaries`; `methods`, "real" or "all"
    """
    taus, means = (rows[rows["methods"] == methods] for rows in (taus, means))
    if taus.empty:
        return pd.DataFrame()
    settings = [taus[[f"{prefix}{key}" for key in SETTING]].to_numpy() for prefix in ("", "other_")]
    pairs = list(zip(*settings, strict=True))
    kinds = taus.assign(
        directions=[directions(*pair) for pair in pairs], differs=[differences(*pair) for pair in pairs]
    )
    by = [*PAIR, "directions", "differs"]
    mean_of = {tuple(row[key] for key in by): row for row in means.to_dict("records")}
    rows = []
    for (dataset, network, direction, kind), group in kinds.groupby(by, sort=False):
        mean = mean_of[dataset, network, direction, kind]
        rows.append(
            {
                "data set": dataset,
                "network": label_of(network),
                "measure": " and ".join(label_of(each) for each in str(direction).split(", ")),
                "what differs": kind,
                "pairs of settings": str(len(group)),
                "mean τ": with_interval({"value": mean["tau"], "low": mean["low"], "high": mean["high"]}, 2),
                "lowest τ": f"{group['tau'].min():.2f}",
                "highest τ": f"{group['tau'].max():.2f}",
                "interval has 0 inside": str(int((~((group["low"] > 0) | (group["high"] < 0))).sum())),
                "n": str(mean["n"]),
            }
        )
    return pd.DataFrame(rows)


def controls(outranking: pd.DataFrame) -> pd.DataFrame:
    """By setting, how often each control beats a real method, and its mean rank."""
    rows = []
    for setting, group in outranking.groupby([*PAIR, *SETTING], sort=False):
        row = _setting(*map(str, setting))
        for found in group.to_dict("records"):
            share, rank = (
                {"value": found[measure], "low": found[f"{measure}_low"], "high": found[f"{measure}_high"]}
                for measure in ("share", "rank")
            )
            row[f"{label_of(found['control'])}: share"] = with_interval(share, 2)
            row[f"{label_of(found['control'])}: rank of {found['methods']}"] = with_interval(rank, 1)
        rows.append(row | {"n": str(int(group["n"].max()))})
    return pd.DataFrame(rows)


def references(root: Path, datasets: Sequence[str], networks: Sequence[str], resampling: Resampling) -> pd.DataFrame:
    """Tau between the ranking of methods by area and the one by a score of the raw map against what is known.

    Those scores are AUROC against the mask, and the share of positive saliency inside clusters tagged as object. Over
    the photos that have the score and the methods that have both; nothing for a data set without.
    """
    rows = []
    for dataset in datasets:
        for network in networks:
            columns = [*PAIR, "id", *SETTING, "method", "auc"]
            areas = collect(root, "relevance", [dataset], [network], TABLE, columns)
            for reference, scores in _scores(root, dataset, network).items():
                rows += [{"against": reference, **row} for row in _agreements(areas, scores, resampling)]
    return pd.DataFrame(rows)


def _scores(root: Path, dataset: str, network: str) -> dict[str, pd.DataFrame]:
    """Scores of the raw maps by what they are against: photos by methods."""
    located, tagged = (
        collect(root, stage, [dataset], [network], TABLE, ["id", "method", "regions", *columns])
        for stage, columns in {"localization": ["auroc"], "semantics": ["against", "mass_share"]}.items()
    )
    found = {"mask, AUROC": located[located["regions"] == RAW].assign(score=located["auroc"])}
    for source in tagged["against"].unique():
        if source != TRUTH:
            rows = tagged[(tagged["regions"] == RAW) & (tagged["against"] == source)]
            found[f"{source}, mass share"] = rows.assign(score=rows["mass_share"])
    return {
        reference: rows.pivot_table(index="id", columns="method", values="score", sort=False, observed=True).dropna()
        for reference, rows in found.items()
        if len(rows)
    }


def _agreements(areas: pd.DataFrame, against: pd.DataFrame, resampling: Resampling) -> list[dict[str, Any]]:
    methods = [method for method in areas["method"].unique() if method in against]
    known = areas[areas["method"].isin(methods) & areas["id"].isin(against.index)]
    if known.empty:
        return []
    found = scores_of(known)
    truth = against.loc[found.ids, found.methods].to_numpy()
    real = [number for number, method in enumerate(found.methods) if method not in CONTROLS]
    rows = []
    for setting, scores in zip(found.settings, found.values, strict=True):
        row = _setting(*areas[PAIR].iloc[0], *setting)
        for heading, kept in {"all methods": list(range(len(methods))), "without controls": real}.items():
            estimate = ranking_agreement(scores[:, kept], truth[:, kept], *resampling)
            row[f"τ, {heading}"] = with_interval(estimate, 2)
        rows.append(row | {"n": str(len(found.ids))})
    return rows


def _setting(dataset: str, network: str, direction: str, order: str, replacement: str) -> dict[str, str]:
    return {
        "data set": dataset,
        "network": label_of(network),
        "direction": label_of(direction),
        "order": label_of_regions(order),
        "replacement": replacement,
    }
