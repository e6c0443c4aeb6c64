"""The whole pipeline from an empty folder, on two photos without any truth, two of the sample, and one network."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from skimage import data

from nas.data.datasets.sample import PHOTOS
from nas.data.preparing import subset
from nas.data.records import Record

CLASSIFIER = "mobilenet_v2"
METHODS = ["cam", "grad_cam", "gradient", "random", "smoothgrad"]


def smaller(parameters: dict[str, Any], photos: list[str]) -> dict[str, Any]:
    """The parameters of the repository, for these photos and little time; what is left as shipped follows."""
    parameters["classifiers"] = [CLASSIFIER]
    parameters["download"]["limit"] = len(photos)
    parameters["superpixels"] |= {"sizes": ["first"], "tuned": None}
    parameters["ablation"] |= {"depths": [[3, 4]], "clusters": [3], "sizes": ["first"], "weighting": ["channels"]}
    parameters["saliency"] |= {"methods": METHODS, "parameters": {"smoothgrad": {"n_samples": 2}}}
    parameters["convergence"] |= {"photos": 1, "factors": [1.0], "reference": 2.0}
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


@pytest.fixture(scope="module")
def dvc(tmp_path_factory):
    """A function that runs a command of DVC in a folder, with this environment's Python and nothing from outside."""
    home = tmp_path_factory.mktemp("home")

    def run(folder: Path, *arguments: str) -> str:
        binaries = str(Path(sys.executable).parent)
        environment = {
            **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NAS_DEBUG")},
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "DVC_SITE_CACHE_DIR": str(home / "dvc"),
            "DVC_NO_ANALYTICS": "1",
        }
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"dvc {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def own_photos(folder: Path) -> Path:
    """A folder of two photos, of which nothing is known."""
    folder.mkdir()
    for name, photo in (("cat", data.chelsea()), ("cup", data.coffee())):
        Image.fromarray(photo).save(folder / f"{name}.png")
    return folder


def test_two_photos_become_a_report(tmp_path, root, clone, dvc):
    clone(tmp_path)
    parameters = yaml.safe_load((root / "params.yaml").read_text())
    photos = chosen(root, 2, parameters["seed"])
    parameters = smaller(parameters, photos)
    parameters["datasets"] = ["folder", "sample"]  # nothing is known of the first, so that figures are of the second
    parameters["download"]["root"] = {"folder": str(own_photos(tmp_path / "own"))}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text())
    declared = [out for stage in pipeline["stages"].values() for out in stage["outs"]]
    results = [Path(out if isinstance(out, str) else next(iter(out))) for out in declared]
    drawn = [path for path in results if path.suffix in (".png", ".csv")]
    for path in drawn:  # those of the repository are of other photos
        (tmp_path / path).unlink(missing_ok=True)

    first = dvc(tmp_path, "repro")
    over_datasets = [stage for stage in pipeline["stages"].values() if "dataset" in stage.get("matrix", {})]
    n_stages = len(pipeline["stages"]) + len(over_datasets)
    assert len(re.findall(r"^Running stage '", first, re.MULTILINE)) == n_stages
    index = json.loads((tmp_path / "data/raw/sample/photos/index.json").read_text())
    assert [photo["id"] for photo in index] == photos

    page = (tmp_path / "reports/site/index.html").read_text()
    shown = re.findall(r'<figure id="(\w+)"', page)
    assert sorted(shown) == sorted(path.stem for path in drawn)
    assert page.count("data:image/png;base64,") == sum(path.suffix == ".png" for path in drawn)
    assert "sample has 2 photos" in page
    for path in results:
        if path.parent == Path("reports/site"):
            assert f'href="{path.name}"' in page or path.name == "index.html"
            assert (tmp_path / path).stat().st_size > 1000

    metrics = json.loads((tmp_path / "reports/metrics.json").read_text())
    assert list(metrics) == ["folder", "sample"] and list(metrics["sample"]) == [CLASSIFIER]
    found = metrics["sample"][CLASSIFIER]
    assert 0 <= found["top1"] <= 1
    for method in ("nas_clusters", "nas_components", "slic", "felzenszwalb"):
        assert 0 < found[method]["achievable_segmentation_accuracy"] <= 1

    again = dvc(tmp_path, "repro")
    assert "Running stage" not in again and "up to date" in again

    assert "achievable_segmentation_accuracy" in dvc(tmp_path, "metrics", "show")
    assert all(name in dvc(tmp_path, "dag") for name in ("activations", "report"))
    dvc(tmp_path, "plots", "show")
    plots = (tmp_path / "dvc_plots" / "index.html").read_text()
    assert all(f"{path.stem}.png" in plots for path in drawn if path.suffix == ".png")
    assert not list((tmp_path / "data/scratch").rglob("*.part"))
