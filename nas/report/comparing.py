"""Two runs side by side: what parameters, verdicts, numbers and figures have changed."""

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from PIL import Image

from nas.report import pages
from nas.report.revisions import Revision
from nas.report.site import STYLE, TEMPLATES
from nas.store import one_line

SCRIPT = "compare.js"
RED = (194, 30, 30)


ABSENT = "–"


class Change(NamedTuple):
    """A value that differs; `ABSENT` where a run does not have it."""

    name: str
    one: Any
    other: Any


class Number(NamedTuple):
    """A number in both runs; `overlap`, of its intervals, is None where it has none."""

    name: str
    one: float | None
    other: float | None
    overlap: bool | None

    @property
    def difference(self) -> float | None:
        return None if self.one is None or self.other is None else self.other - self.one


class Figure(NamedTuple):
    """A figure in both runs; `differ` is the share of its pixels that differ, None where sizes do."""

    name: str
    missing: str
    same: bool = False
    differ: float | None = None


def compare(one: Revision, other: Revision) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of a page that holds two runs side by side.

    Raises
    ------
    ValueError : a file of a run that cannot be read
    """
    figures = []
    names = dict.fromkeys(
        name for run in (one, other) for name in run.names("reports/figures") if name.endswith(".png")
    )
    for file in sorted(names):
        pictures = [run.read(f"reports/figures/{file}") for run in (one, other)]
        name = file.removesuffix(".png")
        absent = [run.name for run, picture in zip((one, other), pictures, strict=True) if picture is None]
        if absent:
            figures.append(Figure(name, f"{' and '.join(absent)} has no {file}"))
            continue
        first, second = (picture for picture in pictures if picture is not None)
        if first == second:
            figures.append(Figure(name, "", same=True))
            continue
        share, drawn = differing(first, second)
        figures.append(Figure(name, "", differ=share))
        yield f"one/{file}", first
        yield f"other/{file}", second
        if drawn is not None:
            yield f"differing/{file}", drawn
    claims = [_claims(run) for run in (one, other)]
    metrics = [_flat(_parsed(run, "reports/metrics.json", json.loads)) for run in (one, other)]
    text = TEMPLATES.get_template("compare.html").render(
        title=f"{one.name} and {other.name}",
        one=one,
        other=other,
        parameters=changes(*(_flat(_parsed(run, "params.yaml", yaml.safe_load)) for run in (one, other))),
        verdicts=changes(*({key: claim["verdict"] for key, claim in each.items()} for each in claims)),
        estimates=estimates(*claims),
        metrics=[each for each in numbers(*metrics) if each.one != each.other],
        figures=figures,
        label=pages.label,
    )
    yield "index.html", text.encode()
    for file in (STYLE, SCRIPT):
        yield file, (Path(__file__).parent / "templates" / file).read_bytes()


def changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Change]:
    """The values that differ, in the order of the first, then of the second."""
    keys = dict.fromkeys([*one, *other])
    found = [Change(key, one.get(key, ABSENT), other.get(key, ABSENT)) for key in keys]
    return [each for each in found if each.one != each.other]


def estimates(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Number]:
    """The estimates of claims that both runs have, and whether their intervals overlap."""
    found = []
    for key in one:
        if key in other and "low" in one[key]:
            a, b = one[key], other[key]
            known = None not in (a["low"], b["low"])
            overlap = a["low"] <= b["high"] and b["low"] <= a["high"] if known else None
            found.append(Number(key, a["value"], b["value"], overlap))
    return [each for each in found if each.one != each.other]


def numbers(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Number]:
    """The numbers that both have."""

    def number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

    return [
        Number(key, value, other[key], None) for key, value in one.items() if number(value) and number(other.get(key))
    ]


def differing(one: bytes, other: bytes) -> tuple[float | None, bytes | None]:
    """The share of pixels that differ between two pictures, and a pale picture of the second with these in red."""
    a, b = (np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")) for picture in (one, other))
    if a.shape != b.shape:
        return None, None
    differ = (a != b).any(axis=2)
    pale = (0.25 * b + 0.75 * 255).astype(np.uint8)
    pale[differ] = RED
    drawn = io.BytesIO()
    Image.fromarray(pale).save(drawn, format="PNG")
    return float(differ.mean()), drawn.getvalue()


def _claims(run: Revision) -> dict[str, dict[str, Any]]:
    """Claims by name, and those on all data sets and networks, which have no interval."""
    ledger = _parsed(run, "reports/claims.json", json.loads)
    try:
        return {claim["name"]: claim for claim in [*ledger["claims"], *ledger["across"]]}
    except (KeyError, TypeError):
        raise ValueError(f"{run.name}: reports/claims.json holds no claims; restore it, or run make repro") from None


def _parsed(run: Revision, path: str, parse: Callable[[bytes], Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = parse(run.read(path) or b"{}")
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(
            f"{run.name}: {path} cannot be read ({one_line(error)}); restore it, or run make repro"
        ) from None
    return found


def _flat(values: Any, before: str = "") -> dict[str, Any]:
    """Values by the path of their keys, joined by dots."""
    if not isinstance(values, dict):
        return {before: values}
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}.{key}" if before else str(key))
    return found
