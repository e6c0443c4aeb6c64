"""What is noted of a folder of the user's."""

import json

import pytest
import yaml

from nas.store import state_of
from stages import own_photos, params
from stages.__main__ import item


def test_the_state_of_the_folder_is_noted_wherever_home_is(tmp_path, root, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.argv", ["stages/own_photos.py"])
    content = yaml.safe_load((root / "params.yaml").read_text())
    content["download"]["root"] = {"cub": "~/cub", "folder": "mine"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
    found = []
    for photo in ("a.png", "b.png"):
        file = tmp_path / "home/cub/images" / photo
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"1")
        for name in ("cub", "folder"):
            params.run(own_photos.main, name)
        found.append(json.loads((tmp_path / "data/own/photos/cub.json").read_text()))
        assert found[-1] == {"root": state_of(tmp_path / "home/cub"), "segmentations": None}
        # download says so
        assert json.loads((tmp_path / "data/own/photos/folder.json").read_text()) == {"root": None}
    assert found[0] != found[1]
    mask = tmp_path / "home/segmentations/a.png"  # next to it
    mask.parent.mkdir()
    mask.write_bytes(b"1")
    params.run(own_photos.main, "cub")
    noted = json.loads((tmp_path / "data/own/photos/cub.json").read_text())
    assert noted == {"root": found[1]["root"], "segmentations": state_of(mask.parent)}


@pytest.mark.parametrize("called", ["own_photos@cub", "own_photos@folder"])
def test_dvc_says_for_which_data_set(root, monkeypatch, called):
    content = yaml.safe_load((root / "params.yaml").read_text())
    content["download"]["root"] = {"cub": "~/cub", "folder": "mine"}
    monkeypatch.setenv("DVC_STAGE", called)
    assert item("own_photos", own_photos.main, [], params.check(content, "params.yaml")) == [called.split("@")[1]]
