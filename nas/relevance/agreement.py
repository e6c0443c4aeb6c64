"""How inconsistent a benchmark of saliency methods is: how the ranks of methods move between its settings.

A *setting* is one way to score methods, such as LeRF by tiles with blur. Scores are arrays over settings, images and
methods, higher is better. The second half of the file makes tidy tables of areas under relevance curves, whose
settings are the columns `SETTING`.
"""

import warnings
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.saliency import CONTROLS
from nas.statistics import TauMatrix, interval_of, pairwise_tau, ranking_replicates

SETTING = ["direction", "order", "replacement"]


class Scores(NamedTuple):
    """Areas as scores, higher is better.

    settings : values of `SETTING`, S of them
    methods : M of them
    ids : of the N images, sorted
    values : float64 (S, N, M), areas under MoRF negated
    """

    settings: list[tuple[str, ...]]
    methods: list[str]
    ids: list[str]
    values: NDArray[np.float64]


def scores_of(areas: pd.DataFrame) -> Scores:
    """Scores from a row for each setting, method and image: `SETTING`, method, id, auc."""
    methods = list(areas["method"].unique())
    settings, ids, values = [], [], []
    for setting, group in areas.groupby(SETTING, sort=False, observed=True):
        table = group.pivot(index="id", columns="method", values="auc")[methods]
        settings.append(tuple(map(str, setting)))
        ids = [str(i) for i in table.index]
        values.append(table.to_numpy() if settings[-1][0] == "least" else -table.to_numpy())
    return Scores(settings, methods, ids, np.stack(values))


def ranked(summary: pd.DataFrame) -> pd.DataFrame:
    """Mean areas with the `rank` of the method in its setting: 1 is best, equals share their mean rank."""
    scores = summary["value"].where(summary["direction"] == "least", -summary["value"])
    return summary.assign(rank=scores.groupby([summary[key] for key in SETTING]).rank(ascending=False))


def setting_agreement(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """Kendall's tau between the rankings of every two settings, see `pairwise_tau`.

    Returns: `methods`, "all" or "real" (those that are no controls); the settings, `SETTING` and `other_SETTING`; tau,
    low, high, and n, the images. A table without rows where there is one setting.
    """
    settings, methods, ids, scores = scores_of(areas)
    real = [number for number, method in enumerate(methods) if method not in CONTROLS]
    rows: list[dict[str, Any]] = []
    for name, kept in {"all": list(range(len(methods))), "real": real}.items():
        found = pairwise_tau(scores[..., kept], level, n_resamples, seed)
        for (i, one), (j, other) in combinations(enumerate(settings), 2):
            pair = dict(zip(SETTING, one, strict=True)) | {f"other_{k}": v for k, v in zip(SETTING, other, strict=True)}
            bounds = {key: float(matrix[i, j]) for key, matrix in found._asdict().items()}
            rows.append({"methods": name, **pair, **bounds, "n": len(ids)})
    others = [f"other_{key}" for key in SETTING]
    return pd.DataFrame(rows, columns=["methods", *SETTING, *others, *TauMatrix._fields, "n"])


def mean_setting_agreement(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """Mean of Kendall's tau over the pairs of settings that differ in the same things, with bootstrap intervals.

    Returns: `methods`, "all" or "real" (those that are no controls); `differs`, see `differences`; `pairs`, their
    number; tau, low, high, of the mean, whose resamples draw the images anew for all pairs at once; n, the images. A
    tau that is not known is left out of its mean.
    """
    settings, methods, ids, scores = scores_of(areas)
    first, second = np.triu_indices(len(settings), k=1)
    kinds = np.array([differences(settings[i], settings[j]) for i, j in zip(first, second, strict=True)])
    real = [number for number, method in enumerate(methods) if method not in CONTROLS]
    rows: list[dict[str, Any]] = []
    for name, kept in {"all": list(range(len(methods))), "real": real}.items():
        taus = ranking_replicates(scores[..., kept], n_resamples, seed)[:, first, second]
        for kind in dict.fromkeys(kinds.tolist()):
            with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # pairs that are NaN throughout
                means = np.nanmean(taus[:, kinds == kind], axis=1)
            found = interval_of(np.append(means[:1], means[1:][~np.isnan(means[1:])]), len(ids), level)
            bounds = {"tau": found.value, "low": found.low, "high": found.high}
            rows.append(
                {"methods": name, "differs": kind, "pairs": int((kinds == kind).sum()), **bounds, "n": len(ids)}
            )
    return pd.DataFrame(rows)


def differences(one: Sequence[str], other: Sequence[str]) -> str:
    """What of `SETTING` differs between two settings, such as "order, replacement"."""
    return ", ".join(key for key, a, b in zip(SETTING, one, other, strict=True) if a != b)
