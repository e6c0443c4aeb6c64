"""The pipeline of the repository for little time: few photos, one network, small counts; and ways to run it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from nas.data.datasets.sample import PHOTOS
from nas.data.preparing import subset
from nas.data.records import Record
from nas.store.files import sha256_of

ROOT = Path(__file__).parent.parent
# `make repro` with this environment's Python in place of a new one
MAKE_REPRO = ["make", "--old-file", ".venv/installed", f"BIN={Path(sys.executable).parent}", "repro"]
CLASSIFIER = "mobilenet_v2"
METHODS = ["cam", "grad_cam", "gradient", "random", "smoothgrad"]


def smaller(parameters: dict[str, Any], photos: list[str]) -> dict[str, Any]:
    """The parameters of the repository, for these photos and little time; what is left as shipped follows."""
    parameters["classifiers"] = [CLASSIFIER]
    parameters["download"]["limit"] = len(photos)
    parameters["superpixels"] |= {"sizes": ["first"], "tuned": None}
    parameters["ablation"] |= {"depths": [[3, 4]], "clusters": [3], "sizes": ["first"], "weighting": ["channels"]}
    parameters["saliency"] |= {"methods": METHODS, "parameters": {"smoothgrad": {"n_samples": 2}}}
    parameters["convergence"] |= {"photos": 1, "factors": [1.0], "reference": 2.0, "n_steps": [2, 4]}
    parameters["localization"]["resamples"] = 100
    parameters["relevance"]["least"] = {"orders": ["tiles", "nas_clusters.first"], "replacements": ["mean"]}
    parameters["relevance"]["most"] = {"orders": ["tiles"], "replacements": ["mean"]}
    parameters["statistics"]["resamples"] = 100
    for section in ("superpixels", "saliency"):
        parameters[section]["figure"]["photos"] = list(photos)
    for section in ("method", "ablation"):
        parameters[section]["figure"]["photo"] = photos[0]
    return parameters


def chosen(root: Path, limit: int, seed: int) -> list[str]:
    """Ids of the photos that a subset of the sample holds."""
    outlined = json.loads((root / "data" / "sample" / "annotations.json").read_text())["photos"]
    classes = {photo["id"]: photo["class_name"] for photo in outlined}
    ids = [Path(name).stem for name in PHOTOS]
    return [r.id for r in subset([Record(i, Path(), "", class_name=classes[i]) for i in ids], limit, seed)]


def tracked_files() -> list[Path]:
    """Files of the repository, relative to its root: what git tracks, and what it would track if it were added."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def copy_tracked(folder: Path) -> Path:
    """Copy the repository into a folder, as a fresh clone would have it: no data, no cache."""
    for name in tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def dvc(folder: Path, *arguments: str) -> str:
    """Run a command of DVC in a folder, with this environment's Python."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment_of(folder), capture_output=True, text=True)
    assert done.returncode == 0, f"dvc {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment_of(folder: Path) -> dict[str, str]:
    """Of a program that runs in a folder: this environment's Python first, a site cache of DVC of its own."""
    return {
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NAS_DEBUG")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_SITE_CACHE_DIR": str(folder.with_name("site cache of DVC")),
        "DVC_NO_ANALYTICS": "1",
    }


def contents(folder: Path) -> dict[str, str]:
    """Checksums of all that the stages wrote, but for work in progress and wall times."""
    files = [path for name in ("data", "reports") for path in (folder / name).rglob("*") if path.is_file()]
    found = {path.relative_to(folder).as_posix(): path for path in files}
    return {
        name: sha256_of(path)
        for name, path in found.items()
        if not name.startswith("data/scratch/") and name != "reports/timings.json"
    }
