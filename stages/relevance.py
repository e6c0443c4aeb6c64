"""Relevance curves of saliency maps, and how far their settings agree: data/relevance/DATASET/CLASSIFIER.

A setting is a direction (least relevant part first, LeRF, or most, MoRF), an order (the parts that are removed whole)
and a replacement (what is shown in their place). A curve follows the probability of the class that the network
predicts for the whole photo, and the map is the one for that class.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from nas import engine
from nas.checksums import sha256_of
from nas.datasets import Record, read_records
from nas.durations import in_words
from nas.heads import fingerprint, shared_classifier
from nas.inconsistency import SETTING, agreement, mean_agreement, outranking, ranked
from nas.relevance import (
    REPLACEMENTS,
    Order,
    RelevanceCurve,
    area,
    blur,
    mean_curve,
    relevance_curves,
    removal_order,
    seconds_of_curve,
    tiles,
)
from nas.scoremaps import CONTROLS, resize_map
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, join_tables, write_table
from nas.tables import summarize
from params import SCRATCH, Parameters, Relevance, run

DIRECTIONS = ("least", "most")
CURVES, TAU, MEAN_TAU, OUTRANKING = "curves.parquet", "tau.parquet", "mean_tau.parquet", "outranking.parquet"
# of the pixels removed, where curves with steps of their own are averaged
FRACTIONS = np.linspace(0, 1, 21)


class Removal(NamedTuple):
    direction: str
    order: str
    method: str


class Ordered(NamedTuple):
    """What is read of a photo: what the network sees of it, the class, the orders, and of how many parts each is."""

    view: NDArray[np.uint8]
    target: int
    orders: dict[Removal, Order]
    n_parts: dict[str, int]


def read(
    record: Record, methods: Sequence[str], activations: Path, saliency: Path, superpixels: Path, settings: Relevance
) -> Ordered:
    """The view (1, size, size, 3) of a photo, its predicted class, and the removal orders of its maps."""
    view = Shards(activations).read([record.id], ["view"])["view"]
    stored = Shards(saliency).read([record.id], ["target_predicted", *(f"predicted/{each}" for each in methods)])
    size = view.shape[1:3]
    maps = {method: resize_map(stored[f"predicted/{method}"][0], size) for method in methods}
    parts = parts_of(record, superpixels, size, settings)
    n_parts = {order: view[0, ..., 0].size if each is None else len(np.unique(each)) for order, each in parts.items()}
    return Ordered(view, int(stored["target_predicted"][0]), removal_orders(maps, parts, settings), n_parts)


def compute(
    records: Sequence[Record], photos: Sequence[Ordered], name: str, weights: Path, head: Path, settings: Relevance
) -> Shard:
    """Areas under the curves of a few photos, and the curves `DIRECTION/ORDER/REPLACEMENT/METHOD` at `FRACTIONS`.

    A photo of whose class the network gives no probability, 0 in double precision, has curves and areas of 0.
    """
    rows: list[Row] = []
    sampled: dict[str, list[NDArray[np.float64]]] = {}
    classifier = shared_classifier(name, weights, head)
    for record, (view, target, orders, n_parts) in zip(records, photos, strict=True):
        x = classifier.normalize(view)
        for replacement, removal, curve in curves_of(classifier.predictor, x, target, orders, settings):
            point = {**removal._asdict(), "replacement": replacement}
            p0 = float(curve.probabilities[0])
            made = {"parts": n_parts[removal.order], "steps": len(curve.fractions) - 1}
            rows.append({"id": record.id, **point, "auc": area(curve), "p0": p0, "target": target, **made})
            key = f"{removal.direction}/{removal.order}/{replacement}/{removal.method}"
            values = np.interp(FRACTIONS, curve.fractions, curve.probabilities)
            sampled.setdefault(key, []).append(values)
    return Shard([record.id for record in records], {key: np.stack(each) for key, each in sampled.items()}, rows)


def parts_of(
    record: Record, superpixels: Path, size: tuple[int, int], settings: Relevance
) -> dict[str, NDArray[Any] | None]:
    """The parts of a photo that each order removes whole: None for single pixels, else a label map."""
    simple = {"pixels": None, "tiles": tiles(*size, settings.tile)}
    segmented = [order for order in {*settings.least.orders, *settings.most.orders} if order not in simple]
    found = Shards(superpixels).read([record.id], segmented)
    return simple | {order: found[order][0] for order in segmented}


def removal_orders(
    maps: Mapping[str, NDArray[np.float64]], parts: Mapping[str, NDArray[Any] | None], settings: Relevance
) -> dict[Removal, Order]:
    """When each pixel goes, for every direction, order and method."""
    return {
        Removal(direction, order, method): removal_order(saliency, parts[order], settings.n_steps, direction)
        for direction in DIRECTIONS
        for order in getattr(settings, direction).orders
        for method, saliency in maps.items()
    }


def curves_of(
    predict: Callable[[Tensor], Tensor],
    x: Tensor,
    target: int,
    orders: Mapping[Removal, Order],
    settings: Relevance,
) -> Iterator[tuple[str, Removal, RelevanceCurve[Removal]]]:
    """The curves of one photo; an image that both directions show with one replacement is evaluated once."""
    replacements = {direction: getattr(settings, direction).replacements for direction in DIRECTIONS}
    found = {}
    for replacement, fill in (REPLACEMENTS | {"blur": partial(blur, sigma=settings.blur)}).items():
        wanted = {key: [order] for key, order in orders.items() if replacement in replacements[key.direction]}
        if wanted:
            for curve in relevance_curves(predict, x, wanted, {replacement: fill}, [target], settings.batch):
                found[replacement, curve.order] = curve
    for removal in orders:
        for replacement in replacements[removal.direction]:
            yield replacement, removal, found[replacement, removal]


def bands(stored: Shards, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """Mean curves with pointwise intervals; in memory are those of one setting at a time."""
    rows = []
    for _, names in groupby(stored.names(), key=lambda name: name.split("/")[:3]):
        for name, curves in stored.read(stored.ids, list(names)).items():
            point = dict(zip([*SETTING, "method"], name.split("/"), strict=True))
            found = mean_curve(curves, level, n_resamples, seed)._asdict()
            rows.append(pd.DataFrame({**point, "fraction": FRACTIONS, **found, "n": len(curves)}))
    return pd.concat(rows, ignore_index=True)


def steps_of(table: pd.DataFrame) -> pd.DataFrame:
    """For each setting the fewest and the most parts of a photo, and in how many steps they go: least_parts, ..."""
    found = table.groupby(SETTING, sort=False)[["parts", "steps"]].agg(["min", "max"])
    found.columns = pd.Index(["least_parts", "most_parts", "least_steps", "most_steps"])
    return found.reset_index()


def check(settings: Relevance, stored: Shards, segmented: Shards) -> list[str]:
    """The methods to evaluate: those asked for, less those that the network cannot do."""
    allowed = ["pixels", "tiles", *segmented.names()]
    for direction in DIRECTIONS:
        for order in getattr(settings, direction).orders:
            if order not in allowed:
                raise ValueError(f"relevance.{direction}.orders has {order!r}: allowed are {', '.join(allowed)}")
    methods = [method for method in settings.methods if f"predicted/{method}" in stored.names()]
    if all(method in CONTROLS for method in methods):
        raise ValueError("relevance.methods has no method that this network can do, beside controls: add one")
    return methods


def main(parameters: Parameters, dataset: str, classifier: str) -> None:
    weights, head = Path("data/weights", f"{classifier}.safetensors"), Path("data/heads", dataset, classifier)
    activations, saliency, superpixels = (
        Path("data", stage, dataset, classifier) for stage in ("activations", "saliency", "superpixels")
    )
    target, settings, seed = Path("data/relevance", dataset, classifier), parameters.relevance, parameters.seed
    methods = check(settings, Shards(saliency), Shards(superpixels))
    records, network = read_records(Path("data/raw", dataset)), shared_classifier(classifier, weights, head)
    n_curves = len(methods) * settings.n_curves
    cores = 1 if network.device.type == "cuda" else os.cpu_count() or 1
    longest = len(records) * n_curves * seconds_of_curve(network, settings.n_steps, settings.batch) / cores
    needs = f"{len(records)} photos x {n_curves} curves, at most about {in_words(longest)} in all"
    print(f"relevance {dataset} {classifier}: {needs}", file=sys.stderr)
    engine.run(
        partial(compute, name=classifier, weights=weights, head=head, settings=settings),
        records,
        target,
        key=[
            settings.model_dump(),
            sha256_of(weights),
            fingerprint(head),
            *(Shards(folder).fingerprint for folder in (activations, saliency, superpixels)),
        ],
        scratch=SCRATCH / "relevance" / dataset / classifier,
        workers=1 if network.device.type == "cuda" else 0,
        description=f"relevance {dataset} {classifier}",
        load=partial(
            read,
            methods=methods,
            activations=activations,
            saliency=saliency,
            superpixels=superpixels,
            settings=settings,
        ),
    )
    carried: dict[str, Any] = {"dataset": dataset, "network": classifier, "seed": seed}
    join_tables([target / TABLE], target / TABLE, carried | parameters.statistics.model_dump())
    level, n_resamples, stored = parameters.statistics.level, parameters.statistics.resamples, Shards(target)
    areas = stored.table(["id", *SETTING, "method", "auc", "parts", "steps"])
    means = summarize(areas, [*SETTING, "method"], ["auc"], level=level, n_resamples=n_resamples, seed=seed)
    steps = steps_of(areas)
    for name, frame in {
        SUMMARY: ranked(means).merge(steps, on=SETTING),
        CURVES: bands(stored, level, n_resamples, seed).merge(steps, on=SETTING),
        TAU: agreement(areas, level, n_resamples, seed),
        MEAN_TAU: mean_agreement(areas, level, n_resamples, seed),
        OUTRANKING: outranking(areas, level, n_resamples, seed),
    }.items():
        write_table(frame.assign(**carried), target / name)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
