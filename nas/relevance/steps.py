"""How far areas under relevance curves have converged at their number of steps.

Curves of several numbers of steps are made of the same map. An image that several of them have in common is
evaluated once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from nas.data import Record
from nas.relevance.areas import area
from nas.relevance.evaluation import Inputs, Ordered, Settings, curves_of, read_photo
from nas.store import Row, Shard, Stored


class Counted(NamedTuple):
    """A removal in so many steps, at most."""

    direction: str
    order: str
    method: str
    n_steps: int


def read_counts(
    record: Record, pieces: Mapping[str, Stored], inputs: Inputs, settings: Settings, counts: Sequence[int]
) -> dict[int, Ordered]:
    """What `read_photo` reads of a photo, for each number of steps."""
    return {n: read_photo(record, pieces, inputs, replace(settings, n_steps=n)) for n in counts}


def compare_steps(
    records: Sequence[Record],
    photos: Sequence[Mapping[int, Ordered]],
    pieces: Mapping[str, Stored],
    inputs: Inputs,
    settings: Settings,
) -> dict[str, Shard]:
    """Areas under the curves of a few photos, with each number of steps.

    Parameters: `photos`, see `read_counts`; `pieces`, methods, see `to_rank`; `settings`, whose `n_steps` are those of
    the report, marked in the rows as `used`.
    """
    classifier = inputs.classifier.load()
    predict, rows = classifier.predictor, {method: list[Row]() for method in pieces}
    for record, photo in zip(records, photos, strict=True):
        some = next(iter(photo.values()))
        x = classifier.normalize(some.view)
        for method, made in rows.items():
            orders = {
                Counted(*removal, n): order
                for n, ordered in photo.items()
                for removal, order in ordered.orders.items()
                if removal.method == method
            }
            for replacement, counted, curve in curves_of(predict, x, some.target, orders, settings):
                row: Row = {"id": record.id, **counted._asdict(), "replacement": replacement}
                row |= {"used": counted.n_steps == settings.n_steps, "parts": some.n_parts[counted.order]}
                made.append(row | {"steps": len(curve.fractions) - 1, "auc": area(curve)})
    ids = [record.id for record in records]
    return {method: Shard(ids, rows=made) for method, made in rows.items()}
