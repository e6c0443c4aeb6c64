"""How often a control, such as a random map, beats a real method."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from nas.relevance.agreement import SETTING, scores_of
from nas.saliency import CONTROLS
from nas.statistics import check_finite, interval, interval_of, resample_counts


def rank_methods(scores: ArrayLike) -> NDArray[np.float64]:
    """Rank of each method in scores (..., M), higher is better: 1 is best, equals share their mean rank."""
    return np.asarray(rankdata(-check_finite(scores, 1), axis=-1))


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
    scores, controls = check_finite(scores, 1), np.asarray(controls)
    if controls.dtype != bool or controls.shape != scores.shape[-1:] or controls.all() or not controls.any():
        raise ValueError(
            f"controls is {controls.dtype} {controls.shape}: give a bool for each of the {scores.shape[-1]} "
            "methods, with a control and a real method among them"
        )
    return np.asarray((1 + np.sign(scores[..., controls, None] - scores[..., None, ~controls])) / 2)


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
                row |= {measure: found.value, f"{measure}_low": found.low, f"{measure}_high": found.high}
            rows.append({**row, "methods": len(methods), "n": len(ids)})
    return pd.DataFrame(rows)


def rank_intervals(areas: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """How sure the rank of a method in its setting is: percentiles of its ranks by mean area over resampled images.

    Returns: `SETTING`, method, rank_low, rank_high; NaN for a single image.
    """
    settings, methods, ids, scores = scores_of(areas)
    rows: list[dict[str, Any]] = []
    for setting, of_setting in zip(settings, scores, strict=True):
        samples = [of_setting.mean(axis=0)]
        samples += [counts @ of_setting / len(ids) for counts in resample_counts(len(ids), n_resamples, seed)]
        for method, ranks in zip(methods, rank_methods(np.vstack(samples)).T, strict=True):
            _, low, high, _ = interval_of(ranks, len(ids), level)
            rows.append(
                {**dict(zip(SETTING, setting, strict=True)), "method": method, "rank_low": low, "rank_high": high}
            )
    return pd.DataFrame(rows)
