"""Stored maps against `explain` for one photo and class at a time, with a network of random weights."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from plain import store, write_network

from nas.data.records import Record
from nas.networks.headed import StoredClassifier, shared_classifier
from nas.saliency.explaining import explain
from nas.saliency.methods import TARGETS
from nas.saliency.photo_maps import Explaining, ToExplain, explain_photos
from nas.saliency.possible import to_explain
from nas.store.code import _syntax, file_of
from nas.store.given import Given
from nas.store.shards import Stored

SIDE, SEED = 64, 3
PARAMETERS = {"smoothgrad": {"n_samples": 2}, "lime": {"n_samples": 8}}
METHODS = ["gradient", "smoothgrad", "grad_cam", "lime", "random"]
RECORDS = [Record(photo, Path(), f"{photo:0>64}") for photo in ("right", "unlabelled", "wrong", "wrong_too")]


def photo_of(photo, classifier):
    generator = np.random.default_rng(list(photo.encode()))
    view = np.array(Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8)).resize((SIDE, SIDE)))
    with torch.no_grad():
        logits = classifier.logits(classifier.normalize(view[None]))[0].numpy()
    label = {"right": logits.argmax(), "unlabelled": -1}.get(photo, logits.argmin())
    labels = np.kron(generator.permutation(np.arange(16) % 5).reshape(4, 4), np.ones((16, 16))).astype(np.uint16)
    return {
        "activations": {"view": view, "logits": logits, "label": np.array(label)},
        "superpixels": {"slic.first": labels, "slic.other": labels},
    }


def stored(folder, photos):
    store(folder / "activations", {photo: each["activations"] for photo, each in photos.items()})
    regions = {photo: each["superpixels"] for photo, each in photos.items()}
    store(folder / "superpixels", regions)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The settings, what is stored of the photos, the network, and label maps."""
    folder = tmp_path_factory.mktemp("saliency")
    weights, head = write_network(folder)
    classifier = shared_classifier("mobilenet_v2", weights, head)
    photos = {record.id: photo_of(record.id, classifier) for record in RECORDS}
    stored(folder, photos)
    seen = Stored(folder / "activations", ("view", "logits", "label"))
    settings = Explaining(StoredClassifier("mobilenet_v2", weights, head), seen, 2)
    return settings, photos, classifier, Stored(folder / "superpixels", ("slic.first",))


def pieces(names, regions):
    """The pieces of work of these names."""
    asked = to_explain([name for name in names if name != TARGETS], PARAMETERS, SEED, regions)
    return {name: asked.get(name) for name in names}


def test_maps_are_those_of_explain_for_the_predicted_and_the_true_class(made):
    settings, photos, classifier, regions = made
    found = explain_photos(RECORDS, pieces([TARGETS, *METHODS], regions), settings)
    assert list(found) == [TARGETS, *METHODS]
    for number, (photo, each) in enumerate(photos.items()):
        seen = each["activations"]
        predicted, label = int(seen["logits"].argmax()), int(seen["label"])
        true = predicted if label < 0 else label
        targets = {name: array[number] for name, array in found[TARGETS].arrays.items()}
        assert targets == {"target_predicted": predicted, "target_true": true, "labelled": label >= 0}
        assert (predicted != true) == photo.startswith("wrong")
        labels = torch.from_numpy(each["superpixels"]["slic.first"].astype(np.int64))[None]
        given = {
            "gradient": {},
            "smoothgrad": {"n_samples": 2, "seed": SEED},
            "grad_cam": {"upsample": False},
            "lime": {"n_samples": 8, "seed": SEED, "regions": labels},
            "random": {"seed": SEED},
        }
        x = classifier.normalize(seen["view"][None])
        for method, parameters in given.items():
            arrays = found[method].arrays
            assert set(arrays) == {f"predicted/{method}", f"true/{method}"}
            for kind, target in (("predicted", predicted), ("true", true)):
                expected = explain(classifier, x, torch.tensor([target]), method, **parameters)[0].numpy()
                array = arrays[f"{kind}/{method}"][number]
                assert array.dtype == np.float32 and array.shape == ((2, 2) if method == "grad_cam" else (SIDE, SIDE))
                np.testing.assert_allclose(array, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
            same = arrays[f"predicted/{method}"][number].tobytes() == arrays[f"true/{method}"][number].tobytes()
            assert same == (predicted == true or method == "random"), method


def test_the_maps_of_a_photo_depend_neither_on_the_others_nor_on_other_methods(made):
    settings, _, _, regions = made
    together = explain_photos(RECORDS, pieces(METHODS, regions), settings)
    for number, record in enumerate(RECORDS):
        alone = explain_photos([record], pieces(METHODS[::2], regions), settings)
        assert list(alone) == METHODS[::2]
        for method, shard in alone.items():
            for name, expected in shard.arrays.items():
                scale = np.abs(expected).max()
                array = together[method].arrays[name][number]
                np.testing.assert_allclose(array, expected[0], rtol=1e-3, atol=1e-4 * scale, err_msg=name)


@pytest.mark.parametrize(("photo", "message"), [("right", "'right'"), ("wrong_too", "'wrong_too'")])
def test_a_map_that_is_none_is_named(made, monkeypatch, photo, message):
    settings, _, _, regions = made
    number = [record.id for record in RECORDS].index(photo)
    explain = ToExplain.explain

    def spoilt(self, classifier, x, target, *given, **changed):
        maps = explain(self, classifier, x, target, *given, **changed).clone()
        if photo == "right" and len(x) == len(RECORDS):
            maps[number, 3, 4] = np.nan
        elif photo != "right" and len(x) < len(RECORDS):  # of the true class, of the photos where it is another one
            maps[-1, 3, 4] = np.inf
        return maps

    monkeypatch.setattr(ToExplain, "explain", spoilt)
    with pytest.raises(ValueError, match=rf"^the map of gradient of {message}: 1 of its \d+ values are not finite"):
        explain_photos(RECORDS, pieces(["gradient"], regions), settings)


def test_a_photo_of_one_region_has_flat_maps_of_regions(made, tmp_path):
    settings, photos, _, _ = made
    flat = {"slic.first": np.zeros((SIDE, SIDE), np.uint16)}
    other = Stored(store(tmp_path / "superpixels", dict.fromkeys(photos, flat)), ("slic.first",))
    for method, shard in explain_photos(RECORDS, pieces(["lime", "kernel_shap"], other), settings).items():
        for array in shard.arrays[f"predicted/{method}"]:
            assert np.isfinite(array).all() and np.ptp(array) == 0


def test_a_method_depends_on_its_own_parameters_seed_and_regions_alone(made, tmp_path):
    _, photos, _, regions = made

    def digests(parameters=PARAMETERS, seed=SEED, regions=regions, kind="slic.first"):
        found = to_explain(METHODS, parameters, seed, Stored(regions.folder, (kind,)))
        assert list(found) == METHODS
        return {name: Given.of(each).digest(list(photos)) for name, each in found.items()}

    before = digests()

    def changed(**changes):
        return {name for name, digest in digests(**changes).items() if digest != before[name]}

    assert changed() == set()
    assert changed(seed=4) == {"smoothgrad", "lime", "random"}
    assert changed(parameters=PARAMETERS | {"lime": {"n_samples": 9}}) == {"lime"}
    assert changed(kind="slic.other") == {"lime"}
    labels = {photo: {key: dict(each) for key, each in stages.items()} for photo, stages in photos.items()}
    labels["right"]["superpixels"]["slic.other"] = labels["right"]["superpixels"]["slic.other"] + 1
    stored(tmp_path / "other", labels)
    assert changed(regions=Stored(tmp_path / "other/superpixels", ())) == set()
    labels["right"]["superpixels"]["slic.first"] = labels["right"]["superpixels"]["slic.first"] + 1
    stored(tmp_path / "first", labels)
    assert changed(regions=Stored(tmp_path / "first/superpixels", ())) == {"lime"}


def test_a_method_depends_on_its_own_code_and_not_on_that_of_others(made):
    _, _, _, regions = made
    found = to_explain(["gradient", "rise", "lime"], {}, SEED, regions)
    files = {name: {file.name for file in Given.of(each).files} for name, each in found.items()}
    common = {"photo_maps.py", "method.py"}
    assert files["gradient"] == common | {"gradients.py"}
    assert files["rise"] == common | {"rise.py"}
    assert files["lime"] == common | {"lime.py", "shards.py"}
    _, used = _syntax(file_of(explain_photos))
    assert {"methods.py", "possible.py"}.isdisjoint(file.name for file in used)


def test_every_map_depends_on_what_the_network_is_and_saw(made, tmp_path):
    settings, photos, _, _ = made

    def digest(other):
        return Given.of(partial(explain_photos, settings=other)).digest(list(photos))

    seen = {photo: dict(each["activations"]) for photo, each in photos.items()}
    names = settings.seen.names
    same = Stored(store(tmp_path / "same", seen), names)
    assert digest(replace(settings, seen=same)) == digest(settings)
    seen["wrong"]["view"] = seen["wrong"]["view"] ^ 1
    other_weights, _ = write_network(tmp_path / "other", seed=1)
    changes = [
        {"seen": Stored(store(tmp_path / "changed", seen), names)},
        {"batch": 3},
        {"classifier": replace(settings.classifier, name="other")},
        {"classifier": replace(settings.classifier, weights=other_weights)},
    ]
    assert len({digest(settings), *(digest(replace(settings, **change)) for change in changes)}) == len(changes) + 1


def test_inputs_lie_where_the_stages_wrote_them(tmp_path):
    found = Explaining.of_data(tmp_path, "made", "net", 2)
    classifier = StoredClassifier("net", tmp_path / "weights/net.safetensors", tmp_path / "heads/made/net")
    assert found == Explaining(classifier, Stored(tmp_path / "activations/made/net", ("view", "logits", "label")), 2)
