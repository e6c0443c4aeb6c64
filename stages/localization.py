"""Localize objects by saliency, raw and averaged inside regions: data/localization/DATASET/CLASSIFIER.

Weakly supervised object localization by the protocol of Choe et al. 2020, and how well each map tells object from
background (AUROC against the mask).
"""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas import engine, regions
from nas.box_resamples import Replicates, ResampledHits, mean_score
from nas.boxes import THRESHOLDS, resize_boxes
from nas.datasets import Record, read_records
from nas.localization import CONTROLS, MEAN, V2_IOUS, BoxAccuracy
from nas.pixel_precision import PixelAveragePrecision, PooledHistograms
from nas.scoremaps import GAUSSIAN, center_gaussian, normalize, resize_map
from nas.semantics import auroc
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, join_tables, write_table
from nas.statistics import bootstrap_p_value, interval_of, resample_parts
from params import SCRATCH, Localization, Parameters, run

GRID = tuple(float(iou) for iou in np.round(np.arange(0.1, 0.96, 0.05), 2))
# the first threshold at each grey level: the highest of a normalized map is 255, or 0 if they are all equal
LEVELS = np.unique((THRESHOLDS * 255).astype(int), return_index=True)[1]
PHOTOS = 128  # read at a time to add up scores
CURVES = "curves.parquet"
CONTRAST = ["id", "method", "regions", "auroc"]
SCORES = ["method", "regions", "n", "measure", "mean", "low", "high", "gain", "gain_low", "gain_high", "gain_p"]
CURVE = ["method", "regions", "n", "axis", "x", "mean", "low", "high"]


def compute(records: Sequence[Record], saliency: Path, superpixels: Path, settings: Localization) -> Shard:
    """Best IoU at every threshold, histograms of object and other pixels, and AUROC of a few photos."""
    arrays: dict[str, list[NDArray[Any]]] = {}
    rows: list[Row] = []
    for record in records:
        labels = {name: maps[0] for name, maps in Shards(superpixels).read([record.id], settings.regions).items()}
        size = next(iter(labels.values())).shape
        boxes = resize_boxes(record.boxes, record.photo().shape[:2], size) if record.boxes else None
        truth, mask = record.truth(size), record.truth()
        for method, inside, scores in maps_of(record, saliency, labels, size, settings):
            key = f"{method}/{inside}"
            with engine.about(key):
                if boxes is not None:
                    for contours in ("single", "multi"):
                        accuracy = BoxAccuracy(multi_contour=contours == "multi", size=size)
                        accuracy.update(scores, boxes)
                        arrays.setdefault(f"{contours}/{key}", []).append(accuracy.best_ious_[0])
                if truth is not None and mask is not None:
                    precision = PixelAveragePrecision(size=size)
                    precision.update(scores, (mask > 0) & (mask < 255), mask == 255)
                    arrays.setdefault(f"pixels/{key}", []).append(precision.histograms_)
                    known = truth < 255
                    contrast = auroc(scores[known], truth[known] > 0)
                    rows.append({"id": record.id, "method": method, "regions": inside, "auroc": contrast})
    stacked = {name: np.stack(each) for name, each in arrays.items()}
    return Shard([record.id for record in records], stacked, rows)


def maps_of(
    record: Record, saliency: Path, labels: dict[str, NDArray[Any]], size: tuple[int, int], settings: Localization
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Method, regions ("raw" or their name), and the normalized map, for every method that was run."""
    stored = Shards(saliency)
    names = stored.names()
    available = [method for method in settings.methods if f"true/{method}" in names]
    for method in available:
        with engine.about(method):
            raw = resize_map(stored.read([record.id], [f"true/{method}"])[f"true/{method}"][0], size)
            yield method, "raw", normalize(raw)
            for name, found in labels.items():
                yield method, name, normalize(regions.average(raw, regions.relabel(found)))
    yield GAUSSIAN, "raw", center_gaussian(size)


def measure(
    stored: Shards, ids: Sequence[str], correct: NDArray[np.float64], settings: Localization, level: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and curves of every map, with intervals that choose the threshold anew in each resample.

    Each score has its difference from that of the raw map, with a paired interval and p-value. The method "mean" is
    the mean over the methods that are no controls; only its differences are given.
    """
    scores: list[Row] = []
    curves: list[Row] = []
    gains: dict[tuple[str, str], list[Replicates]] = {}
    keys = list(dict.fromkeys(name.partition("/")[2] for name in stored.names()))
    raw: dict[str, dict[str, Replicates]] = {}
    for key in sorted(keys, key=lambda key: not key.endswith("/raw")):
        method, inside = key.split("/")
        named: Row = {"method": method, "regions": inside, "n": len(ids)}
        found, curve = resampled(stored, ids, key, correct, settings, level, seed)
        curves += [{**named, **row} for row in curve]
        if inside == "raw":
            raw[method] = found
        for measure, values in found.items():
            gain = values - raw[method][measure]
            scores.append({**named, "measure": measure, **described(values, gain, len(ids), level)})
            if inside != "raw" and method not in CONTROLS:
                gains.setdefault((inside, measure), []).append(gain)
    for (inside, measure), each in gains.items():
        unknown = np.full(1 + settings.resamples, np.nan)
        mean = described(unknown, mean_score(each), len(ids), level)
        scores.append({"method": MEAN, "regions": inside, "n": len(ids), "measure": measure, **mean})
    return pd.DataFrame(scores, columns=SCORES), pd.DataFrame(curves, columns=CURVE)


def resampled(
    stored: Shards,
    ids: Sequence[str],
    key: str,
    correct: NDArray[np.float64],
    settings: Localization,
    level: float,
    seed: int,
) -> tuple[dict[str, Replicates], list[Row]]:
    """Scores of one map by measure, and its curves; a few photos are in memory at a time.

    Top-1 is among them where all labels are known.
    """
    names = [name for name in (f"{kind}/{key}" for kind in ("multi", "single", "pixels")) if name in stored.names()]
    multi = ResampledHits(sorted({*GRID, *V2_IOUS, *settings.ious}), settings.resamples)
    top1, single = ResampledHits(V2_IOUS, settings.resamples), ResampledHits([0.5], settings.resamples)
    pixels = PooledHistograms(settings.resamples)
    for part, counts in resample_parts(len(ids), settings.resamples, seed, PHOTOS):
        arrays = stored.read(ids[part], names)
        if f"multi/{key}" in names:
            best = arrays[f"multi/{key}"][:, LEVELS]
            multi.update(best, counts)
            top1.update(best * np.nan_to_num(correct[part, None]), counts)
            single.update(arrays[f"single/{key}"][:, LEVELS], counts)
        if f"pixels/{key}" in names:
            pixels.update(arrays[f"pixels/{key}"], counts)
    found: dict[str, Replicates] = {}
    curves: list[Row] = []
    if f"multi/{key}" in names:
        over_iou = multi.scores()
        found["MaxBoxAccV2"] = mean_score([over_iou[iou] for iou in V2_IOUS])
        found |= {f"BoxAcc@{iou:g}": over_iou[iou] for iou in settings.ious}
        found["MaxBoxAcc"] = single.scores()[0.5]
        if not np.isnan(correct).any():
            found["Top-1 MaxBoxAccV2"] = mean_score(list(top1.scores().values()))
        curves = curve(over_iou, multi.curve(0.7), len(ids), level)
    if f"pixels/{key}" in names:
        found["PxAP"] = pixels.scores()
    return found, curves


def curve(over_iou: dict[float, Replicates], accuracy: NDArray[np.float64], n: int, level: float) -> list[Row]:
    """BoxAcc over the IoU, with the best threshold for each, and over the threshold, at IoU 0.7 and by `LEVELS`."""
    rows: list[Row] = []
    for iou in GRID:
        estimate = interval_of(over_iou[iou], n, level)
        rows.append({"axis": "iou", "x": iou, "mean": estimate.value, "low": estimate.low, "high": estimate.high})
    for index in range(0, len(THRESHOLDS), 10):
        share = float(accuracy[np.searchsorted(LEVELS, index, side="right") - 1])
        rows.append({"axis": "threshold", "x": index / len(THRESHOLDS), "mean": share, "low": np.nan, "high": np.nan})
    return rows


def described(values: Replicates, gain: Replicates, n: int, level: float) -> Row:
    """A score and its difference from that of the raw map, with intervals, and a p-value of the difference.

    One photo, or a resample without a score, leaves interval and p-value NaN.
    """
    score, difference = interval_of(values, n, level), interval_of(gain, n, level)
    return {
        "mean": score.value,
        "low": score.low,
        "high": score.high,
        "gain": difference.value,
        "gain_low": difference.low,
        "gain_high": difference.high,
        "gain_p": bootstrap_p_value(gain) if n > 1 and not np.isnan(gain).any() else np.nan,
    }


def located(records: Sequence[Record]) -> list[Record]:
    """The photos with boxes, or, in a data set without any, those with masks."""
    boxed = [record for record in records if record.boxes]
    return boxed or [record for record in records if record.mask is not None]


def predicted(saliency: Shards, ids: Sequence[str]) -> NDArray[np.float64]:
    """Whether the network predicts the labelled class of each photo, (n,) float64; NaN where it knows no such class."""
    if not ids:
        return np.zeros(0)
    found = saliency.read(ids, ["target_true", "target_predicted", "labelled"])
    return np.where(found["labelled"], found["target_true"] == found["target_predicted"], np.nan)


def main(parameters: Parameters, dataset: str, classifier: str) -> None:
    saliency, superpixels = (Path("data", stage, dataset, classifier) for stage in ("saliency", "superpixels"))
    target = Path("data/localization", dataset, classifier)
    settings, seed = parameters.localization, parameters.seed
    records = located(read_records(Path("data/raw", dataset)))
    if not records:
        print(
            f"{dataset}: has no boxes and no masks, so that nothing can be located; its tables are empty",
            file=sys.stderr,
        )
    engine.run(
        partial(compute, saliency=saliency, superpixels=superpixels, settings=settings),
        records,
        target,
        key=[settings.model_dump(), Shards(saliency).fingerprint, Shards(superpixels).fingerprint],
        scratch=SCRATCH / "localization" / dataset / classifier,
        workers=0,
        description=f"localization {dataset} {classifier}",
    )
    stored, ids = Shards(target), [record.id for record in records]
    drawn = parameters.statistics.model_dump()
    carried: dict[str, Any] = {"dataset": dataset, "network": classifier, "seed": seed}
    correct = predicted(Shards(saliency), ids)
    summary, curves = measure(stored, ids, correct, settings, parameters.statistics.level, seed)
    write_table(summary.assign(labelled=np.count_nonzero(~np.isnan(correct)), **carried), target / SUMMARY)
    write_table(curves.assign(**carried), target / CURVES)
    if (target / TABLE).exists():
        join_tables([target / TABLE], target / TABLE, carried | drawn)
    else:
        write_table(pd.DataFrame(columns=[*CONTRAST, *carried, *drawn]), target / TABLE)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
