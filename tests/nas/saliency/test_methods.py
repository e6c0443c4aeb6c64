"""Entries of the table against the functions that they name and the passes that a network counts."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from plain import store
from torch import nn

from nas.networks.classifier import Classifier
from nas.networks.descriptions import build, find_network
from nas.saliency.explaining import explain
from nas.saliency.maps import center_gaussian
from nas.saliency.methods import CONTROLS, METHODS, check_parameters, entry_of, with_maps

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
@pytest.mark.parametrize("method", [name for name, entry in METHODS.items() if entry.count])
def test_passes_are_those_that_the_network_sees(classifier, monkeypatch, method, count):
    if method == "kernel_shap" and count < 6:
        pytest.skip("needs more samples")
    logits, predictor = Counted(classifier.module), Counted(classifier.predictor)
    monkeypatch.setattr(classifier, "logits", logits)
    monkeypatch.setattr(type(classifier), "differentiable", property(lambda _: logits))
    monkeypatch.setattr(type(classifier), "predictor", property(lambda _: predictor))
    entry = METHODS[method]
    given = {"regions": torch.from_numpy(REGIONS)[None]} if entry.needs_regions else {}
    x, target = torch.rand(1, 3, SIDE, SIDE), torch.tensor([0])
    explain(classifier, x, target, "random")  # asks the network once for its number of classes
    logits.n_images = 0
    explain(classifier, x, target, method, batch_size=8, **{entry.count: count}, **given)
    seen, counted = (logits, predictor) if entry.gradient else (predictor, logits)
    assert counted.n_images == 0
    expected = entry.passes(count, 4)
    if method == "lime" or (method == "kernel_shap" and count < 14):  # the same set may be drawn twice
        assert expected / 2 < seen.n_images <= expected
    else:
        assert seen.n_images == expected


@pytest.mark.parametrize("method", METHODS)
def test_an_entry_has_the_parameters_of_its_function_and_one_count(method):
    entry = METHODS[method]
    asked = {
        name for name, each in inspect.signature(entry.function).parameters.items() if each.kind.name == "KEYWORD_ONLY"
    }
    assert asked == {"batch_size", *entry.defaults, *(["regions"] if entry.needs_regions else [])}
    assert not entry.count or isinstance(entry.defaults[entry.count], int)
    assert bool(entry.count) == any(name.startswith("n_") for name in entry.defaults)
    assert entry.title and entry.source and entry_of(method) is entry


def test_titles_are_different():
    assert len({entry.title for entry in METHODS.values()}) == len(METHODS)


def test_controls_are_the_entries_of_that_kind_and_the_middle():
    assert set(CONTROLS) == {"random", "sobel", center_gaussian.__name__}
    assert set(CONTROLS) - set(METHODS) == {center_gaussian.__name__}


def test_an_unknown_method_is_named_with_those_that_there_are():
    for call in (lambda: entry_of("gradcam"), lambda: check_parameters({"gradcam": {}})):
        with pytest.raises(ValueError, match=r"^method 'gradcam' is unknown: give one of gradient, .*, sobel$"):
            call()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"lime": {"n_samples": 4}, "smoothgrad": {"n_sample": 2}},
            "smoothgrad has no parameter 'n_sample': allowed are",
        ),
        ({"sobel": {"seed": 2}}, "sobel has no parameter 'seed': it takes none"),
        ({"rise": {"n_masks": 0}}, "n_masks of rise is 0; give a whole number above 0"),
        ({"lime": {"regions": 1}}, "lime has no parameter 'regions'"),
    ],
)
def test_parameters_are_checked_method_by_method(given, message):
    check_parameters({method: dict(entry.defaults) for method, entry in METHODS.items()})
    with pytest.raises(ValueError, match=message):
        check_parameters(given)


def test_methods_without_maps_are_left_out_and_controls_do_not_do_alone(tmp_path: Path) -> None:
    names = ["predicted/lrp", "predicted/random", "true/random", "true/cam"]
    folder = store(tmp_path / "saliency", {"a": {name: np.zeros((2, 2)) for name in names}})
    assert with_maps(folder, ["cam", "random", "lrp", "xrai"], "relevance.methods") == ["cam", "random", "lrp"]
    message = (
        r"^relevance\.methods is \['xrai', 'random'\]: this network can do none of them, but for controls; add one"
    )
    with pytest.raises(ValueError, match=message):
        with_maps(folder, ["xrai", "random"], "relevance.methods")
