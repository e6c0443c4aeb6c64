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
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from nas.scoremaps import CONTROLS
from nas.statistics import Interval, interval, interval_of, resample_counts

SETTING = ["direction", "order", "replacement"]


class TauMatrix(NamedTuple):
    """Kendall's tau-b between settings, (S, S) each, with its bootstrap interval from low to high."""

    tau: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def rank_methods(scores: ArrayLike) -> NDArray[np.float64]:
    """Rank of each method in scores (..., M), higher is better: 1 is best, equals share their mean rank."""
    return np.asarray(rankdata(-_finite(scores, 1), axis=-1))


def pairwise_tau(scores: ArrayLike, level: float = 0.95, n_resamples: int = 1000, seed: int = 0) -> TauMatrix:
    """How far the settings of a benchmark agree on the ranking of methods.

    Parameters
    ----------
    scores : (S settings, N images, M methods), as in `ranking_replicates`
    level : confidence of the intervals, between 0 and 1
    n_resamples : bootstrap resamples of the images

    Returns
    -------
    Kendall's tau-b between each two settings, with percentile intervals. NaN where a setting ranks all
    methods equal; such resamples are left out. One image has intervals of NaN.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: give a confidence between 0 and 1, such as 0.95")
    taus = ranking_replicates(scores, n_resamples, seed)
    if np.shape(scores)[1] < 2:
        return TauMatrix(taus[0], np.full_like(taus[0], np.nan), np.full_like(taus[0], np.nan))
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # settings that are NaN throughout
        low, high = np.nanquantile(taus[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return TauMatrix(taus[0], low, high)


def ranking_replicates(scores: ArrayLike, n_resamples: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """Kendall's tau-b between the rankings of methods, for all images, then for each bootstrap resample of them.

    Parameters
    ----------
    scores : (S settings, N images, M methods), higher is better: an area under LeRF as it is, one under MoRF
        negated. Methods are ranked by their mean over images.
    n_resamples : bootstrap resamples of the images, the same for every setting

    Returns
    -------
    (1 + n_resamples, S, S), NaN where a setting ranks all methods equal

    All pairs and resamples are found at once: with s the signs of the M (M - 1) / 2 differences between
    methods, tau-b is s . t / sqrt(s . s  t . t), exact with ties.
    """
    scores = _finite(scores, 3)
    a, b = np.triu_indices(scores.shape[2], k=1)
    # differences before sums: methods with equal scores tie exactly, whatever the rounding of the product
    samples, resamples = [], []
    for setting in scores:
        differences = setting[:, a] - setting[:, b]
        samples.append(differences.sum(axis=0))
        counted = [counts @ differences for counts in resample_counts(len(setting), n_resamples, seed)]
        resamples.append(np.concatenate(counted))
    return np.concatenate([_tau(np.stack(samples))[None], _tau(np.stack(resamples, axis=1))])


def ranking_agreement(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> Interval:
    """Kendall's tau-b between the rankings of methods by two scores, such as AUC-LeRF and AUROC against masks.

    Parameters
    ----------
    a, b : (N images, M methods), the same images and methods, higher is better; their scales may differ
    level, n_resamples, seed : of the bootstrap over images, as in `pairwise_tau`

    Returns
    -------
    tau, in [-1, 1], of the means over images, its interval, and the number of images
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}; give the scores of the same images and methods")
    tau, low, high = (float(matrix[0, 1]) for matrix in pairwise_tau(np.stack([a, b]), level, n_resamples, seed))
    return Interval(tau, low, high, len(a))


def outranked(scores: ArrayLike, controls: ArrayLike) -> NDArray[np.float64]:
    """Whether a control, such as a random map, beats a real method.

    Parameters
    ----------
    scores : (..., M methods), higher is better
    controls : (M,) bool, the methods that are controls

    Returns
    -------
    (..., controls, real methods): 1 where the control scores higher, 0.5 where both score the same, else 0
    """
    scores, controls = _finite(scores, 1), np.asarray(controls)
    if controls.dtype != bool or controls.shape != scores.shape[-1:] or controls.all() or not controls.any():
        raise ValueError(
            f"controls is {controls.dtype} {controls.shape}: give a bool for each of the {scores.shape[-1]} "
            "methods, with a control and a real method among them"
        )
    return np.asarray((1 + np.sign(scores[..., controls, None] - scores[..., None, ~controls])) / 2)


def outranking_share(scores: ArrayLike, controls: ArrayLike) -> NDArray[np.float64]:
    """How often a control beats a real method on an image.

    Parameters: `scores`, (..., N images, M methods), and `controls` as in `outranked`.

    Returns: (..., controls, real methods), the share of the images, ties counted half. One half says that the
    benchmark does not tell them apart.
    """
    return np.asarray(outranked(_finite(scores, 2), controls).mean(axis=-3))


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
    scores = summary["mean"].where(summary["direction"] == "least", -summary["mean"])
    return summary.assign(rank=scores.groupby([summary[key] for key in SETTING]).rank(ascending=False))


def agreement(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
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


def mean_agreement(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
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


def outranking(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """How often each control has the better area than a real method, and its rank, by setting.

    Returns: `SETTING`, control; `share` of images x real methods, ties counted half; `rank` among all methods, 1 is
    best, the mean over images; both with bootstrap intervals over images; `methods`, their number; n, the images. A
    table without rows where there is no control or nothing else.
    """
    settings, methods, ids, scores = scores_of(areas)
    controls = np.isin(methods, CONTROLS)
    if controls.all() or not controls.any():
        return pd.DataFrame(columns=[*SETTING, "control", "share", "rank", "methods", "n"])
    rows = []
    for setting, of_setting in zip(settings, scores, strict=True):
        wins, ranks = outranked(of_setting, controls).mean(axis=-1), rank_methods(of_setting)[:, controls]
        for control, won, rank in zip(np.array(methods)[controls], wins.T, ranks.T, strict=True):
            row: dict[str, Any] = {**dict(zip(SETTING, setting, strict=True)), "control": str(control)}
            for measure, values in {"share": won, "rank": rank}.items():
                found = interval(values, level, n_resamples, seed)
                row |= {measure: found.mean, f"{measure}_low": found.low, f"{measure}_high": found.high}
            rows.append({**row, "methods": len(methods), "n": len(ids)})
    return pd.DataFrame(rows)


def _tau(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tau-b (..., S, S) of the settings from the differences between methods (..., S, pairs)."""
    signs = np.sign(differences).astype(np.float32)
    agreement = (signs @ signs.swapaxes(-1, -2)).astype(np.float64)
    untied = np.diagonal(agreement, axis1=-2, axis2=-1)
    norms = np.sqrt(untied[..., :, None] * untied[..., None, :])
    tau = np.full_like(agreement, np.nan)
    np.divide(agreement, norms, out=tau, where=norms > 0)
    return tau


def _finite(scores: ArrayLike, ndim: int) -> NDArray[np.float64]:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim < ndim or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores has shape {scores.shape}; give at least {ndim} axes, not empty, of finite values: "
            "leave out images that lack a score for any method"
        )
    return scores
