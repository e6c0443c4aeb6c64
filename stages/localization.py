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
from nas.boxes import resize_boxes
from nas.datasets import Record, read_records
from nas.localization import BoxAccuracy, difference_interval
from nas.pixel_precision import PixelAveragePrecision
from nas.scoremaps import center_gaussian, normalize, resize_map
from nas.semantics import auroc
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, write_table
from params import SCRATCH, Localization, Parameters, run

GAUSSIAN = "center_gaussian"
V2 = (0.3, 0.5, 0.7)
CURVES = "curves.parquet"


def compute(records: Sequence[Record], saliency: Path, superpixels: Path, settings: Localization) -> Shard:
    """Best IoU at every threshold, histograms of object and other pixels, and AUROC of a few photos."""
    arrays: dict[str, list[NDArray[Any]]] = {}
    rows: list[Row] = []
    for record in records:
        labels = {name: maps[0] for name, maps in Shards(superpixels).read([record.id], settings.regions).items()}
        size = next(iter(labels.values())).shape
        boxes = resize_boxes(record.boxes, record.photo().shape[:2], size)
        truth, mask = record.truth(size), record.truth()
        for method, inside, scores in maps_of(record, saliency, labels, size, settings):
            key = f"{method}/{inside}"
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
    available = [method for method in settings.methods if f"true/{method}" in stored.names()]
    for method in available:
        raw = resize_map(stored.read([record.id], [f"true/{method}"])[f"true/{method}"][0], size)
        yield method, "raw", normalize(raw)
        for name, found in labels.items():
            yield method, name, normalize(regions.average(raw, regions.relabel(found)))
    yield GAUSSIAN, "raw", center_gaussian(size)


def scores(
    stored: Shards,
    ids: Sequence[str],
    correct: NDArray[np.bool_],
    iou_thresholds: Sequence[float],
    level: float,
    n_resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Every measure of every map, its interval, and its difference from the raw map with a paired interval."""
    read = {name: stored.read(ids, [name])[name] for name in stored.names()}
    keys = dict.fromkeys(name.split("/", 1)[1] for name in read)
    measures: list[tuple[str, str, Sequence[float], bool]] = [
        ("MaxBoxAcc", "single", (0.5,), False),
        ("MaxBoxAccV2", "multi", V2, False),
        ("Top-1 MaxBoxAccV2", "multi", V2, True),
        *((f"BoxAcc@{iou:g}", "multi", (iou,), False) for iou in iou_thresholds),
    ]
    rows: list[Row] = []
    for key in keys:
        method, inside = key.split("/")
        for measure, contours, ious, top1 in measures:
            best, raw = (read[f"{contours}/{each}"] for each in (key, f"{method}/raw"))
            if top1:
                best, raw = best * correct[:, None], raw * correct[:, None]
            row = {"method": method, "regions": inside, "measure": measure}
            rows.append(row | compared(best, raw, ious, level, n_resamples, seed))
        if f"pixels/{key}" in read:
            value = PixelAveragePrecision.from_histograms(read[f"pixels/{key}"].sum(axis=0)).score()
            rows.append({"method": method, "regions": inside, "measure": "PxAP", "mean": value, "n": len(ids)})
    return pd.DataFrame(rows)


def compared(
    best: NDArray[Any], raw: NDArray[Any], ious: Sequence[float], level: float, n_resamples: int, seed: int
) -> Row:
    """A score and its difference from that of the raw map; both intervals choose the threshold in each resample."""
    nothing = np.zeros((len(best), 1), np.float32)
    score = difference_interval(best, nothing, ious, n_resamples, level, seed)
    gain = difference_interval(best, raw, ious, n_resamples, level, seed)
    return {
        "mean": score.value,
        "low": score.low,
        "high": score.high,
        "n": score.n,
        "gain": gain.value,
        "gain_low": gain.low,
        "gain_high": gain.high,
    }


def curves(stored: Shards, ids: Sequence[str], level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """BoxAcc over IoU with the best threshold for each, and over the threshold at IoU 0.7, multi-contour."""
    grid = np.round(np.arange(0.1, 0.96, 0.05), 2)
    rows: list[Row] = []
    for name in (name for name in stored.names() if name.startswith("multi/")):
        _, method, inside = name.split("/")
        best = stored.read(ids, [name])[name]
        nothing = np.zeros((len(best), 1), np.float32)
        for iou in grid:
            found = difference_interval(best, nothing, float(iou), n_resamples, level, seed)
            row = {"axis": "iou", "x": float(iou), "mean": found.value, "low": found.low, "high": found.high}
            rows.append({"method": method, "regions": inside, "n": found.n, **row})
        for index in range(0, best.shape[1], 10):
            share = float((best[:, index] >= np.float32(0.7)).mean())
            row = {"axis": "threshold", "x": index / best.shape[1], "mean": share, "low": np.nan, "high": np.nan}
            rows.append({"method": method, "regions": inside, "n": len(best), **row})
    return pd.DataFrame(rows)


def main(parameters: Parameters, dataset: str, classifier: str) -> None:
    saliency, superpixels = (Path("data", stage, dataset, classifier) for stage in ("saliency", "superpixels"))
    target = Path("data/localization", dataset, classifier)
    settings, seed = parameters.localization, parameters.seed
    records = [record for record in read_records(Path("data/raw", dataset)) if record.boxes]
    if not records:
        raise ValueError(f"data set {dataset!r} has no boxes: leave it out of datasets, or use another")
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
    targets = Shards(saliency).read(ids, ["target_true", "target_predicted"])
    carried: dict[str, Any] = {"dataset": dataset, "network": classifier, "seed": seed}
    correct = targets["target_true"] == targets["target_predicted"]
    level, n_resamples = parameters.statistics.level, settings.resamples
    summary = scores(stored, ids, correct, settings.ious, level, n_resamples, seed)
    write_table(summary.assign(**carried), target / SUMMARY)
    write_table(curves(stored, ids, level, n_resamples, seed).assign(**carried), target / CURVES)
    if (target / TABLE).exists():
        write_table(stored.table().assign(**carried), target / TABLE)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
