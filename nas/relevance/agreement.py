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
GAIN = "gain"  # in place of a direction: the area between both curves


class Scores(NamedTuple):
    """Areas as scores, higher is better.

    settings : values of `SETTING`, S of them
    methods : M of them
    ids : of the N images, sorted
    values : float64 (S, N, M), areas under MoRF negated, gains as they are
    """

    settings: list[tuple[str, ...]]
    methods: list[str]
    ids: list[str]
    values: NDArray[np.float64]


def with_gains(areas: pd.DataFrame) -> pd.DataFrame:
    """The areas, and below them the symmetric relevance gain (Blücher, Vielhaben and Strodthoff 2024, arXiv
    2401.06654).

    It is the area under LeRF minus that under MoRF of one order, replacement, method and image, the direction `GAIN`;
    higher is better. Settings without both directions have none.
    """
    by = ["order", "replacement", "method", "id"]
    least, most = (areas[areas["direction"] == direction] for direction in ("least", "most"))
    both = least.merge(most[[*by, "auc"]], on=by, suffixes=("", "_most"))
    gains = both.assign(direction=GAIN, auc=both["auc"] - both["auc_most"]).drop(columns="auc_most")
    return pd.concat([areas.astype({"direction": str}), gains], ignore_index=True)


def scores_of(areas: pd.DataFrame) -> Scores:
    """Scores from a row for each setting, method and image: `SETTING`, method, id, auc."""
    methods = list(areas["method"].unique())
    settings, ids, values = [], [], []
    for setting, group in areas.groupby(SETTING, sort=False, observed=True):
        table = group.pivot(index="id", columns="method", values="auc")[methods]
        settings.append(tuple(map(str, setting)))
        ids = [str(i) for i in table.index]
        values.append(-table.to_numpy() if settings[-1][0] == "most" else table.to_numpy())
    return Scores(settings, methods, ids, np.stack(values))


def ranked(summary: pd.DataFrame) -> pd.DataFrame:
    """Mean areas with the `rank` of the method in its setting: 1 is best, equals share their mean rank."""
    scores = summary["value"].where(summary["direction"] != "most", -summary["value"])
    return summary.assign(rank=scores.groupby([summary[key] for key in SETTING]).rank(ascending=False))


def setting_agreement(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """Kendall's tau between the rankings of every two settings, see `pairwise_tau`; gains are held against gains alone.

    Returns: `methods`, "all" or "real" (those that are no controls); the settings, `SETTING` and `other_SETTING`; tau,
    low, high, and n, the images. A table without rows where there is one setting.
    """
    settings, methods, ids, scores = scores_of(areas)
    real = [number for number, method in enumerate(methods) if method not in CONTROLS]
    rows: list[dict[str, Any]] = []
    for name, kept in {"all": list(range(len(methods))), "real": real}.items():
        found = pairwise_tau(scores[..., kept], level, n_resamples, seed)
        for i, j in pairs_of(settings):
            one, other = settings[i], settings[j]
            pair = dict(zip(SETTING, one, strict=True)) | {f"other_{k}": v for k, v in zip(SETTING, other, strict=True)}
            bounds = {key: float(matrix[i, j]) for key, matrix in found._asdict().items()}
            rows.append({"methods": name, **pair, **bounds, "n": len(ids)})
    others = [f"other_{key}" for key in SETTING]
    return pd.DataFrame(rows, columns=["methods", *SETTING, *others, *TauMatrix._fields, "n"])


def mean_setting_agreement(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """Mean of Kendall's tau over the pairs of settings that differ in the same things, with bootstrap intervals.

    Returns: `methods`, "all" or "real" (those that are no controls); `directions` of the two, such as "least" where
    they are the same; `differs`, see `differences`; `pairs`, their number; tau, low, high, of the mean, whose resamples
    draw the images anew for all pairs at once; n, the images. A tau that is not known is left out of its mean.
    """
    settings, methods, ids, scores = scores_of(areas)
    pairs = pairs_of(settings)
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    kinds = [(directions(settings[i], settings[j]), differences(settings[i], settings[j])) for i, j in pairs]
    real = [number for number, method in enumerate(methods) if method not in CONTROLS]
    rows: list[dict[str, Any]] = []
    for name, kept in {"all": list(range(len(methods))), "real": real}.items():
        taus = ranking_replicates(scores[..., kept], n_resamples, seed)[:, first, second]
        for kind in dict.fromkeys(kinds):
            alike = [each == kind for each in kinds]
            with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # pairs that are NaN throughout
                means = np.nanmean(taus[:, alike], axis=1)
            found = interval_of(np.append(means[:1], means[1:][~np.isnan(means[1:])]), len(ids), level)
            bounds = {"tau": found.value, "low": found.low, "high": found.high}
            named = {"methods": name, "directions": kind[0], "differs": kind[1], "pairs": sum(alike)}
            rows.append({**named, **bounds, "n": len(ids)})
    return pd.DataFrame(rows)


def pairs_of(settings: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Every two settings, by their numbers; gains are held against gains alone, since they are made of the others."""
    numbered = combinations(range(len(settings)), 2)
    return [(i, j) for i, j in numbered if (settings[i][0] == GAIN) == (settings[j][0] == GAIN)]


def directions(one: Sequence[str], other: Sequence[str]) -> str:
    """The directions of two settings, such as "least" or "least, most"."""
    return ", ".join(sorted({one[0], other[0]}))


def differences(one: Sequence[str], other: Sequence[str]) -> str:
    """What of `SETTING` differs between two settings, such as "order, replacement"."""
    return ", ".join(key for key, a, b in zip(SETTING, one, other, strict=True) if a != b)
