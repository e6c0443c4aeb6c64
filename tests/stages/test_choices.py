"""What each data set and network is handed of params.yaml."""

import json

import pytest
import yaml

from stages import choices, params


@pytest.fixture
def handed(tmp_path, root, monkeypatch):
    """A function that runs the stage after some changes of sections; the files that it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/choices.py"])

    def run(**sections):
        content = yaml.safe_load((root / "params.yaml").read_text())
        content |= {"datasets": ["cub", "sample"], "classifiers": ["resnet50", "vgg16"]}
        for section, values in sections.items():
            content[section] |= values
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        params.run(choices.main)
        files = sorted((tmp_path / "data/choices").rglob("*.json"))
        return {path.relative_to(tmp_path / "data/choices").as_posix(): path.read_bytes() for path in files}

    return run


def test_a_data_set_has_its_own_root_mirror_and_split(handed):
    found = handed(download={"root": {"cub": "~/cub"}, "mirror": {"base": "http://localhost"}, "split": {"cub": "all"}})
    assert json.loads(found["datasets/cub.json"]) == {"root": "~/cub", "mirror": "http://localhost", "split": "all"}
    assert json.loads(found["datasets/sample.json"]) == {"root": None, "mirror": "http://localhost", "split": None}


def test_a_network_has_its_own_weights_and_depths(handed):
    found = handed(weights={"files": {"vgg16": "mine.pth"}}, activations={"depths": {"vgg16": {2: "features.16"}}})
    assert json.loads(found["networks/vgg16.json"]) == {"weights": "mine.pth", "depths": {"2": "features.16"}}
    assert json.loads(found["networks/resnet50.json"]) == {"weights": None, "depths": None}


def test_the_files_of_the_others_stay_as_they_are_and_those_of_former_runs_go(handed, tmp_path):
    before = handed()
    (tmp_path / "data/choices/datasets/old.json").write_text("{}")
    after = handed(weights={"files": {"vgg16": "mine.pth"}}, download={"root": {"cub": "~/cub"}})
    assert set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == {"networks/vgg16.json", "datasets/cub.json"}


def test_a_name_of_no_data_set_is_one_line(handed):
    with pytest.raises(SystemExit, match=r"^error: download\.root has 'floder': allowed are"):
        handed(download={"root": {"floder": "mine"}})
