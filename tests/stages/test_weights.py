"""The stage with a file of the user's: checked, and kept as safetensors."""

import json

import pytest
import torch
from safetensors.torch import load_file
from torchvision.models import mobilenet_v2

from stages import params, weights


@pytest.fixture
def project(tmp_path, root, monkeypatch):
    """A function that runs the stage with a state dict as the user's file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/weights.py"])
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())

    def run(state, name="mine.pth"):
        torch.save(state, tmp_path / name)
        given = tmp_path / "data/choices/networks/mobilenet_v2.json"
        given.parent.mkdir(parents=True, exist_ok=True)
        given.write_text(json.dumps({"weights": str(tmp_path / name), "state": None, "depths": None}))
        params.run(weights.main, "mobilenet_v2")
        return load_file(tmp_path / "data/weights/mobilenet_v2.safetensors")

    return run


def test_the_state_of_the_file_is_kept(project):
    state = mobilenet_v2(weights=None).state_dict()
    found = project(state)
    assert set(found) == set(state) and all(torch.equal(found[name], state[name]) for name in state)


def test_a_file_of_another_network_is_one_line_and_leaves_nothing(project, tmp_path):
    state = mobilenet_v2(weights=None).state_dict()
    del state["features.0.0.weight"]
    with pytest.raises(SystemExit, match=r"^error: .*mine\.pth"):
        project(state)
    assert not (tmp_path / "data/weights").exists()
