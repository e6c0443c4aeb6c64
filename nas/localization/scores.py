"""Localization over a data set: scores at the best threshold and curves, with intervals that choose it anew."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.localization.box_accuracy import V2_IOUS
from nas.localization.boxes import LEVELS, THRESHOLDS
from nas.localization.pixel_precision import PooledHistograms
from nas.localization.resamples import Replicates, ResampledHits, mean_score
from nas.saliency import CONTROLS, RAW
from nas.statistics import Resampling, bootstrap_p_value, interval_of, resample_parts
from nas.store import Row, Shards

GRID = tuple(float(iou) for iou in np.round(np.arange(0.1, 0.96, 0.05), 2))
EVERY = 10  # of `THRESHOLDS`, whose box accuracy is kept
SHOWN = [index / len(THRESHOLDS) for index in range(0, len(THRESHOLDS), EVERY)]
PHOTOS = 128  # read at a time to add up scores
MEAN = "mean"  # in place of a method: the mean over those that are no controls
SCORES = ["method", "regions", "n", "measure", "value", "low", "high", "gain", "gain_low", "gain_high", "gain_p"]
CURVE = ["method", "regions", "n", "axis", "x", "value", "low", "high", "gain", "gain_low", "gain_high"]


def summaries(folder: Path, resampling: Resampling, ious: Sequence[float]) -> dict[str, pd.DataFrame]:
    """Scores and curves of every map in what the stage `localization` wrote into a folder.

    Each score, and each point of a curve over the IoU, has its difference from that of the raw map, with a paired
    interval, and a score a p-value. The method "mean" is the mean over the methods that are no controls: of its
    differences, and of its curve over the threshold.
    """
    stored = Shards(folder)
    n, correct = len(stored.ids), stored.read(stored.ids, ["correct"])["correct"] if stored.ids else np.zeros(0)
    scores: list[Row] = []
    curves: list[Row] = []
    gains: dict[tuple[str, str], list[Replicates]] = {}
    gains_over: dict[tuple[str, float], list[Replicates]] = {}
    over_threshold: dict[str, list[list[float]]] = {}
    keys = dict.fromkeys(name.partition("/")[2] for name in stored.names() if "/" in name)
    raw: dict[str, dict[str, Replicates]] = {}
    raw_over: dict[str, dict[float, Replicates]] = {}
    for key in sorted(keys, key=lambda key: not key.endswith(f"/{RAW}")):
        method, inside = key.split("/")
        named: Row = {"method": method, "regions": inside, "n": n}
        found, over_iou, curve = _resampled(stored, key, correct, ious, resampling)
        if inside == RAW:
            raw[method], raw_over[method] = found, over_iou
        for iou, values in over_iou.items():
            gain = values - raw_over[method][iou]
            curves.append({**named, "axis": "iou", "x": iou, **_described(values, gain, n, resampling.level)})
            if inside != RAW and method not in CONTROLS:
                gains_over.setdefault((inside, iou), []).append(gain)
        curves += [{**named, **row} for row in curve]
        if curve and method not in CONTROLS:
            over_threshold.setdefault(inside, []).append([row["value"] for row in curve])
        for measure, values in found.items():
            gain = values - raw[method][measure]
            scores.append({**named, "measure": measure, **_described(values, gain, n, resampling.level)})
            if inside != RAW and method not in CONTROLS:
                gains.setdefault((inside, measure), []).append(gain)
    unknown = np.full(1 + resampling.n_resamples, np.nan)
    for (inside, measure), each in gains.items():
        mean = _described(unknown, mean_score(each), n, resampling.level)
        scores.append({"method": MEAN, "regions": inside, "n": n, "measure": measure, **mean})
    for (inside, iou), each in gains_over.items():
        mean = _described(unknown, mean_score(each), n, resampling.level)
        curves.append({"method": MEAN, "regions": inside, "n": n, "axis": "iou", "x": iou, **mean})
    for inside, lines in over_threshold.items():
        named = {"method": MEAN, "regions": inside, "n": n, "axis": "threshold"}
        curves += [{**named, "x": x, "value": value} for x, value in zip(SHOWN, np.mean(lines, axis=0), strict=True)]
    labelled = np.count_nonzero(~np.isnan(correct))
    return {
        "summary": pd.DataFrame(scores, columns=SCORES).assign(labelled=labelled),
        "curves": pd.DataFrame(curves, columns=CURVE),
    }


def _resampled(
    stored: Shards, key: str, correct: NDArray[np.float64], ious: Sequence[float], resampling: Resampling
) -> tuple[dict[str, Replicates], dict[float, Replicates], list[Row]]:
    """Scores of one map by measure, by `GRID`, and its curve over the threshold; a few photos are in memory at a time.

    Top-1 is among them where all labels are known.
    """
    _, n_resamples, seed = resampling
    names = [name for name in (f"{kind}/{key}" for kind in ("multi", "single", "pixels")) if name in stored.names()]
    multi = ResampledHits(sorted({*GRID, *V2_IOUS, *ious}), n_resamples)
    top1, single = ResampledHits(V2_IOUS, n_resamples), ResampledHits([0.5], n_resamples)
    pixels = PooledHistograms(n_resamples)
    for part, counts in resample_parts(len(stored.ids), n_resamples, seed, PHOTOS):
        arrays = stored.read(stored.ids[part], names)
        if f"multi/{key}" in names:
            best = arrays[f"multi/{key}"]
            multi.update(best, counts)
            top1.update(best * np.nan_to_num(correct[part, None]), counts)
            single.update(arrays[f"single/{key}"], counts)
        if f"pixels/{key}" in names:
            pixels.update(arrays[f"pixels/{key}"], counts)
    found: dict[str, Replicates] = {}
    over_grid: dict[float, Replicates] = {}
    curve: list[Row] = []
    if f"multi/{key}" in names:
        over_iou = multi.scores()
        found["MaxBoxAccV2"] = mean_score([over_iou[iou] for iou in V2_IOUS])
        found |= {f"BoxAcc@{iou:g}": over_iou[iou] for iou in ious}
        found["MaxBoxAcc"] = single.scores()[0.5]
        if not np.isnan(correct).any():
            found["Top-1 MaxBoxAccV2"] = mean_score(list(top1.scores().values()))
        over_grid = {iou: over_iou[iou] for iou in GRID}
        curve = _over_threshold(multi.curve(0.7))
    if f"pixels/{key}" in names:
        found["PxAP"] = pixels.scores()
    return found, over_grid, curve


def _over_threshold(accuracy: NDArray[np.float64]) -> list[Row]:
    """BoxAcc at IoU 0.7 over the threshold of the map, from its values by `LEVELS`."""
    shares = accuracy[np.searchsorted(LEVELS, np.arange(0, len(THRESHOLDS), EVERY), side="right") - 1]
    return [{"axis": "threshold", "x": x, "value": float(share)} for x, share in zip(SHOWN, shares, strict=True)]


def _described(values: Replicates, gain: Replicates, n: int, level: float) -> Row:
    """A score and its difference from that of the raw map, with intervals, and a p-value of the difference.

    One photo, or a resample without a score, leaves interval and p-value NaN.
    """
    score, difference = interval_of(values, n, level), interval_of(gain, n, level)
    return {
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "gain": difference.value,
        "gain_low": difference.low,
        "gain_high": difference.high,
        "gain_p": bootstrap_p_value(gain) if n > 1 and not np.isnan(gain).any() else np.nan,
    }
