"""params.yaml as typed values. Unknown or ill-typed keys are refused, naming the key, what is there, what may be."""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import relations
from nas.archives import ArchiveError
from nas.shards import write_json
from nas.sources import SourceError

PARAMS = Path("params.yaml")
SCRATCH = Path("data/scratch")
TIMINGS = Path("reports/timings.json")

Clusters = Annotated[int, Field(ge=2)]
Labels = Annotated[int, Field(ge=2, le=255)]
Depth = Annotated[int, Field(ge=0)]
Depths = Annotated[list[Depth], Field(min_length=1)]
Size = Literal["first", "image"] | Annotated[int, Field(ge=2)]
Weighting = Literal["channels", "none"]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Download(Section):
    root: dict[Name, str]
    mirror: dict[Name, str]
    split: dict[Name, str]
    limit: Count | None
    train: Annotated[int, Field(ge=0)] | None


class Weights(Section):
    files: dict[Name, str]


class Activations(Section):
    precision: Literal["float32", "float16"]
    batch: Count
    forward: Literal["float32", "bfloat16", "float16"]
    cache: bool
    depths: dict[Name, Annotated[dict[Depth, str], Field(min_length=1)]]


class Slic(Section):
    compactness: Annotated[float, Field(gt=0)]
    sigma: Annotated[float, Field(ge=0)]


class Felzenszwalb(Section):
    sigma: Annotated[float, Field(ge=0)]
    min_size: Count | None


class Variant(Section):
    clusters: Clusters | Literal["auto"]
    depths: Depths
    weighting: Weighting
    size: Size


class Superpixels(Section):
    clusters: Clusters | Literal["auto"]
    depths: Depths
    weighting: Weighting
    interpolation: Literal["bicubic", "bilinear"]
    sizes: Annotated[list[Size], Field(min_length=1)]
    tuned: Variant | None
    tolerance: Annotated[int, Field(ge=0)]
    edge_quantile: Share
    slic: Slic
    felzenszwalb: Felzenszwalb


class Ablation(Section):
    depths: Annotated[list[Depths], Field(min_length=1)]
    clusters: Annotated[list[Clusters], Field(min_length=1)]
    sizes: Annotated[list[Size], Field(min_length=1)]
    weighting: Annotated[list[Weighting], Field(min_length=1)]


class Classes(Section):
    groups: Annotated[list[str], Field(min_length=1)] | None
    clusters: Labels
    own_clusters: Annotated[list[Labels], Field(min_length=1)]


class Saliency(Section):
    methods: Annotated[list[str], Field(min_length=1)]
    regions: str
    batch: Count
    parameters: dict[str, dict[str, int | float | str]]


class Convergence(Section):
    photos: Count
    factors: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]
    reference: Annotated[float, Field(gt=0)]


class Localization(Section):
    methods: Annotated[list[str], Field(min_length=1)]
    regions: Annotated[list[str], Field(min_length=1)]
    ious: Annotated[list[Share], Field(min_length=1)]
    resamples: Annotated[int, Field(ge=100)]


class Removals(Section):
    orders: Annotated[list[str], Field(min_length=1)]
    replacements: Annotated[list[Literal["mean", "zero", "blur"]], Field(min_length=1)]


class Relevance(Section):
    methods: Annotated[list[str], Field(min_length=1)]
    least: Removals
    most: Removals
    n_steps: Count
    tile: Count
    blur: Annotated[float, Field(gt=0)]
    batch: Count

    @property
    def n_curves(self) -> int:
        """Curves of a photo and a method."""
        return sum(len(removals.orders) * len(removals.replacements) for removals in (self.least, self.most))


class SingleAndClass(Section):
    group: str
    cluster: Annotated[int, Field(ge=0)] | None
    rows: Count


class Semantics(Section):
    methods: Annotated[list[str], Field(min_length=1)]
    regions: Annotated[list[str], Field(min_length=1)]
    learnt_from: Count
    labelled: Annotated[list[Count], Field(min_length=1)]
    draws: Count


class Contrast(Section):
    photos: Annotated[list[str], Field(min_length=1)]
    methods: Annotated[list[str], Field(min_length=1)]
    regions: str


class FewLabels(Section):
    group: str
    photos: Count


class HighIou(Section):
    methods: Annotated[list[str], Field(min_length=1)]
    regions: Annotated[list[str], Field(min_length=1)]


class RelevanceCurves(Section):
    methods: Annotated[list[str], Field(min_length=1)]
    orders: Annotated[list[str], Field(min_length=1)]
    replacement: Literal["mean", "zero", "blur"]


class Inconsistency(Section):
    methods: Literal["real", "all"]


class Claims(Section):
    alpha: Share
    regions: Annotated[list[str], Field(min_length=1)]
    consistent_tau: Annotated[float, Field(gt=-1, lt=1)]
    agreeing_tau: Annotated[float, Field(gt=-1, lt=1)]
    datasets: Count
    networks: Count


class Statistics(Section):
    level: Share
    resamples: Annotated[int, Field(ge=100)]


class Paper(Section):
    datasets: Annotated[list[Name], Field(min_length=1)]
    classifiers: Annotated[list[Name], Field(min_length=1)]
    settings: dict[str, Any]


class Segmentations(Section):
    photos: Annotated[list[str], Field(min_length=1)]


class Single(Section):
    photo: str


class Parameters(Section):
    datasets: Annotated[list[Name], Field(min_length=1)]
    classifiers: Annotated[list[Name], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]
    download: Download
    weights: Weights
    activations: Activations
    superpixels: Superpixels
    ablation: Ablation
    classes: Classes
    saliency: Saliency
    convergence: Convergence
    localization: Localization
    relevance: Relevance
    semantics: Semantics
    claims: Claims
    statistics: Statistics
    paper: Paper
    segmentations: Segmentations
    method: Single
    depths: Single
    single_and_class: SingleAndClass
    few_labels: FewLabels
    contrast: Contrast
    high_iou: HighIou
    relevance_curves: RelevanceCurves
    inconsistency: Inconsistency

    @model_validator(mode="after")
    def _name_what_is_made(self) -> Self:
        relations.check(self)
        return self


def read(path: Path = PARAMS) -> Parameters:
    """Read and check params.yaml.

    Raises
    ------
    ValueError : one line with the key, what was found and what is allowed
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot be read ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: is empty or no mapping of keys to values; restore it (git checkout {path.name})")
    return validate(content, str(path))


def validate(content: dict[str, Any], where: str) -> Parameters:
    """Check the content of params.yaml; `where` it is from begins the line of an error, see `read`."""
    try:
        return Parameters.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = _key(first["loc"])
        if first["type"] == "value_error":
            raise ValueError(f"{where}: {first['ctx']['error']}") from None
        if first["type"] == "missing":
            raise ValueError(f"{where}: {key} is missing; add it") from None
        if first["type"] == "extra_forbidden":
            raise ValueError(
                f"{where}: {key} is unknown; allowed here are {', '.join(_siblings(first['loc']))}"
            ) from None
        raise ValueError(f"{where}: {key} is {first['input']!r}: {_allowed(error, key)}") from None


def run(stage: Callable[..., None], *arguments: str) -> None:
    """Run a stage as a program: its wall time is noted, an error of the user's is one line and exit code 1."""
    started = time.monotonic()
    try:
        stage(read(), *arguments)
    except (ValueError, OSError, SourceError, ArchiveError) as error:
        if os.environ.get("NAS_DEBUG"):
            traceback.print_exc()
        sys.exit(f"error: {' '.join(str(error).split())}")
    _note_time(" ".join([Path(sys.argv[0]).stem, *arguments]), time.monotonic() - started)


def _note_time(name: str, seconds: float) -> None:
    known = json.loads(TIMINGS.read_text()) if TIMINGS.exists() else {}
    write_json(TIMINGS, dict(sorted({**known, name: round(seconds, 1)}.items())))


def _is_branch(part: int | str) -> bool:
    """Whether a part of an error's place is a branch of a union, as opposed to a key or a position."""
    return isinstance(part, str) and (part in ("int", "constrained-int", "str") or "[" in part)


def _key(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place if not _is_branch(part))


def _allowed(error: ValidationError, key: str) -> str:
    messages = [found["msg"] for found in error.errors() if _key(found["loc"]) == key]
    return ", or ".join(dict.fromkeys(message.replace("Input should be", "allowed is") for message in messages))


def _siblings(place: tuple[int | str, ...]) -> list[str]:
    model: Any = Parameters
    for part in place[:-1]:
        model = model.model_fields[str(part)].annotation
    return list(model.model_fields)
