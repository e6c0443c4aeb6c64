"""What `make paper` says, refuses and writes into params.yaml; DVC is not run."""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from commands import budget, paper
from nas.data.catalogue import DATASETS
from nas.networks.cost import bytes_of_activations
from nas.parameters.reading import load
from nas.store.progress import readable
from nas.superpixels.variants import SEGMENTATIONS
from stages import params

TINY = {
    "activations.batch": 1,
    "saliency.methods": ["gradient", "grad_cam", "rise"],
    "saliency.parameters": {"rise": {"n_masks": 3}},
    "relevance.methods": ["gradient"],
    "relevance.n_steps": 1,
    "download.limit": 2,
}
COST = {
    "activations": budget.Cost(10**6, 1.0),
    "saliency": budget.Cost(10**6, 3600.0),
    "relevance": budget.Cost(0, 1.0),
}


@pytest.fixture
def project(tmp_path, root, monkeypatch):
    """A function that goes to a folder with params.yaml and these values under `paper`, and reads it."""
    monkeypatch.chdir(tmp_path)

    def make(datasets=("sample",), classifiers=("mobilenet_v2",), settings=TINY, **sections):
        content = yaml.safe_load((root / "params.yaml").read_text())
        content["paper"] = {"datasets": list(datasets), "classifiers": list(classifiers), "settings": dict(settings)}
        for section, values in sections.items():
            content[section] |= values
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        return params.read()

    return make


@pytest.fixture
def commands(monkeypatch):
    """The commands that would have been run."""
    found = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: found.append(command) or SimpleNamespace(returncode=3))
    return found


@pytest.fixture
def unmeasured(monkeypatch):
    """Every stage of every network costs what is written here, on a disk of a petabyte."""
    monkeypatch.setattr(budget, "costs", lambda *_: COST)
    monkeypatch.setattr(budget, "bytes_of", lambda *_: {stage: cost.n_bytes for stage, cost in COST.items()})
    monkeypatch.setattr(budget, "untrained", lambda _parameters, name: name)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: SimpleNamespace(free=10**15))


def test_the_plan_of_a_tiny_run_and_its_command(project, commands, capsys):
    parameters = project()
    with pytest.raises(SystemExit) as ended:
        paper.main(parameters, "y")
    assert ended.value.code == 3  # DVC's own
    (command,) = commands
    assert command[:6] == [sys.executable, "-m", "dvc", "exp", "run", "--name"] and command[6].startswith("paper-")
    assert len(command) == 7
    found = params.read()
    assert (found.datasets, found.classifiers) == (["sample"], ["mobilenet_v2"])
    assert found.saliency.parameters == {"rise": {"n_masks": 3}} and found.download.limit == 2
    assert (
        params.PARAMS.read_text().startswith(params.HEADER) and "# of every random choice" in params.PARAMS.read_text()
    )
    said = capsys.readouterr().out
    assert f"sample: 2 photos, download of {readable(DATASETS['sample'].about.size)}" in said
    assert (
        DATASETS["sample"].about.licence in said and "mobilenet_v2: download of 14.2 MB; licence: torchvision" in said
    )
    maps = {0: (16, 112, 112), 1: (24, 56, 56), 2: (32, 28, 28), 3: (96, 14, 14), 4: (320, 7, 7)}
    stored = 2 * bytes_of_activations(maps, 224, 1000)
    assert f"sample x mobilenet_v2, 2 photos: activations {readable(stored)}, about " in said
    # of the three methods, grad_cam has small maps
    total = DATASETS["sample"].about.size + stored + 2 * (2 * 2 * 4 + 3 * len(SEGMENTATIONS) * 2) * 224**2
    assert f"in all: {readable(total)} on disk with what is fetched" in said


def test_without_a_yes_nothing_is_run(project, commands, unmeasured, capsys, monkeypatch):
    parameters = project()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    for answers in ((), ("n",), ("",)):
        paper.main(parameters, *answers)
        assert "Nothing was run" in capsys.readouterr().out
    assert commands == []


def test_needs_are_summed_over_data_sets_and_networks(project, unmeasured, capsys):
    parameters = project(["cub", "voc2012", "imagenet"], ["resnet50", "vgg16"], {})
    paper.main(parameters, "n")
    said = capsys.readouterr().out
    assert "imagenet: 50000 photos, LEFT OUT, to be fetched by hand" in said and "imagenet x" not in said
    assert "cub x vgg16, 5794 photos: activations 5.8 GB, about 2 h; saliency 5.8 GB, about 241 days; relevance" in said
    total = 2 * (5794 + 1449) * 2 * 10**6 + DATASETS["cub"].about.size + DATASETS["voc2012"].about.size
    assert f"in all: {readable(total)} on disk" in said and "about 604 days or more" in said


def test_a_split_a_copy_and_a_limit_count(project, unmeasured, capsys):
    download = {"root": {"cub": "~/cub", "folder": "~/photos"}, "split": {"cub": "all"}, "limit": None}
    paper.main(project(["cub", "folder"], settings={}, download=download), "n")
    said = capsys.readouterr().out
    assert "cub x mobilenet_v2, 11788 photos" in said and "folder x mobilenet_v2: its photos are not known" in said
    assert f"in all: {readable(2 * 11788 * 10**6)} on disk" in said  # nothing is fetched
    paper.main(project(["cub"], settings={"download.limit": 100}, download=download), "n")
    assert "cub x mobilenet_v2, 100 photos" in capsys.readouterr().out


def test_a_disk_that_is_too_small_is_refused_with_what_would_fit(project, commands, monkeypatch, capsys):
    parameters = project()
    monkeypatch.setattr(budget, "costs", lambda *_: pytest.fail("the networks are measured in vain"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: SimpleNamespace(free=10**6))
    with pytest.raises(
        ValueError, match=r"too little.*download\.limit.*float16 \(.*\).*cache: false \(.*\)$"
    ) as caught:
        paper.main(parameters, "y")
    assert "\n" not in str(caught.value) and commands == []
    sizes = [float(size) for size in re.findall(r"([\d.]+) MB", str(caught.value))]
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  sample x")]
    # 18 label maps in 16 bits; maps of two methods for two classes
    assert line == "  sample x mobilenet_v2, 2 photos: activations 3.0 MB; superpixels 5.4 MB; saliency 1.6 MB"
    needed, _free, half, without = sizes
    assert needed > half > without


VALUES = {
    "download.limit": 7,
    "download.root": {"cub": "~/a folder/b", "stl10": "C:\\d", "imagenet": "C:\\d\\", "voc2012": 'a\\"b'},
    "download.root.cub": "~/cub",
    "download.split": {},
    "weights.files": {},
    "activations.depths": {"mobilenet_v2": {depth: f"features.{depth + 2}" for depth in range(5)}},
    "activations.cache": False,
    "superpixels.clusters": "auto",
    "superpixels.tuned": None,
    "superpixels.sizes": ["first", 56],
    "ablation.depths": [[4], [3, 4]],
    "classes.names": ["it's", 'a "b"', "ü, ö", "true", "1"],
    "saliency.parameters": {"lime": {"n_samples": 10, "baseline": "mean"}},
    "saliency.parameters.rise.keep": 0.25,
    "localization.regions": ["slic.first"],
    "relevance.least": {"orders": ["pixels"], "replacements": ["zero"]},
    "claims.alpha": 0.001,
}


@pytest.mark.parametrize("key", VALUES)
def test_a_value_of_any_kind_is_written_as_it_is_and_no_other_changes(project, key, commands, unmeasured):
    before = project(settings={key: VALUES[key]})
    unset = load(params.PARAMS)
    with pytest.raises(SystemExit):
        paper.main(before, "y")
    written = load(params.PARAMS)
    *sections, last = key.split(".")
    found = written
    for section in sections:
        found = found[section]
    assert found[last] == VALUES[key]
    changed = {name for name in written if written[name] != unset[name]}
    assert changed <= {"datasets", "classifiers", sections[0] if sections else key}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"saliency.parametres": {}},
            r"paper\.settings: saliency\.parametres is unknown; allowed here are methods",
        ),
        (
            {"saliency.batch": "many"},
            r"paper\.settings: saliency\.batch is 'many': allowed is a valid integer",
        ),
        ({"seed.x": 1}, r"paper\.settings has 'seed\.x': seed is a value and no section"),
    ],
)
def test_a_wrong_key_or_value_is_one_line_before_anything_is_run(project, commands, settings, message):
    with pytest.raises(ValueError, match=rf"^params\.yaml: {message}"):
        paper.main(project(settings=settings), "y")
    assert commands == []


def test_the_settings_of_the_repository_are_valid(root, monkeypatch):
    monkeypatch.chdir(root)
    parameters = params.read(root / "params.yaml")
    paper.applied(paper.changes(parameters, ["cub"], ["resnet50"]))
    assert json.loads(json.dumps(parameters.paper.settings)) == parameters.paper.settings
