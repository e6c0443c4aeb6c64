"""What is noted of a weight file of the user's."""

import json

import pytest
import yaml

from nas.store import sha256_of
from stages import own_weights, params
from stages.__main__ import item


@pytest.fixture
def content(root):
    found = yaml.safe_load((root / "params.yaml").read_text())
    found["weights"]["files"] = {"resnet50": "~/mine.pth", "vgg16": "none.pth"}
    return found


def test_the_hash_of_the_file_is_noted_wherever_home_is(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["stages/own_weights.py"])
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
    (tmp_path / "mine.pth").write_bytes(b"weights")
    for name in ("resnet50", "vgg16"):
        params.run(own_weights.main, name)
    noted = tmp_path / "data/own/weights"
    assert json.loads((noted / "resnet50.json").read_text()) == sha256_of(tmp_path / "mine.pth")
    assert json.loads((noted / "vgg16.json").read_text()) is None  # the stage weights says so


@pytest.mark.parametrize("called", ["own_weights@resnet50", "own_weights@vgg16"])
def test_dvc_says_for_which_network(monkeypatch, content, called):
    monkeypatch.setenv("DVC_STAGE", called)
    assert item("own_weights", own_weights.main, [], params.check(content, "params.yaml")) == [called.split("@")[1]]
