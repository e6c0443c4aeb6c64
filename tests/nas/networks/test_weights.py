"""Files of weights, old ones, others, and ones that were tampered with."""

import pickle
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.data.sources import SourceError
from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network, build, find_network
from nas.networks.weights import fetch_weights, load_weights, read_state_dict


def test_efficientnet_lite_under_its_own_names_gives_the_same_logits(tmp_path):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reference = package.EfficientNet.from_name("efficientnet-lite0").eval()
        for part in reference.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.uniform_(part.running_mean, -0.2, 0.2)
                nn.init.uniform_(part.running_var, 0.5, 1.5)
                nn.init.uniform_(part.weight, 0.8, 1.2)
                nn.init.uniform_(part.bias, -0.2, 0.2)
    path = tmp_path / "lite.pth"
    torch.save(reference.state_dict(), path)
    found = find_network("efficientnet_lite0")
    module = build(found)
    load_weights(module, path)
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = reference(x)
        assert expected.std() > 1e-2
        torch.testing.assert_close(module.eval()(x), expected, rtol=0, atol=1e-4)
    sides = [m.shape[-1] for m in Classifier("efficientnet_lite0", module, found, "cpu").activations(x).values()]
    assert sides == [112, 56, 28, 14, 7]


@pytest.mark.parametrize("key", ["state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "model."])
def test_a_state_dict_is_found_in_what_a_training_script_saves(tmp_path, capsys, key, prefix):
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    state = {f"{prefix}{name}": value + 1 for name, value in module.state_dict().items()}
    other = {f"{prefix}{name}": value + 2 for name, value in module.state_dict().items()}
    torch.save({"epoch": 3, key: state, "ema": other, "optimizer": {"lr": 0.1}}, tmp_path / "last.pth")
    load_weights(module, tmp_path / "last.pth")
    found = module.state_dict()
    assert all(torch.equal(found[name.removeprefix(prefix)], value) for name, value in state.items())
    assert capsys.readouterr().err == (
        f"weights {tmp_path}/last.pth: {key!r} in it is used, and not 'epoch', 'ema', 'optimizer'\n"
    )


def test_files_without_counters_of_batches_and_with_the_old_names_of_densenet(randomized, tmp_path):
    """As torchvision still offers them: denselayer1.norm.1 for denselayer1.norm1, and no num_batches_tracked."""
    original = randomized("densenet121").module
    state = {name: value for name, value in original.state_dict().items() if "num_batches" not in name}
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value for name, value in state.items()}
    assert len(old) == len(state) < len(original.state_dict()) and old.keys() != state.keys()
    for number, entries in enumerate((state, old)):
        torch.save(entries, tmp_path / f"{number}.pth")
        module = build(find_network("densenet121"))
        load_weights(module, tmp_path / f"{number}.pth")
        loaded = module.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in state.items())


@pytest.mark.parametrize(
    "other",
    [
        lambda: nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 2)),  # the first layer fits
        lambda: nn.Sequential(nn.Linear(3, 2)),
        lambda: nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.Linear(3, 2)}),
    ],
)
def test_a_module_keeps_its_weights_when_a_file_does_not_fit(tmp_path, other):
    torch.save(other().state_dict(), tmp_path / "other.pth")
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ValueError, match=r"other\.pth"):
        load_weights(module, tmp_path / "other.pth")
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_entries_in_another_order_are_not_taken_for_each_other(tmp_path):
    module = nn.Sequential(nn.BatchNorm2d(3))  # weight, bias, running mean and variance are of one shape
    state = {f"net.{name}": torch.rand(value.shape) for name, value in sorted(module.state_dict().items())}
    del state["net.0.num_batches_tracked"]
    torch.save(state, tmp_path / "sorted.pth")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ValueError, match=r"sorted\.pth: \d entries do not fit Sequential"):
        load_weights(module, tmp_path / "sorted.pth")
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    own = {f"net.{name}": state[f"net.{name}"] for name in before if not name.endswith("tracked")}
    torch.save(own, tmp_path / "own.pth")
    load_weights(module, tmp_path / "own.pth")
    assert all(torch.equal(module.state_dict()[name.removeprefix("net.")], value) for name, value in own.items())


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing, protocol=2))])
def test_weights_that_would_run_code_are_refused(tmp_path, write):
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    pickle.loads(pickle.dumps(RunsCode(canary)))
    assert canary.exists()  # so the file below would do it
    canary.unlink()
    write({"weight": RunsCode(canary)}, path)
    with pytest.raises(ValueError, match="refused") as caught:
        load_weights(nn.Linear(1, 1), path)
    assert "evil.pth" in str(caught.value) and "\n" not in str(caught.value)
    assert not canary.exists()


def flipped(path):
    """A file with one bit of a weight changed."""
    torch.save({"a": torch.full((64,), 1.5)}, path)
    content = bytearray(path.read_bytes())
    content[content.index(b"\x00\x00\xc0\x3f" * 8) + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(AssertionError):  # torch does not see it
        assert torch.equal(torch.load(path, weights_only=True)["a"], torch.full((64,), 1.5))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_names_of_a_network_on_several_devices(tmp_path, suffix):
    module, other = nn.Linear(3, 2), nn.Linear(3, 2)
    state, path = nn.DataParallel(other).state_dict(), tmp_path / f"state{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    load_weights(module, path)
    assert torch.equal(module.weight, other.weight) and torch.equal(module.bias, other.bias)


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("gone.pth", lambda path: None, ["no such file", ".safetensors"]),
        ("text.pth", lambda path: path.write_text("<html>"), ["damaged"]),
        ("empty.pth", lambda path: path.write_bytes(b""), ["cannot be read (it is empty)"]),
        ("cut.pth", lambda path: path.write_bytes(b"PK\x03\x04"), ["cannot be read"]),
        ("cut.safetensors", lambda path: path.write_bytes(b"\x10"), ["cannot be read"]),
        ("list.pth", lambda path: torch.save([torch.ones(1)], path), ["no state dict"]),
        ("nested.pth", lambda path: torch.save({"mine": {"weight": torch.ones(1)}}, path), ["no state dict"]),
        (
            "parts.pth",
            lambda path: torch.save({"epoch": 3, "state_dict": {}, "ema": {}}, path),
            ["'epoch' is of the type int; save what is in 'state_dict' or 'ema' alone"],
        ),
        ("numbers.pth", lambda path: torch.save({0: torch.ones(1)}, path), ["0 is a tensor"]),
        ("sparse.pth", lambda path: torch.save({"a": torch.eye(3).to_sparse()}, path), ["'a' is a tensor without val"]),
        ("meta.pth", lambda path: torch.save({"a": torch.ones(3, device="meta")}, path), ["'a' is a tensor without v"]),
        ("flipped.pth", flipped, ["cannot be read (", "is damaged"]),
        ("network.pth", lambda path: torch.save(nn.Linear(3, 2), path), ["refused"]),
    ],
)
def test_files_that_are_no_state_dict(tmp_path, name, write, words):
    path = tmp_path / name
    write(path)
    with pytest.raises(ValueError) as caught:
        read_state_dict(path)
    message = str(caught.value)
    assert message.startswith(f"weights {path}: ") and "\n" not in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (nn.Linear(3, 2, bias=False), ["1 entries", "Linear", "'bias'"]),  # an entry is missing
        (nn.Linear(4, 2), ["Linear", "weight", "size mismatch"]),  # same names, other shapes
        (nn.Sequential(nn.Linear(2, 3)), ["4 entries", "Linear", "'0.bias'"]),  # other names, other shapes
    ],
)
def test_weights_of_another_architecture(tmp_path, other, words):
    path = tmp_path / "other.pth"
    torch.save(other.state_dict(), path)
    with pytest.raises(ValueError) as caught:
        load_weights(nn.Linear(3, 2), path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    assert [word for word in words if word not in message] == []


def test_official_weights_are_fetched_under_the_name_of_their_network(tmp_path):
    asked = []

    class Source:
        def fetch(self, target, *, workspace):
            asked.append((target, workspace))
            if workspace.name == "broken":
                raise SourceError("cannot download x")
            return target

    network = Network("torchvision", "none", weights=Source())
    assert fetch_weights("vgg", network, tmp_path, tmp_path / "work") == tmp_path / "vgg.pth"
    assert asked == [(tmp_path / "vgg.pth", tmp_path / "work")]
    with pytest.raises(SourceError, match=r"^cannot download x; a file of your own goes into weights\.files\.vgg$"):
        fetch_weights("vgg", network, tmp_path, tmp_path / "broken")
    with pytest.raises(
        ValueError, match=r"classifiers has 'mine', whose weights are not fetched: set weights\.files\.mi"
    ):
        fetch_weights("mine", Network("timm", "none"), tmp_path, tmp_path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_dict_is_read_as_it_is(tmp_path, suffix):
    state = {"a.weight": torch.randn(2, 3), "b": torch.arange(4)}
    path = tmp_path / f"state{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    found = read_state_dict(path)
    assert found.keys() == state.keys() and all(torch.equal(found[name], value) for name, value in state.items())
