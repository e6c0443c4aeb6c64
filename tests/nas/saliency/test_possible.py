"""Which methods a network can do."""

from pathlib import Path

import pytest
import torch

from nas.networks.classifier import Classifier
from nas.networks.descriptions import build, find_network
from nas.saliency.methods import METHODS
from nas.saliency.photo_maps import ToExplain
from nas.saliency.possible import possible_methods, to_explain
from nas.store.shards import Stored


def untrained(name: str) -> Classifier:
    torch.manual_seed(0)
    return Classifier(name, build(find_network(name)), find_network(name))


def test_a_method_that_the_network_cannot_do_is_left_out_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    kept = possible_methods(untrained("squeezenet1_1"), ["cam", "gradient", "grad_cam", "random"])
    assert kept == ["gradient", "grad_cam", "random"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("squeezenet1_1: cam is left out: cam cannot explain 'squeezenet1_1'")


def test_a_method_whose_rules_do_not_know_the_network_is_left_out_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert possible_methods(untrained("convnext_atto"), ["guided_backprop", "gradient", "lrp"]) == ["gradient"]
    starts = [line.partition(" is left out: ")[0] for line in capsys.readouterr().err.splitlines()]
    assert starts == ["convnext_atto: guided_backprop", "convnext_atto: lrp"]


def test_what_it_can_do_is_kept_in_its_order(small: Classifier, capsys: pytest.CaptureFixture[str]) -> None:
    methods = ["sobel", "lrp", "kernel_shap", "cam", "guided_backprop", "rise"]
    assert possible_methods(small, methods) == methods
    assert capsys.readouterr().err == ""


def test_a_method_is_tried_with_a_picture_that_is_not_blank() -> None:
    """Of a blank one a ConvNeXt with random weights makes maps of 0, whose norm is 0 as well."""
    assert possible_methods(untrained("convnext_atto"), ["cam", "grad_cam"]) == ["grad_cam"]


def test_an_unknown_method_is_named_before_anything_is_tried(small: Classifier) -> None:
    with pytest.raises(ValueError, match=r"^saliency\.methods has 'grad-cam': allowed are gradient, .*, sobel$"):
        possible_methods(small, ["gradient", "grad-cam"])


def test_methods_that_are_asked_for_have_what_is_their_own() -> None:
    regions, given = Stored(Path("nowhere"), ("slic.first",)), {"rise": {"n_masks": 9}}
    found = to_explain(["rise", "lime", "gradient", "random"], given, 3, regions)
    assert found == {
        "rise": ToExplain("rise", METHODS["rise"], {"n_masks": 9}, 3),
        "lime": ToExplain("lime", METHODS["lime"], {}, 3, regions),
        "gradient": ToExplain("gradient", METHODS["gradient"], {}),
        "random": ToExplain("random", METHODS["random"], {}, 3),
    }


@pytest.mark.parametrize(
    ("methods", "given", "message"),
    [
        (["rise"], {"rise": {"n_masks": "many"}}, r"^saliency\.parameters: n_masks of rise is 'many'; give a whole"),
        (["rise"], {"lime": {"n": 1}}, r"^saliency\.parameters: lime has no parameter 'n': allowed are "),
        (["rises"], {}, r"^method 'rises' is unknown: give one of gradient, "),
    ],
)
def test_parameters_that_a_method_does_not_take_are_named(methods, given, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        to_explain(methods, given, 3, Stored(Path("nowhere"), ("slic.first",)))
