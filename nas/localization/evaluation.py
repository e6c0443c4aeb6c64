"""What localization measures of a few photos: boxes at every threshold, pixels, and contrast, raw and averaged.

Weakly supervised object localization by the protocol of Choe et al. 2020, and how well each map tells object from
background (AUROC against the mask).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data import IGNORED, Record, resize_boxes
from nas.localization.box_accuracy import BoxAccuracy
from nas.localization.pixel_precision import PixelAveragePrecision
from nas.saliency import (
    GAUSSIAN,
    RAW,
    TARGETS,
    auroc_against_mask,
    average,
    center_gaussian,
    normalize,
    resize_map,
)
from nas.store import Row, Shard, Shards, engine
from nas.superpixels import regions

LOCALIZATION_COLUMNS = ("id", "method", "regions", "auroc")


def located(records: Sequence[Record]) -> list[Record]:
    """The photos with boxes, or, in a data set without any, those with masks."""
    boxed = [record for record in records if record.boxes]
    return boxed or [record for record in records if record.mask is not None]


def locate_photos(
    records: Sequence[Record], pieces: Sequence[str], saliency: Path, superpixels: Path, kinds: Sequence[str]
) -> dict[str, Shard]:
    """Best IoU at every threshold, histograms of object and other pixels, and AUROC of a few photos.

    Parameters: `pieces`, methods, and `nas.saliency.TARGETS` for whether the network predicts the labelled class
    (`correct`, NaN where it knows no such class); `kinds`, label maps METHOD.VARIANT to average inside.
    """
    ids = [record.id for record in records]
    arrays: dict[str, dict[str, list[NDArray[Any]]]] = {piece: {} for piece in pieces}
    rows: dict[str, list[Row]] = {piece: [] for piece in pieces}
    for record in records:
        labels = {kind: maps[0] for kind, maps in Shards(superpixels).read([record.id], kinds).items()}
        height, width = next(iter(labels.values())).shape
        boxes = resize_boxes(record.boxes, record.size, (height, width)) if record.boxes else None
        mask, truth = record.truth(), record.truth((height, width))
        for piece in pieces:
            if piece == TARGETS:
                arrays[piece].setdefault("correct", []).append(_correct(Shards(saliency), record.id))
                continue
            for inside, scores in _maps(piece, record.id, Shards(saliency), labels, (height, width)):
                key = f"{piece}/{inside}"
                with engine.naming(key):
                    for name, found in _measures(scores, boxes, mask).items():
                        arrays[piece].setdefault(f"{name}/{key}", []).append(found)
                    if truth is not None:
                        found_contrast = auroc_against_mask(scores, truth)
                        rows[piece].append(
                            dict(zip(LOCALIZATION_COLUMNS, (record.id, piece, inside, found_contrast), strict=True))
                        )
    return {
        piece: Shard(ids, {name: np.stack(each) for name, each in arrays[piece].items()}, rows[piece])
        for piece in pieces
    }


def _maps(
    method: str, photo: str, saliency: Shards, labels: Mapping[str, NDArray[Any]], size: tuple[int, int]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """`RAW` or the kind of regions, and the normalized map of the true class."""
    if method == GAUSSIAN:
        yield RAW, center_gaussian(size)
        return
    with engine.naming(method):
        raw = resize_map(saliency.read([photo], [f"true/{method}"])[f"true/{method}"][0], size)
        yield RAW, normalize(raw)
        for kind, found in labels.items():
            yield kind, normalize(average(raw, regions.relabel(found)))


def _measures(
    scores: NDArray[np.float64], boxes: NDArray[np.int32] | None, mask: NDArray[np.uint8] | None
) -> dict[str, NDArray[Any]]:
    """Best IoU at every threshold by all and by the largest contour, and histograms of pixels, as far as is known."""
    size, found = (scores.shape[0], scores.shape[1]), {}
    if boxes is not None:
        for contours in ("single", "multi"):
            accuracy = BoxAccuracy(multi_contour=contours == "multi", size=size)
            accuracy.update(scores, boxes)
            found[contours] = accuracy.best_ious_[0]
    if mask is not None:
        precision = PixelAveragePrecision(size=size)
        precision.update(scores, (mask > 0) & (mask < IGNORED), mask == IGNORED)
        found["pixels"] = precision.histograms_
    return found


def _correct(saliency: Shards, photo: str) -> NDArray[np.float64]:
    found = saliency.read([photo], ["target_true", "target_predicted", "labelled"])
    return np.asarray(np.where(found["labelled"], found["target_true"] == found["target_predicted"], np.nan)[0])
