"""Stored maps against `explain` for one photo and class at a time, with a network of random weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from plain import store, write_network

from nas.data.records import Record
from nas.networks.headed import shared_classifier
from nas.saliency.explaining import explain
from nas.saliency.photo_maps import TARGETS, Explaining, explain_photos, with_maps

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
    store(folder / "superpixels", regions, {"first": ["slic.first"], "other": ["slic.other"]})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The settings, what is stored of the photos, and the network."""
    folder = tmp_path_factory.mktemp("saliency")
    weights, head = write_network(folder)
    classifier = shared_classifier("mobilenet_v2", weights, head)
    photos = {record.id: photo_of(record.id, classifier) for record in RECORDS}
    stored(folder, photos)
    places = (weights, head, folder / "activations", folder / "superpixels")
    return Explaining("mobilenet_v2", *places, "slic.first", 2, SEED, PARAMETERS), photos, classifier


def test_maps_are_those_of_explain_for_the_predicted_and_the_true_class(made):
    settings, photos, classifier = made
    found = explain_photos(RECORDS, [TARGETS, *METHODS], settings)
    assert list(found) == [TARGETS, *METHODS]
    for number, (photo, each) in enumerate(photos.items()):
        seen = each["activations"]
        predicted, label = int(seen["logits"].argmax()), int(seen["label"])
        true = predicted if label < 0 else label
        targets = {name: array[number] for name, array in found[TARGETS].arrays.items()}
        assert targets == {"target_predicted": predicted, "target_true": true, "labelled": label >= 0}
        assert (predicted != true) == photo.startswith("wrong")
        regions = torch.from_numpy(each["superpixels"]["slic.first"].astype(np.int64))[None]
        given = {
            "gradient": {},
            "smoothgrad": {"n_samples": 2, "seed": SEED},
            "grad_cam": {"upsample": False},
            "lime": {"n_samples": 8, "seed": SEED, "regions": regions},
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
    settings, _, _ = made
    together = explain_photos(RECORDS, METHODS, settings)
    for number, record in enumerate(RECORDS):
        alone = explain_photos([record], METHODS[::2], settings)
        assert list(alone) == METHODS[::2]
        for method, shard in alone.items():
            for name, expected in shard.arrays.items():
                scale = np.abs(expected).max()
                array = together[method].arrays[name][number]
                np.testing.assert_allclose(array, expected[0], rtol=1e-3, atol=1e-4 * scale, err_msg=name)


def test_a_photo_of_one_region_has_flat_maps_of_regions(made, tmp_path):
    settings, photos, _ = made
    flat = {"slic.first": np.zeros((SIDE, SIDE), np.uint16)}
    other = replace(settings, superpixels=store(tmp_path / "superpixels", dict.fromkeys(photos, flat)))
    for method, shard in explain_photos(RECORDS, ["lime", "kernel_shap"], other).items():
        for array in shard.arrays[f"predicted/{method}"]:
            assert np.isfinite(array).all() and np.ptp(array) == 0


def test_a_method_depends_on_its_own_parameters_seed_and_regions_alone(made, tmp_path):
    settings, photos, _ = made
    before = settings.pieces(METHODS)
    assert list(before) == [TARGETS, *METHODS]

    def changed(other):
        return {name for name, depends in other.pieces(METHODS).items() if depends != before[name]}

    assert changed(replace(settings, seed=4)) == {"smoothgrad", "lime", "random"}
    assert changed(replace(settings, parameters=PARAMETERS | {"lime": {"n_samples": 9}})) == {"lime"}
    assert changed(replace(settings, regions="slic.other")) == {"lime"}
    labels = {photo: {key: dict(each) for key, each in stages.items()} for photo, stages in photos.items()}
    labels["right"]["superpixels"]["slic.other"] = labels["right"]["superpixels"]["slic.other"] + 1
    stored(tmp_path / "other", labels)
    assert changed(replace(settings, superpixels=tmp_path / "other/superpixels")) == set()
    labels["right"]["superpixels"]["slic.first"] = labels["right"]["superpixels"]["slic.first"] + 1
    stored(tmp_path / "first", labels)
    assert changed(replace(settings, superpixels=tmp_path / "first/superpixels")) == {"lime"}


def test_every_map_depends_on_what_the_network_saw(made, tmp_path):
    settings, photos, _ = made
    seen = {photo: dict(each["activations"]) for photo, each in photos.items()}
    same = store(tmp_path / "same", seen)
    assert replace(settings, activations=same).key() == settings.key()
    seen["wrong"]["view"] = seen["wrong"]["view"] ^ 1
    assert replace(settings, activations=store(tmp_path / "other", seen)).key() != settings.key()
    assert replace(settings, batch=3).key() != settings.key() != replace(settings, network="other").key()


def test_inputs_lie_where_the_stages_wrote_them(tmp_path):
    given = {"regions": "slic.first", "batch": 2, "seed": 1}
    found = Explaining.of_data(tmp_path, "made", "net", parameters=PARAMETERS, **given)
    assert found.weights == tmp_path / "weights/net.safetensors" and found.parameters == PARAMETERS
    for stage in ("head", "activations", "superpixels"):
        place = tmp_path / (stage if stage != "head" else "heads")
        assert getattr(found, stage) == place / "made" / "net"
    with pytest.raises(ValueError, match=r"^saliency\.parameters: n_samples of smoothgrad is 'many'; give a whole"):
        Explaining.of_data(tmp_path, "made", "net", parameters={"smoothgrad": {"n_samples": "many"}}, **given)


def test_methods_without_maps_are_left_out_and_controls_do_not_do_alone(tmp_path):
    names = ["predicted/lrp", "predicted/random", "true/random", "true/cam"]
    folder = store(tmp_path / "saliency", {"a": {name: np.zeros((2, 2)) for name in names}})
    assert with_maps(folder, ["cam", "random", "lrp", "xrai"], "relevance.methods") == ["cam", "random", "lrp"]
    message = (
        r"^relevance\.methods is \['xrai', 'random'\]: this network can do none of them, but for controls; add one"
    )
    with pytest.raises(ValueError, match=message):
        with_maps(folder, ["xrai", "random"], "relevance.methods")


def test_settings_with_and_without_a_seed():
    settings = Explaining("net", *[Path()] * 4, "slic.first", 2, SEED, PARAMETERS)
    assert settings.given("smoothgrad", 8) == {"n_samples": 2, "seed": 8}
    assert settings.given("gradient", 8) == {} and settings.given("random", 8) == {"seed": 8}
