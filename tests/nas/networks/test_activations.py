"""Maps that are read against a plain forward pass, whether they were stored or not."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.networks.activations import FORWARD, Activations, _load, write_forward
from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network
from nas.networks.forward import Forward, convert
from nas.store.shards import Shard, gather, write_shard

IDS = ["a", "b", "c"]


def network(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1), nn.Flatten(), nn.Linear(96, 5)
        )


def photos(n=3):
    return np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), np.uint8)


def plain(module, views):
    """Maps and logits of one photo after the other."""
    x = torch.from_numpy(views).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        first = torch.cat([module[:2](one[None]) for one in x])
        second = torch.cat([module[:3](one[None]) for one in x])
        return {"depth0": first.numpy(), "depth2": second.numpy(), "logits": module(x).numpy()}


@pytest.fixture
def classifier():
    return Classifier(
        "made",
        network(0),
        Network("", "made", depths={2: "2", 0: "1"}, size=16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    )


@pytest.fixture
def store(tmp_path, classifier, monkeypatch):
    """A function that writes the folder of the stage with the arrays named."""
    weights = tmp_path / "made.safetensors"
    save_file(classifier.module.state_dict(), weights)

    def load(name, path, *, depths):
        loaded.append(name)
        return Classifier(name, classifier.module, Network("", name, None, depths, 16, 16, (0.0,) * 3, (1.0,) * 3))

    loaded = []
    monkeypatch.setattr("nas.classifiers.load_classifier", load)
    _load.cache_clear()

    def write(*names, precision="float32"):
        arrays = {"view": photos(), **plain(classifier.module, photos())}
        part, folder = tmp_path / "part.safetensors", tmp_path / "stored"
        write_shard(Shard(IDS, {name: arrays[name] for name in names}), part)
        gather([part], folder)
        write_forward(folder, classifier, weights, Forward(8, precision=precision))
        return folder, weights, loaded

    return write


def test_maps_are_those_of_the_network_whatever_the_batch(classifier):
    expected = plain(classifier.module, photos())
    for batch in (3, 4, 7):
        forward = Forward(batch)
        found = forward.maps(classifier, photos()) | {"logits": forward.logits(classifier, photos())}
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-6)
    alone = Forward(4).maps(classifier, photos(1))
    assert all(
        array[0].tobytes() == Forward(4).maps(classifier, photos())[name][0].tobytes() for name, array in alone.items()
    )


def test_arithmetic_is_what_is_asked_for(classifier, monkeypatch):
    kinds = []
    plain_activations = classifier.activations
    monkeypatch.setattr(classifier, "activations", lambda x: kinds.append(m := plain_activations(x)[2]) or {2: m})
    for arithmetic in ("float32", "bfloat16"):
        found = Forward(3, arithmetic).maps(classifier, photos())["depth2"]
        assert found.dtype == np.float32
    assert [kind.dtype for kind in kinds] == [torch.float32, torch.bfloat16]
    assert Forward(3, "bfloat16").logits(classifier, photos()).dtype == np.float32
    with pytest.raises(ValueError, match=r"activations\.forward is 'float16', which needs a GPU"):
        Forward(3, "float16").maps(classifier, photos())


def test_values_that_half_precision_cannot_hold_are_refused():
    maps = torch.tensor([[1.0, -70000.0]])
    message = r"activations\.precision is 'float16': values up to 70000 do not fit; set float32"
    with pytest.raises(ValueError, match=message):
        convert(maps, "float16")
    assert convert(maps, "float32").tolist() == [[1.0, -70000.0]]
    assert convert(torch.tensor([65504.0, 1 / 3]), "float16").tolist() == [65504.0, float(np.float16(1 / 3))]


def test_stored_maps_are_read_without_a_network(store, classifier):
    folder, weights, loaded = store("view", "logits", "depth0", "depth2")
    weights.unlink()
    expected = plain(classifier.module, photos())
    found = Activations(folder).read(["c", "a"])
    assert list(found) == ["depth0", "depth2", "logits", "view"] and loaded == []
    for name, array in {**expected, "view": photos()}.items():
        assert found[name].tobytes() == array[[2, 0]].tobytes()


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_maps_that_were_not_stored_are_computed(store, classifier, precision):
    folder, _, loaded = store("view", "logits", precision=precision)
    stored = Activations(folder)
    assert stored.names() == ["depth0", "depth2", "logits", "view"] and stored.ids == IDS
    assert stored.read(["b"], ["logits", "view"]).keys() == {"logits", "view"} and loaded == []
    expected = {name: array.astype(precision) for name, array in plain(classifier.module, photos()).items()}
    found = stored.read(["c", "a"], ["depth2", "view", "depth0"])
    assert list(found) == ["depth2", "view", "depth0"]
    tolerance = {"float32": 1e-6, "float16": 1e-3}[precision]
    for name in ("depth0", "depth2"):
        assert found[name].dtype == precision
        np.testing.assert_allclose(found[name], expected[name][[2, 0]], rtol=tolerance, atol=tolerance)
        alone = Activations(folder).read(["a"], [name])[name]
        assert alone[0].tobytes() == found[name][1].tobytes()  # whatever else is read
    assert loaded == ["made"]  # once per process


def test_the_fingerprint_is_of_the_network_too(store, classifier):
    folder, weights, _ = store("view", "logits")
    first = Activations(folder).fingerprint
    assert Activations(folder).fingerprint == first
    classifier.depths = {2: "0"}
    write_forward(folder, classifier, weights, Forward(8))
    assert Activations(folder).fingerprint != first


def test_what_cannot_be_read_is_one_line(store):
    folder, weights, _ = store("view", "logits")
    with pytest.raises(
        ValueError, match=r"stored: has no 'depth4'; it has depth0, depth2, logits, view: .*depths"
    ) as no:
        Activations(folder).read(["a"], ["depth4"])
    save_file(network(1).state_dict(), weights)
    with pytest.raises(ValueError, match=r"made\.safetensors: is missing or not the file .*; run dvc repro") as other:
        Activations(folder).read(["a"], ["depth0"])
    with pytest.raises(ValueError, match="lacks the record 'z'"):
        Activations(folder).read(["z"], ["depth0"])
    assert json.loads((folder / FORWARD).read_text())["classifier"] == "made"
    (folder / FORWARD).unlink()
    with pytest.raises(ValueError, match=r"stored: holds no forward\.json; run the stage activations") as note:
        Activations(folder)
    assert not any("\n" in str(caught.value) for caught in (no, other, note))
