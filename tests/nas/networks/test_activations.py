"""Maps that are read against a plain forward pass, whether they were stored or not."""

import json

import numpy as np
import pytest
from safetensors.torch import save_file

from nas.networks.activations import FORWARD, Activations, StoredMaps, _load, write_forward
from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network
from nas.networks.forward import Forward
from nas.store.given import Source
from nas.store.shards import Shard, gather, write_shard

IDS = ["a", "b", "c"]


@pytest.fixture
def store(tmp_path, classifier, monkeypatch, made):
    """A function that writes the folder of the stage with the arrays named."""
    weights = tmp_path / "made.safetensors"
    save_file(classifier.module.state_dict(), weights)

    def load(name, path, *, depths):
        loaded.append(name)
        return Classifier(name, classifier.module, Network("", name, None, depths, 16, 16, (0.0,) * 3, (1.0,) * 3))

    loaded = []
    monkeypatch.setattr("nas.networks.classifier.load_classifier", load)
    _load.cache_clear()

    def write(*names, precision="float32"):
        arrays = {"view": made.photos(), **made.plain(classifier.module, made.photos())}
        part, folder = tmp_path / "part.safetensors", tmp_path / "stored"
        write_shard(Shard(IDS, {name: arrays[name] for name in names}), part)
        gather([part], folder)
        write_forward(folder, classifier, weights, Forward(8, precision=precision))
        return folder, weights, loaded

    return write


def test_stored_maps_are_read_without_a_network(store, classifier, made):
    folder, weights, loaded = store("view", "logits", "depth0", "depth2")
    weights.unlink()
    expected = made.plain(classifier.module, made.photos())
    found = Activations(folder).read(["c", "a"])
    assert list(found) == ["depth0", "depth2", "logits", "view"] and loaded == []
    for name, array in {**expected, "view": made.photos()}.items():
        assert found[name].tobytes() == array[[2, 0]].tobytes()


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_maps_that_were_not_stored_are_computed(store, classifier, precision, made):
    folder, _, loaded = store("view", "logits", precision=precision)
    stored = Activations(folder)
    assert stored.names() == ["depth0", "depth2", "logits", "view"] and stored.ids == IDS
    assert stored.read(["b"], ["logits", "view"]).keys() == {"logits", "view"} and loaded == []
    expected = {name: array.astype(precision) for name, array in made.plain(classifier.module, made.photos()).items()}
    found = stored.read(["c", "a"], ["depth2", "view", "depth0"])
    assert list(found) == ["depth2", "view", "depth0"]
    tolerance = {"float32": 1e-6, "float16": 1e-3}[precision]
    for name in ("depth0", "depth2"):
        assert found[name].dtype == precision
        np.testing.assert_allclose(found[name], expected[name][[2, 0]], rtol=tolerance, atol=tolerance)
        alone = Activations(folder).read(["a"], [name])[name]
        assert alone[0].tobytes() == found[name][1].tobytes()  # whatever else is read
    assert loaded == ["made"]  # once per process


def test_stored_maps_are_known_by_their_content_and_others_by_view_and_network(store, classifier):
    folder, weights, _ = store("view", "logits", "depth2")
    stored, computed = StoredMaps(folder, (2,)), StoredMaps(folder, (0,))
    assert isinstance(stored, Source)
    assert computed.read(["b"]).keys() == {0} and stored.read(["b"]).keys() == {2}
    before = stored.fingerprint_of(["a"]), computed.fingerprint_of(["a"])
    assert stored.fingerprint_of(["b"]) != before[0] and computed.fingerprint_of(["b"]) != before[1]
    assert StoredMaps(folder, (0, 2)).fingerprint_of(["a"]) not in before
    write_forward(folder, classifier, weights, Forward(9))  # the batch changes nothing
    assert (stored.fingerprint_of(["a"]), computed.fingerprint_of(["a"])) == before
    for another in ({"precision": "float16"}, {"threads": 3}, {"arithmetic": "bfloat16"}):
        write_forward(folder, classifier, weights, Forward(8, **another))
        assert stored.fingerprint_of(["a"]) == before[0] and computed.fingerprint_of(["a"]) != before[1]
    classifier.depths = {0: "another", 2: "other"}
    write_forward(folder, classifier, weights, Forward(8))
    assert stored.fingerprint_of(["a"]) == before[0] and computed.fingerprint_of(["a"]) != before[1]
    with pytest.raises(ValueError, match=r"stored: has no 'depth4'; it has depth0, depth2, logits, view$"):
        StoredMaps(folder, (4,)).fingerprint_of(["a"])


def test_a_folder_is_opened_once_while_it_and_its_network_stay(store, classifier):
    folder, weights, _ = store("view")
    first = Activations.open(folder)
    assert Activations.open(folder) is first
    write_forward(folder, classifier, weights, Forward(8, precision="float16"))
    assert Activations.open(folder) is not first
    (folder / FORWARD).unlink()
    with pytest.raises(ValueError, match=r"holds no forward\.json"):
        Activations.open(folder)


def test_what_cannot_be_read_is_one_line(store, made):
    folder, weights, _ = store("view", "logits")
    with pytest.raises(
        ValueError, match=r"stored: has no 'depth4'; it has depth0, depth2, logits, view: .*depths"
    ) as no:
        Activations(folder).read(["a"], ["depth4"])
    save_file(made.network(1).state_dict(), weights)
    with pytest.raises(ValueError, match=r"made\.safetensors: is missing or not the file .*; run dvc repro") as other:
        Activations(folder).read(["a"], ["depth0"])
    with pytest.raises(ValueError, match="lacks the record 'z'"):
        Activations(folder).read(["z"], ["depth0"])
    assert json.loads((folder / FORWARD).read_text())["classifier"] == "made"
    (folder / FORWARD).unlink()
    with pytest.raises(ValueError, match=r"stored: holds no forward\.json; run the stage activations") as note:
        Activations(folder)
    assert not any("\n" in str(caught.value) for caught in (no, other, note))
