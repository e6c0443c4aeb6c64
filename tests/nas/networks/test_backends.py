"""Networks that predict by OpenVINO say what they say by torch, or torch runs them and a line says so."""

import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from torch import nn

from nas.networks import backends
from nas.networks.backends import BACKENDS, backend_on, by_openvino
from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network

SIZE = 32
installed = pytest.mark.skipif(backend_on("cpu", "openvino") == "torch", reason="openvino is not installed here")


def images(n, seed=0, size=SIZE):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def convolutions():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8),
            nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
        ).eval()  # fmt: skip


def made(module, **settings):
    return Classifier("made", module, Network("torchvision", "none", depths={0: "0"}, size=SIZE), "cpu", **settings)


@installed
@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "efficientnet_lite0"])
def test_it_says_what_torch_says(randomized, name):
    classifier = randomized(name, size=64)
    x = images(3, size=64)
    expected = classifier.logits(x).detach()
    found = by_openvino(classifier.module, 64)(x)
    assert found.dtype == torch.float32 and not found.requires_grad
    assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


@installed
def test_an_image_has_the_same_logits_in_any_batch_and_again():
    predict, x = by_openvino(convolutions(), SIZE), images(9)
    whole = predict(x)
    for edges in ([0, 9], [0, 1, 9], [0, 4, 5, 9], range(10)):
        parts = [predict(x[start:end]) for start, end in pairwise(edges)]
        assert torch.equal(torch.cat(parts), whole)


@installed
@pytest.mark.parametrize("given", [lambda x: x.contiguous(memory_format=torch.channels_last), lambda x: x[::2],
                                   lambda x: x.requires_grad_(), lambda x: x.flip(3).flip(3)])  # fmt: skip
def test_inputs_in_any_order_of_memory(given):
    x = given(images(4))
    expected = convolutions()(x).detach()
    torch.testing.assert_close(by_openvino(convolutions(), SIZE)(x), expected)


@installed
def test_a_result_is_not_overwritten_by_the_next():
    predict = by_openvino(convolutions(), SIZE)
    first = predict(images(2))
    kept = first.clone()
    predict(images(2, seed=1))
    assert torch.equal(first, kept)


@installed
def test_inputs_of_another_size_go_through_the_network_itself():
    module, x = convolutions(), images(2, size=48)
    with torch.no_grad():
        assert torch.equal(by_openvino(module, SIZE)(x), module(x))


@installed
def test_it_is_of_the_module_as_it_was_and_leaves_it():
    module, x = convolutions(), images(2)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    predict = by_openvino(module, SIZE)
    expected = predict(x)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    with torch.no_grad():
        module[0].weight.mul_(2)
    assert torch.equal(predict(x), expected)


INTERRUPTED = """
import gc, signal
import torch
from torch import nn
from nas.networks.backends import by_openvino

for first in (True, False):
    predictors = [by_openvino(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()).eval(), size) for size in (8, 9)]
    while predictors:
        del predictors[0 if first else -1]
        gc.collect()
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            print("heard")
"""


@installed
def test_an_interrupt_is_heard_when_predictors_are_gone():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, 4 * ["heard"]), done.stderr


@installed
def test_nothing_is_reported_to_the_makers(monkeypatch):
    """Their converter says that it was called; what it would say it with is out of reach here."""
    monkeypatch.setitem(sys.modules, "openvino_telemetry", None)
    monkeypatch.setattr("socket.socket.connect", lambda *_given: pytest.fail("an address was asked"))
    by_openvino(convolutions(), SIZE)(images(1))


@installed
def test_the_predictor_is_by_the_backend(capsys):
    by, x = {backend: made(convolutions(), backend=backend) for backend in BACKENDS}, images(3)
    found = {backend: classifier.predictor(x).detach() for backend, classifier in by.items()}
    torch.testing.assert_close(found["openvino"], found["torch"])
    assert not torch.equal(found["openvino"], found["torch"])  # another order of sums
    assert capsys.readouterr().err == ""


class Odd(nn.Module):
    """Logits that no graph can hold."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        y = self.first(x).mean((2, 3))
        return torch.from_numpy(y.detach().numpy()[:, ::-1].copy())


@installed
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda network, size: lambda x: network(x) + 1, "its logits would differ by up to 1"),
        (
            lambda network, size: lambda x: network(x)[:, :2],
            "its logits would have the shape (1, 2) in place of (1, 5)",
        ),
        (lambda network, size: 1 / 0, "division by zero"),
    ],
)
def test_what_it_cannot_run_is_run_by_torch_and_said_in_one_line(monkeypatch, capsys, broken, said):
    monkeypatch.setattr("nas.networks.classifier.by_openvino", broken)
    classifier, x = made(convolutions()), images(2)
    torch.testing.assert_close(classifier.predictor(x), classifier.logits(x))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("made: is run by torch, and not by openvino: ") and said in line


@installed
def test_a_network_that_cannot_be_followed_is_run_as_it_is(capsys):
    network = Network("torchvision", "none", depths={0: "first"}, size=SIZE)
    with pytest.MonkeyPatch.context() as patch:  # its maps cannot be had either, which is not asked here
        patch.setattr(Classifier, "_extractor", lambda self: None)
        classifier = Classifier("odd", Odd(), network, "cpu")
    x = images(2)
    assert torch.equal(classifier.predictor(x), classifier.logits(x))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["odd"] * len(lines) and len(lines) in (1, 2)


def test_without_openvino_torch_runs_it(monkeypatch, capsys):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    assert backend_on("cpu", "openvino") == "torch"
    x = images(2)
    by_torch, by_default = made(convolutions(), backend="torch"), made(convolutions())
    assert torch.equal(by_default.predictor(x), by_torch.predictor(x))
    assert capsys.readouterr().err == ""


def test_a_gpu_is_torch_s(monkeypatch):
    assert backend_on("cuda", "openvino") == backend_on("cuda:1", "torch") == "torch"


def test_an_unknown_backend_is_named():
    with pytest.raises(ValueError, match=r"^backend is 'onnx'; give one of openvino, torch$"):
        made(convolutions(), backend="onnx").predictor(images(1))
