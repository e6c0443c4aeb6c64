"""What localization measures of a few photos: boxes at every threshold, pixels, and contrast, raw and averaged.

Weakly supervised object localization by the protocol of Choe et al. 2020, and how well each map tells object from
background (AUROC against the mask).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data import IGNORED, Record, resize_boxes, shows_object
from nas.localization.box_accuracy import BoxAccuracy
from nas.localization.boxes import LEVELS
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
from nas.store import Row, Shard, Stored, engine
from nas.superpixels import regions

LOCALIZATION_COLUMNS = ("id", "method", "regions", "auroc")


def located(records: Sequence[Record]) -> list[Record]:
    """The photos with boxes, or, in a data set without any, those with masks."""
    boxed = [record for record in records if record.boxes]
    return boxed or [record for record in records if record.mask is not None]


def to_locate(saliency: Path, methods: Sequence[str]) -> dict[str, Stored | None]:
    """The pieces of `locate_photos`: methods with the maps of the true class that the stage saliency stored."""
    targets = Stored(saliency, ("target_true", "target_predicted", "labelled"))
    return {TARGETS: targets, **{name: Stored(saliency, (f"true/{name}",)) for name in methods}, GAUSSIAN: None}


def locate_photos(
    records: Sequence[Record], pieces: Mapping[str, Stored | None], superpixels: Stored
) -> dict[str, Shard]:
    """Best IoU at the threshold of every grey level, histograms of object and other pixels, and AUROC of a few photos.

    Parameters: `pieces`, methods with their maps, `nas.saliency.GAUSSIAN`, which has none, and `nas.saliency.TARGETS`
    for whether the network predicts the labelled class (`correct`, NaN where it knows no such class); `superpixels`,
    label maps METHOD.VARIANT to average inside. See `to_locate`.
    """
    ids = [record.id for record in records]
    arrays: dict[str, dict[str, list[NDArray[Any]]]] = {piece: {} for piece in pieces}
    rows: dict[str, list[Row]] = {piece: [] for piece in pieces}
    for record in records:
        labels = {kind: regions.relabel(maps[0]) for kind, maps in superpixels.read([record.id]).items()}
        same = _first_of_equals(labels)
        distinct = {kind: labels[kind] for kind in dict.fromkeys(same.values())}
        height, width = next(iter(labels.values())).shape
        boxes = resize_boxes(record.boxes, record.size, (height, width)) if record.boxes else None
        mask, truth = record.truth(), record.truth((height, width))
        for piece, stored in pieces.items():
            if piece == TARGETS and stored is not None:
                arrays[piece].setdefault("correct", []).append(_correct(stored, record.id))
                continue
            known: dict[str, tuple[dict[str, NDArray[Any]], float | None]] = {}
            for inside, scores in _maps(piece, record.id, stored, distinct, (height, width)):
                with engine.naming(f"{piece}/{inside}"):
                    contrast = None if truth is None else auroc_against_mask(scores, truth)
                    known[inside] = _measures(scores, boxes, mask), contrast
            for inside in [RAW] if stored is None else [RAW, *labels]:
                measured, contrast = known[same.get(inside, inside)]
                for name, found in measured.items():
                    arrays[piece].setdefault(f"{name}/{piece}/{inside}", []).append(found)
                if contrast is not None:
                    values = (record.id, piece, inside, contrast)
                    rows[piece].append(dict(zip(LOCALIZATION_COLUMNS, values, strict=True)))
    return {
        piece: Shard(ids, {name: np.stack(each) for name, each in arrays[piece].items()}, rows[piece])
        for piece in pieces
    }


def _maps(
    method: str, photo: str, saliency: Stored | None, labels: Mapping[str, NDArray[Any]], size: tuple[int, int]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """`RAW` or the kind of regions, and the normalized map of the true class.

    Parameters: `labels`, region maps by kind.
    """
    if saliency is None:
        yield RAW, center_gaussian(size)
        return
    with engine.naming(method):
        raw = resize_map(saliency.one(photo), size)
        yield RAW, normalize(raw)
        for kind, found in labels.items():
            yield kind, normalize(average(raw, found))


def _first_of_equals(labels: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Each kind of regions with the first whose region map is the same: what is measured of one holds for the other."""
    first: dict[bytes, str] = {}
    return {kind: first.setdefault(found.tobytes(), kind) for kind, found in labels.items()}


def _measures(
    scores: NDArray[np.float64], boxes: NDArray[np.int32] | None, mask: NDArray[np.uint8] | None
) -> dict[str, NDArray[Any]]:
    """Best IoU at `LEVELS` by all and by the largest contour, and histograms of pixels, as far as is known."""
    size, found = (scores.shape[0], scores.shape[1]), {}
    if boxes is not None:
        for contours in ("single", "multi"):
            accuracy = BoxAccuracy(multi_contour=contours == "multi", size=size)
            accuracy.update(scores, boxes)
            found[contours] = accuracy.best_ious_[0, LEVELS]
    if mask is not None:
        precision = PixelAveragePrecision(size=size)
        precision.update(scores, shows_object(mask), mask == IGNORED)
        found["pixels"] = precision.histograms_
    return found


def _correct(saliency: Stored, photo: str) -> NDArray[np.float64]:
    found = saliency.read([photo])
    return np.asarray(np.where(found["labelled"], found["target_true"] == found["target_predicted"], np.nan)[0])
