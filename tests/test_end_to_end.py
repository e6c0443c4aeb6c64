"""The whole pipeline from an empty folder, on two photos without any truth, two of the sample, and one network.

It runs twice: as it is, and on one core in surroundings that are as hostile as can be.
"""

import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import missing, printed, seen
from clusters import SETTLED, scheduler
from PIL import Image
from skimage import data
from small import CLASSIFIER, MAKE_REPRO, chosen, contents, copy_tracked, dvc, environment_of, smaller

# what a shell may carry along: numbers and pixels would differ, or notebooks fail, if it were let in
HOSTILE = {
    "OMP_NUM_THREADS": "7",
    "MKL_NUM_THREADS": "7",
    "OPENBLAS_NUM_THREADS": "7",
    "MPLBACKEND": "nope",
    "PYTHONSTARTUP": "/nowhere/startup.py",
    "PYTHONSAFEPATH": "1",
    "PYTHONHASHSEED": "7",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "latin-1",
    "LC_ALL": "de_DE.ISO-8859-1",
    "LANG": "tr_TR.UTF-8",
    "TZ": "Pacific/Apia",
    "IPYTHONDIR": "/nowhere",
    "JUPYTER_CONFIG_DIR": "/nowhere",
    "HOME": "/proc/nowhere",  # nothing can be written there, by root neither
}


# pages with photos, curves and a table; all that is computed leads to one of these stages
FEW = ("steps", "convergence", "claims", "render_superpixels", "render_localization", "render_relevance")


# of a formula, a page and a table; from right to left, over two lines
NAMES = ("$x_1^2$ <img src=x onerror=alert(1)> & | {{ 7 }}", "\u202e\u05d7\u05ea\u05d5\u05dc\n\u732b")


def own_photos(folder: Path) -> Path:
    """A folder of two photos with names that are no words, of which nothing is known."""
    folder.mkdir()
    for name, photo in zip(NAMES, (data.chelsea(), data.coffee()), strict=True):
        Image.fromarray(photo).save(folder / f"{name}.png")
    return folder


PIPELINE = yaml.safe_load((Path(__file__).parent.parent / "dvc.yaml").read_text())
DECLARED = [out for stage in PIPELINE["stages"].values() for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
RESULTS = [Path(out if isinstance(out, str) else next(iter(out))) for out in DECLARED]
DRAWN = [path for path in RESULTS if path.suffix in (".png", ".csv")]


def prepare(folder: Path, parameters: dict[str, Any]) -> None:
    """A clone with these parameters, without figures and tables: those of the repository are of other photos."""
    copy_tracked(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters))
    for path in [*DRAWN, Path("dvc.lock")]:
        (folder / path).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def parameters(root, tmp_path_factory):
    made = yaml.safe_load((root / "params.yaml").read_text())
    made = smaller(made, chosen(root, 2, made["seed"]))
    made["datasets"] = ["folder", "sample"]  # nothing is known of the first, so that figures are of the second
    made["download"]["root"] = {"folder": str(own_photos(tmp_path_factory.mktemp("own") / "photos: mine"))}
    return made


@pytest.fixture(scope="module")
def plain(parameters, tmp_path_factory):
    """A folder in which the pipeline has run, and what DVC said."""
    folder = tmp_path_factory.mktemp("plain") / "clone"
    prepare(folder, parameters)
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    done = subprocess.run(MAKE_REPRO, cwd=folder, env=environment_of(folder), **given)
    assert done.returncode == 0, done.stdout
    return folder, done.stdout


def test_two_photos_become_a_report(root, plain, parameters):
    folder, first = plain
    photos = chosen(root, 2, parameters["seed"])
    over_datasets = [stage for stage in PIPELINE["stages"].values() if "dataset" in stage.get("matrix", {})]
    n_stages = len(PIPELINE["stages"]) + len(over_datasets) - 1  # no weights of one's own
    assert len(re.findall(r"^Running stage '", first, re.MULTILINE)) == n_stages
    index = json.loads((folder / "data/raw/sample/photos/index.json").read_text())
    assert [photo["id"] for photo in index] == photos

    page = (folder / "reports/site/index.html").read_text()
    shown = re.findall(r'<figure id="(\w+)"', page)
    assert sorted(shown) == sorted({path.stem for path in DRAWN})
    pictures = {path.name for path in DRAWN if path.suffix == ".png"}
    assert {*re.findall(r'src="../figures/([\w.]+)"', page)} == pictures
    assert "sample has 2 photos" in page
    for path in RESULTS:
        if path.parent == Path("reports/sections"):
            assert f'href="{path.name}"' in page
            text = (folder / "reports/site" / path.name).read_text()
            assert len(text) > 1000 and "<img src=x" not in text and "data-part" not in text
    names = [photo["id"] for photo in json.loads((folder / "data/raw/folder/photos/index.json").read_text())]
    assert names == sorted(NAMES) and NAMES[0] in html.unescape((folder / "reports/site/networks.html").read_text())

    metrics = json.loads((folder / "reports/metrics.json").read_text())
    assert list(metrics) == ["claims", "folder", "sample"] and list(metrics["sample"]) == [CLASSIFIER]
    found = metrics["sample"][CLASSIFIER]
    assert 0 <= found["top1"] <= 1
    for method in ("nas_clusters", "nas_components", "slic", "felzenszwalb"):
        assert 0 < found[method]["achievable_segmentation_accuracy"] <= 1

    again = dvc(folder, "repro")
    assert re.findall(r"^Running stage '(.+)'", again, re.MULTILINE) == ["own_photos@folder"]
    assert re.findall(r"^Stage '(.+)' didn't change", again, re.MULTILINE)

    assert "achievable_segmentation_accuracy" in dvc(folder, "metrics", "show")
    assert all(name in dvc(folder, "dag") for name in ("activations", "report"))
    dvc(folder, "plots", "show")
    plots = (folder / "dvc_plots" / "index.html").read_text()
    assert all(f"{path.stem}.png" in plots for path in DRAWN if path.suffix == ".png")
    assert not list((folder / "data/scratch").rglob("*.part"))


def test_a_browser_finds_nothing_wrong_with_any_page(plain, tmp_path):
    """Names of photos are of several scripts, and would be markup if they were let."""
    if reason := missing():
        pytest.skip(reason)
    site = plain[0] / "reports/site"
    for page in sorted(path.name for path in site.glob("*.html")):
        for width in (1280, 390):
            found = seen(site, page, width, tmp_path, accessible=width == 1280)
            assert found["width"] == width and found["wider"] <= 0, page
            assert (found["passes"] > 5) == (width == 1280)
            wrong = {key: found[key] for key in ("errors", "outside", "anchors", "violations", "unsorted")}
            assert not any(wrong.values()), (page, wrong)
            assert found["searched"] in (True, None), page
    assert (site / "index.html").stat().st_size < 10**6


def test_tables_on_paper_have_all_their_numbers(plain, tmp_path):
    """On a screen they scroll."""
    if (reason := missing()) or not shutil.which("pdftotext"):
        pytest.skip(reason or "there is no pdftotext (Debian: apt-get install poppler-utils)")
    page, number = plain[0] / "reports/site/index.html", re.compile(r"\d\.\d{3}(?!\d)")
    rows = re.findall("<tr>(.*?)</tr>", page.read_text())
    wanted = Counter(number.findall(" ".join(rows)))
    assert len(rows) > 50 and wanted.total() > 500
    assert wanted <= Counter(number.findall(printed(page, tmp_path)))


def test_stages_that_dvc_alone_starts_give_the_same_bytes(plain):
    """Those of `make repro` are copies of a process that has loaded the libraries."""
    folder, _ = plain
    before = contents(folder)
    names = [f"saliency@sample-{CLASSIFIER}", "render_superpixels", "report"]
    said = dvc(folder, "repro", "--force", "--single-item", *names)
    assert re.findall(r"^Running stage '(.+)'", said, re.MULTILINE) == names
    assert contents(folder) == before


def test_a_cluster_gives_the_same_bytes(plain, parameters, tmp_path):
    """Of the stages that DVC runs for the sample, on a scheduler and two processes as a user starts them."""
    folder, stages = tmp_path / "clone", ("activations", "superpixels", "saliency", "localization")
    copy_tracked(folder)
    for name in ("raw", "weights", "heads", "choices"):
        shutil.copytree(plain[0] / "data" / name, folder / "data" / name)
    environment = {**environment_of(folder), **SETTLED}
    with scheduler() as (address, _):
        own = {**parameters, "engine": {"cluster": address, "wait": 60.0}}
        (folder / "params.yaml").write_text(yaml.safe_dump(own))
        with subprocess.Popen(
            [sys.executable, "-m", "commands.worker", address, "2"], cwd=folder, env=environment, process_group=0
        ) as worker:
            try:
                for stage in stages:
                    command = [sys.executable, "-E", "-X", "utf8", "-m", "stages", stage, "sample", CLASSIFIER]
                    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
                    assert done.returncode == 0, done.stderr
                    assert "is not used" not in done.stderr
            finally:
                os.killpg(worker.pid, signal.SIGKILL)
    made = {
        name: sha
        for name, sha in contents(folder).items()
        if name.startswith(tuple(f"data/{each}/" for each in stages))
    }
    assert made and made.items() <= contents(plain[0]).items()


def test_hostile_surroundings_change_no_byte(plain, parameters, tmp_path_factory):
    folder, _ = plain
    other = tmp_path_factory.mktemp("hostile") / "my clöne 'q' $x"
    prepare(other, parameters)
    # one core in place of all
    command = [*MAKE_REPRO, f"ONLY={' '.join(FEW)}"]
    done = subprocess.run(command, cwd=other, env=environment_of(other) | HOSTILE, capture_output=True, umask=0o077,
                          preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    noted, all_noted = (yaml.safe_load((each / "dvc.lock").read_text())["stages"] for each in (other, folder))
    outs = {out["path"] for stage in noted.values() for out in stage["outs"]}
    made, expected = contents(other), contents(folder)
    made = {name: sha for name, sha in made.items() if outs & {name, *map(str, Path(name).parents)}}
    pages = [f"reports/sections/{name.removeprefix('render_')}.html" for name in FEW if name.startswith("render_")]
    assert {*pages, "reports/claims.json", "reports/figures/figure6.svg", "reports/figures/figure8.pdf"} <= set(made)
    assert {name for name in made if made[name] != expected[name]} == set()
    assert set(FEW) <= set(noted) and noted.items() <= all_noted.items()
