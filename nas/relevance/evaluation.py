"""Relevance curves of the saliency maps of a few photos, in every setting.

A setting is a direction (least relevant part first, LeRF, or most, MoRF), an order (the parts that are removed whole)
and a replacement (what is shown in their place). A curve follows the probability of the class that the network
predicts for the whole photo, and the map is the one for that class.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nas.data import Record
from nas.networks import Backend, StoredClassifier
from nas.relevance.areas import FRACTIONS, area
from nas.relevance.curves import RelevanceCurve, relevance_curves
from nas.relevance.orders import SIMPLE, Order, removal_order, tiles
from nas.relevance.replacements import REPLACEMENTS, blur
from nas.saliency import resize_map
from nas.store import Row, Shard, Stored

DIRECTIONS = ("least", "most")


@dataclass(frozen=True)
class Settings:
    """What is removed, and what is shown instead.

    Attributes
    ----------
    orders, replacements : by direction
    n_steps : the most images in a curve beside the whole photo
    tile : side of a tile, in pixels
    blur : standard deviation, in pixels
    batch : images per forward pass
    """

    orders: Mapping[str, Sequence[str]]
    replacements: Mapping[str, Sequence[str]]
    n_steps: int
    tile: int
    blur: float
    batch: int

    @property
    def segmented(self) -> list[str]:
        """The orders that are label maps METHOD.VARIANT."""
        named = dict.fromkeys(order for direction in DIRECTIONS for order in self.orders[direction])
        return [order for order in named if order not in SIMPLE]

    @property
    def n_curves(self) -> int:
        """Curves of a photo and a method."""
        return sum(len(self.orders[direction]) * len(self.replacements[direction]) for direction in DIRECTIONS)


@dataclass(frozen=True)
class Inputs:
    """What the curves of all methods are made from.

    Attributes
    ----------
    classifier : with its head
    views : of the photos
    targets : the predicted class of each photo
    superpixels : the label maps of the orders
    """

    classifier: StoredClassifier
    views: Stored
    targets: Stored
    superpixels: Stored

    @classmethod
    def of_data(
        cls, data: Path, dataset: str, network: str, settings: Settings, backend: Backend = "openvino"
    ) -> "Inputs":
        """The inputs that the stages wrote below `data` for a data set and a network."""
        activations, saliency, superpixels, head = (
            data / stage / dataset / network for stage in ("activations", "saliency", "superpixels", "heads")
        )
        return cls(
            StoredClassifier(network, data / "weights" / f"{network}.safetensors", head, backend),
            Stored(activations, ("view",)),
            Stored(saliency, ("target_predicted",)),
            Stored(superpixels, tuple(settings.segmented)),
        )


def to_rank(saliency: Path, methods: Sequence[str]) -> dict[str, Stored]:
    """The pieces of `curve_photos`: methods with the maps of the predicted class that the stage saliency stored."""
    return {method: Stored(saliency, (f"predicted/{method}",)) for method in methods}


class Directed(Hashable, Protocol):
    """What names an order, and is least or most relevant part first."""

    @property
    def direction(self) -> str: ...


Key = TypeVar("Key", bound=Directed)


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


def read_photo(record: Record, pieces: Mapping[str, Stored], inputs: Inputs, settings: Settings) -> Ordered:
    """The view (1, size, size, 3) of a photo, its predicted class, and the removal orders of the maps of `pieces`."""
    view = inputs.views.read([record.id])["view"]
    size = view.shape[1:3]
    maps = {method: resize_map(stored.one(record.id), size) for method, stored in pieces.items()}
    found = inputs.superpixels.read([record.id])
    parts: dict[str, NDArray[Any] | None] = {"pixels": None, "tiles": tiles(size[0], size[1], settings.tile)}
    parts |= {order: found[order][0] for order in settings.segmented}
    orders = {
        Removal(direction, order, method): removal_order(saliency, parts[order], settings.n_steps, direction)
        for direction in DIRECTIONS
        for order in settings.orders[direction]
        for method, saliency in maps.items()
    }
    n_parts = {order: view[0, ..., 0].size if each is None else len(np.unique(each)) for order, each in parts.items()}
    return Ordered(view, int(inputs.targets.one(record.id)), orders, n_parts)


def curve_photos(
    records: Sequence[Record],
    photos: Sequence[Ordered],
    pieces: Mapping[str, Stored],
    inputs: Inputs,
    settings: Settings,
) -> dict[str, Shard]:
    """Areas under the curves of a few photos, and the curves `DIRECTION/ORDER/REPLACEMENT/METHOD` at `FRACTIONS`.

    A photo of whose class the network gives no probability, 0 in double precision, has curves and areas of 0.

    Parameters: `photos`, see `read_photo`; `pieces`, methods, see `to_rank`.
    """
    classifier = inputs.classifier.load()
    predict = classifier.predictor
    rows: dict[str, list[Row]] = {method: [] for method in pieces}
    sampled: dict[str, dict[str, list[NDArray[np.float64]]]] = {method: {} for method in pieces}
    for record, photo in zip(records, photos, strict=True):
        x = classifier.normalize(photo.view)
        for method in pieces:
            orders = {removal: order for removal, order in photo.orders.items() if removal.method == method}
            for replacement, removal, curve in curves_of(predict, x, photo.target, orders, settings):
                point: Row = {**removal._asdict(), "replacement": replacement}
                p0 = float(curve.probabilities[0])
                made = {"parts": photo.n_parts[removal.order], "steps": len(curve.fractions) - 1}
                row = {"id": record.id, **point, "auc": area(curve), "p0": p0, "target": photo.target, **made}
                rows[method].append(row)
                key = f"{removal.direction}/{removal.order}/{replacement}/{method}"
                values = np.interp(FRACTIONS, curve.fractions, curve.probabilities)
                sampled[method].setdefault(key, []).append(values)
    ids = [record.id for record in records]
    return {
        method: Shard(ids, {key: np.stack(each) for key, each in sampled[method].items()}, rows[method])
        for method in pieces
    }


def curves_of(
    predict: Callable[[Tensor], Tensor],
    x: Tensor,
    target: int,
    orders: Mapping[Key, Order],
    settings: Settings,
) -> Iterator[tuple[str, Key, RelevanceCurve[Key]]]:
    """The curves of one photo, by replacement and what names the order; images that two curves share with one
    replacement, whatever their directions, are evaluated once.
    """
    found = {}
    for replacement, fill in (REPLACEMENTS | {"blur": partial(blur, sigma=settings.blur)}).items():
        wanted = {key: [order] for key, order in orders.items() if replacement in settings.replacements[key.direction]}
        if wanted:
            for curve in relevance_curves(predict, x, wanted, {replacement: fill}, [target], settings.batch):
                found[replacement, curve.order] = curve
    for key in orders:
        for replacement in settings.replacements[key.direction]:
            yield replacement, key, found[replacement, key]
