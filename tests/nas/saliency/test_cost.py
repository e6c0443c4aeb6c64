"""Passes against those that a network counts, and the sum against durations set here."""

import numpy as np
import pytest
import torch
from nas.forecast.time import COUNTS, WITHOUT_GRADIENT, n_passes
from torch import nn

from nas.networks.classifier import Classifier
from nas.networks.descriptions import build, find_network
from nas.saliency.cost import seconds_of_maps
from nas.saliency.explaining import explain
from nas.saliency.methods import METHODS

SIDE = 32
REGIONS = np.arange(SIDE)[:, None].repeat(SIDE, axis=1) // (SIDE // 4)  # four


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return Classifier("resnet18", build(find_network("resnet18")), find_network("resnet18"))


class Counted(nn.Module):
    """A network that counts the images which pass through it."""

    def __init__(self, module):
        super().__init__()
        self.module, self.n_images = module, 0

    def forward(self, x):
        self.n_images += len(x)
        return self.module(x)


@pytest.mark.parametrize("count", [1, 7, 20, 300])
@pytest.mark.parametrize("method", [name for name, entry in METHODS.items() if set(COUNTS) & set(entry.defaults)])
def test_passes_are_those_that_the_network_sees(classifier, monkeypatch, method, count):
    if method == "kernel_shap" and count < 6:
        pytest.skip("needs more samples")
    logits, predictor = Counted(classifier.module), Counted(classifier.predictor)
    monkeypatch.setattr(classifier, "logits", logits)
    monkeypatch.setitem(classifier.__dict__, "predictor", predictor)
    (name,) = set(COUNTS) & set(METHODS[method].defaults)
    given = {"regions": torch.from_numpy(REGIONS)[None]} if METHODS[method].needs_regions else {}
    x, target = torch.rand(1, 3, SIDE, SIDE), torch.tensor([0])
    explain(classifier, x, target, "random")  # asks the network once for its number of classes
    logits.n_images = 0
    explain(classifier, x, target, method, batch_size=8, **{name: count}, **given)
    seen, counted = (predictor, logits) if method in WITHOUT_GRADIENT else (logits, predictor)
    assert counted.n_images == 0
    expected = n_passes(method, count, 4)
    if method == "lime" or (method == "kernel_shap" and count < 14):  # the same set may be drawn twice
        assert expected / 2 < seen.n_images <= expected
    else:
        assert seen.n_images == expected


def test_the_seconds_are_those_of_a_small_count_and_of_the_passes_beyond(classifier, monkeypatch):
    """Durations are set: 1 s for a pass, 10 s for one with gradient, 100 s for any method."""
    calls = []

    def timed(call, *, one_thread):
        assert one_thread
        calls.append(call)
        return {1: 1.0, 2: 10.0}.get(len(calls), 100.0)

    monkeypatch.setattr(costs, "timed", timed)
    view = np.zeros((SIDE, SIDE, 3), np.uint8)
    methods = ["grad_cam", "smoothgrad", "xrai", "rise", "lime", "kernel_shap", "sobel"]
    parameters = {"smoothgrad": {"n_samples": 4}, "xrai": {"n_steps": 3}, "rise": {"n_masks": 51},
                  "lime": {"n_samples": 1000}, "kernel_shap": {"n_samples": 1000}}  # fmt: skip
    found = seconds_of_maps(classifier, view, REGIONS, methods, parameters, batch=8)
    # kernel_shap draws 6 and asks for all 14 sets of four regions, beside none and all
    assert found == 7 * 100 + 10 * (3 + 2 * 2) + 1 * (50 + 15 + 8)
    for call in calls:
        call()  # what is timed does run
