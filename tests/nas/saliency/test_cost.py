"""The sum of seconds against durations set here, and bytes against files."""

import numpy as np
import pytest
import torch
from plain import store

from nas.networks.classifier import Classifier
from nas.networks.descriptions import build, find_network
from nas.saliency.cost import bytes_of_saliency, seconds_of_maps

SIDE = 32
REGIONS = np.arange(SIDE)[:, None].repeat(SIDE, axis=1) // (SIDE // 4)  # four


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return Classifier("resnet18", build(find_network("resnet18")), find_network("resnet18"))


def test_the_seconds_are_those_of_a_small_count_and_of_the_passes_beyond(classifier, monkeypatch):
    """Durations are set: 1 s for a pass, 10 s for one with gradient, 100 s for any method."""
    calls = []

    def timed(call, *, one_thread):
        assert one_thread
        calls.append(call)
        return {1: 1.0, 2: 10.0}.get(len(calls), 100.0)

    monkeypatch.setattr("nas.saliency.cost.timed", timed)
    view = np.zeros((SIDE, SIDE, 3), np.uint8)
    methods = ["grad_cam", "smoothgrad", "xrai", "rise", "lime", "kernel_shap", "sobel"]
    parameters = {"smoothgrad": {"n_samples": 4}, "xrai": {"n_steps": 3}, "rise": {"n_masks": 51},
                  "lime": {"n_samples": 1000}, "kernel_shap": {"n_samples": 1000}}  # fmt: skip
    found = seconds_of_maps(classifier, view, REGIONS, methods, parameters, batch=8)
    # methods of regions draw 6; lime asks for 16 sets of four regions, kernel_shap for 14 beside none and all
    assert found == 7 * 100 + 10 * (3 + 2 * 2) + 1 * (50 + 10 + 8)
    for call in calls:
        call()  # what is timed does run


@pytest.mark.parametrize("side", [32, 57])
def test_the_bytes_are_those_of_the_files_but_for_their_notes(tmp_path, side):
    maps = {
        f"{kind}/{method}": np.zeros((side, side), np.float32) for kind in ("true", "predicted") for method in "abc"
    }
    folder = store(tmp_path / "saliency", dict.fromkeys("xyz", maps))
    found = sum(path.stat().st_size for path in folder.glob("shard-*"))
    assert 0 <= found - 3 * bytes_of_saliency(3, side) < 3 * 1000
