"""What each data set and network is handed of params.yaml."""

import json

import pytest
import yaml

from nas.store import write_json
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
        for kind, section, key in (("photos", "download", "root"), ("weights", "weights", "files")):
            for name in content[section][key]:
                write_json(tmp_path / "data/own" / kind / f"{name}.json", f"state of {name}")
        params.run(choices.main)
        files = sorted((tmp_path / "data/choices").rglob("*.json"))
        return {path.relative_to(tmp_path / "data/choices").as_posix(): path.read_bytes() for path in files}

    return run


def test_a_data_set_has_its_own_root_mirror_and_split(handed):
    found = handed(download={"root": {"cub": "~/cub"}, "mirror": {"base": "http://localhost"}, "split": {"cub": "all"}})
    shared, rules = {"mirror": "http://localhost"}, {"agreement": {"background": 0.25, "object": 0.75}}
    cub = {"root": "~/cub", "split": "all", "rules": rules, "state": "state of cub"}
    assert json.loads(found["datasets/cub.json"]) == shared | cub
    bare = {"root": None, "split": None, "rules": {}, "state": None}
    assert json.loads(found["datasets/sample.json"]) == shared | bare


def test_a_rule_reaches_the_data_sets_that_are_read_by_it_alone(handed):
    before = handed()
    after = handed(download={"masks": "soft", "squares": "object", "agreement": {"background": 0.5, "object": 0.5}})
    assert {name for name in before if before[name] != after[name]} == {"datasets/cub.json"}


def test_a_network_has_its_own_weights_and_depths(handed):
    found = handed(
        weights={"files": {"vgg16": "mine.pth"}},
        activations={"depths": {"vgg16": {2: "features.16"}}},
        superpixels={"depths": [2], "tuned": None},
        ablation={"depths": [[2]]},
    )
    own = {"weights": "mine.pth", "depths": {"2": "features.16"}, "state": "state of vgg16"}
    assert json.loads(found["networks/vgg16.json"]) == own
    assert json.loads(found["networks/resnet50.json"]) == {"weights": None, "depths": None, "state": None}


def test_the_files_of_the_others_stay_as_they_are_and_those_of_former_runs_go(handed, tmp_path):
    before = handed()
    (tmp_path / "data/choices/datasets/old.json").write_text("{}")
    after = handed(weights={"files": {"vgg16": "mine.pth"}}, download={"root": {"cub": "~/cub"}})
    assert set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == {"networks/vgg16.json", "datasets/cub.json"}


def test_what_is_noted_of_files_of_the_users_is_handed_on(handed, tmp_path, monkeypatch):
    given = {"weights": {"files": {"vgg16": "mine.pth"}}, "download": {"root": {"cub": "~/cub"}}}
    before = handed(**given)
    monkeypatch.setattr(f"{__name__}.write_json", lambda path, content: path.write_text('"another"'))
    after = handed(**given)
    assert {name for name in before if before[name] != after[name]} == {"networks/vgg16.json", "datasets/cub.json"}


def test_a_name_of_no_data_set_is_one_line(handed):
    with pytest.raises(SystemExit, match=r"^error: params\.yaml: download\.root has 'floder': allowed are"):
        handed(download={"root": {"floder": "mine"}})
