"""What made each figure, table and claim: notebook, stages, parameters, data and weights, versions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.report.sections import SECTIONS
from nas.store import read_yaml

LOCK, VERSIONS = "dvc.lock", "requirements.lock"
# packages whose numbers, or whose drawings, the report shows
NAMED = ("torch", "torchvision", "timm", "openvino", "numpy", "scipy", "scikit-learn", "scikit-image",
         "opencv-python-headless", "captum", "zennit", "pandas", "matplotlib", "dvc")  # fmt: skip
GIVEN = ("data/raw/", "data/weights/")  # what the results are made from


def provenance(root: Path, claims: Sequence[str]) -> dict[str, Any]:
    """The content of provenance.json, from the project in `root`.

    A row for each figure, table and claim names its notebook, its stage and all stages that lead to it, and the keys of
    params.yaml that any of them reads; then come the values of all keys, the hashes of photos and weights as dvc.lock
    has them, and the versions of packages. It holds no time and no commit: the same inputs give the same bytes.
    """
    values = read_yaml(root / "params.yaml")
    known = read_yaml(root / LOCK).get("stages", {}) if (root / LOCK).is_file() else {}
    items = _items(values)
    # dvc.lock keeps what former parameters made
    stages = {name: stage for name, stage in known.items() if name.partition("@")[2] in items}
    made_by = {out["path"]: name for name, stage in stages.items() for out in stage.get("outs", [])}
    rows = [
        _row(part, kind, f"notebooks/{section.name}.ipynb", f"render_{section.name}", stages, made_by)
        for section in SECTIONS
        for kind, parts in (("figure", section.figures), ("table", section.tables))
        for part in parts
    ]
    rows += [_row(claim, "claim", "", "claims", stages, made_by) for claim in claims]
    return {
        "parts": rows,
        "parameters": {key: value for key, value in values.items() if key not in ("engine", "paper")},
        "data": _hashes(stages),
        "versions": versions(root / VERSIONS),
    }


def _row(
    part: str, kind: str, notebook: str, stage: str, stages: Mapping[str, Any], made_by: Mapping[str, str]
) -> dict[str, Any]:
    upstream = sorted(leading_to(stage, stages, made_by))
    keys = {key for name in upstream for of_file in stages[name].get("params", {}).values() for key in of_file}
    return {
        "name": part,
        "kind": kind,
        "notebook": notebook,
        "stage": stage,
        "stages": upstream,
        "parameters": sorted(keys),
    }


def leading_to(stage: str, stages: Mapping[str, Any], made_by: Mapping[str, str]) -> set[str]:
    """The stage and all stages whose results it is made from, as far as dvc.lock knows them."""
    found, open_ = set(), [stage]
    while open_:
        name = open_.pop()
        if name in found or name not in stages:
            continue
        found.add(name)
        for dep in stages[name].get("deps", []):
            path = dep["path"]
            open_ += [maker for out, maker in made_by.items() if _overlap(path, out)]
    return found


def _items(values: Mapping[str, Any]) -> set[str]:
    """What stages of these parameters are of: nothing, a data set, a network, both, or what is the user's own."""
    datasets, networks = values.get("datasets", []), values.get("classifiers", [])
    given = [*values.get("download", {}).get("root", {}), *values.get("weights", {}).get("files", {})]
    pairs = [f"{dataset}-{network}" for dataset in datasets for network in networks]
    return {"", *datasets, *networks, *pairs, *given}


def _overlap(one: str, other: str) -> bool:
    """Whether a path is the other one, or one is a folder that holds the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _hashes(stages: Mapping[str, Any]) -> dict[str, str]:
    return {
        out["path"]: out["md5"]
        for _, stage in sorted(stages.items())
        for out in stage.get("outs", [])
        if out["path"].startswith(GIVEN)
    }


def versions(lock: Path, names: Iterable[str] = NAMED) -> dict[str, str]:
    """Versions of packages as a lock file of pip has them."""
    found = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    return {name: found[name] for name in names if name in found}


def footer(made: Mapping[str, Any], notebook: str) -> str:
    """What made a page, in a line."""
    data = "; ".join(f"{path.removeprefix('data/')} {md5[:10]}" for path, md5 in made["data"].items())
    packages = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    source = f"Made from {notebook}. " if notebook else ""
    return f"{source}Photos and weights (md5): {data or 'not known'}. With {packages}."
