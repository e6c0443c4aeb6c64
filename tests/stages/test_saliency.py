"""The stage on small photos made up here, with a network of random weights."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import squeezenet1_1

from nas.data.records import read_records
from nas.networks.classifier import Classifier, load_classifier
from nas.networks.descriptions import build, find_network
from nas.saliency.explaining import explain
from nas.saliency.methods import TARGETS
from nas.saliency.photo_maps import Explaining, explain_photos
from nas.saliency.possible import possible_methods, to_explain
from nas.store import engine
from nas.store.shards import Shards, Stored
from stages import saliency

PARAMETERS = {"smoothgrad": {"n_samples": 2}, "lime": {"n_samples": 8}, "kernel_shap": {"n_samples": 8}}
SEED = 3


@pytest.fixture(scope="module")
def prepared(new_project, seen_by_network):
    """A function that makes a project, and its network; labels are "predicted", "other" or None, by photo."""

    def make(labels, methods=("gradient", "smoothgrad", "grad_cam", "lime", "random"), **settings):
        given = {"methods": list(methods), "parameters": PARAMETERS, "batch": 2, **settings}
        project = new_project({photo: {} for photo in labels}, side=64, seed=SEED, saliency=given)
        classifier = seen_by_network(project)
        seen = Shards(project.of("activations"))
        stored = {photo: {name: array[0] for name, array in seen.read([photo]).items()} for photo in labels}
        for photo, label in labels.items():
            logits = stored[photo]["logits"]
            known = {"predicted": logits.argmax(), "other": logits.argmin(), None: np.int64(-1)}
            stored[photo]["label"] = np.array(known[label])
        project.store("activations", stored)
        return project, classifier

    return make


LABELS = {"right": "predicted", "unlabelled": None, "wrong": "other"}


def test_maps_are_those_of_explain_for_the_predicted_and_the_true_class(prepared):
    project, classifier = prepared(LABELS)
    stored = project.stored(saliency)
    for record in read_records(project.folder / "data/raw/folder"):
        found = {name: array[0] for name, array in stored.read([record.id]).items()}
        seen = Shards(project.of("activations")).read([record.id])
        regions = Shards(project.of("superpixels")).read([record.id])["nas_clusters.first"].astype(int)
        predicted = int(seen["logits"].argmax())
        label = int(seen["label"][0])
        true = predicted if label < 0 else label
        assert (found["target_predicted"], found["target_true"]) == (predicted, true)
        assert found["labelled"] == (record.id != "unlabelled") == (label >= 0)
        assert (predicted != true) == (record.id == "wrong")
        given = {
            "gradient": {},
            "smoothgrad": {"n_samples": 2, "seed": SEED},
            "grad_cam": {"upsample": False},
            "lime": {"n_samples": 8, "seed": SEED, "regions": torch.from_numpy(regions)},
            "random": {"seed": SEED},
        }
        maps = {f"{kind}/{method}" for kind in ("predicted", "true") for method in given}
        assert set(found) == {"target_predicted", "target_true", "labelled"} | maps
        x = classifier.normalize(seen["view"])
        for kind, target in (("predicted", predicted), ("true", true)):
            for method, parameters in given.items():
                expected = explain(classifier, x, torch.tensor([target]), method, **parameters)[0].numpy()
                array = found[f"{kind}/{method}"]
                assert array.dtype == np.float32 and array.shape == ((2, 2) if method == "grad_cam" else (64, 64))
                np.testing.assert_allclose(array, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
        for method in given:
            same = found[f"predicted/{method}"].tobytes() == found[f"true/{method}"].tobytes()
            assert same == (record.id != "wrong" or method == "random"), method


def test_the_maps_of_a_photo_do_not_depend_on_the_others(prepared):
    project, _ = prepared(LABELS | {"wrong_too": "other", "last": None})
    records = read_records(project.folder / "data/raw/folder")
    settings = project.settings().saliency

    def maps(chosen):
        data = project.folder / "data"
        made = Explaining.of_data(data, "folder", "mobilenet_v2", settings.batch)
        regions = Stored(data / "superpixels/folder/mobilenet_v2", (settings.regions,))
        asked = to_explain(settings.methods, settings.parameters, SEED, regions)
        found = explain_photos(chosen, {TARGETS: None, **asked}, settings=made)
        return {name: array for shard in found.values() for name, array in shard.arrays.items()}

    together = maps(records)
    for number, record in enumerate(records):
        for name, expected in maps([record]).items():
            scale = np.abs(expected).max()
            np.testing.assert_allclose(together[name][number], expected[0], rtol=1e-3, atol=1e-4 * scale, err_msg=name)


def test_another_photo_changes_no_byte_of_the_others(prepared):
    few, many = (prepared(labels)[0].stored(saliency) for labels in (LABELS, {"first": "other", **LABELS}))
    assert many.ids == ["first", *few.ids]
    for name, array in few.read(few.ids).items():
        assert array.tobytes() == many.read(few.ids)[name].tobytes(), name


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(prepared):
    (killed, _), (whole, _) = prepared(LABELS), prepared(LABELS)
    whole.run(saliency)
    assert killed.kill_and_resume(saliency, 2, "explain_photos") == 2  # of three photos
    assert killed.contents("saliency") == whole.contents("saliency")


def test_another_setting_gives_other_maps(prepared):
    first, _ = prepared({"a": None}, methods=["smoothgrad", "gradient"])
    stored = first.stored(saliency)
    before = stored.read(["a"])
    first.set(saliency={"parameters": {"smoothgrad": {"n_samples": 3}}})
    after = first.stored(saliency).read(["a"])
    assert before["true/gradient"].tobytes() == after["true/gradient"].tobytes()
    assert not np.array_equal(before["true/smoothgrad"], after["true/smoothgrad"])


def test_disk_and_time_are_said_before_the_first_photo_or_the_run_is_refused(prepared, monkeypatch, capsys):
    project, classifier = prepared(LABELS)
    monkeypatch.setattr(engine, "FEW", 0)
    monkeypatch.setattr(saliency, "seconds_of_maps", lambda *_: 50.0)
    each = 4 * 2 * 4 * classifier.size**2  # without the map of grad_cam, which is small
    line = f"3 photos x {each / 1e6:.1f} MB = {3 * each / 1e6:.1f} MB on disk"
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=3 * each - 1))
    message = project.failing(saliency)
    assert message.startswith(f"error: {line}") and message.endswith("or fewer saliency.methods")
    assert not list((project.folder / "data/scratch").rglob("*.safetensors"))
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=3 * each))
    project.run(saliency)
    assert capsys.readouterr().err.splitlines() == [
        f"saliency folder mobilenet_v2: {line} (free: {3 * each / 1e6:.1f} MB), about 2 min in all"
    ]


def test_a_photo_of_one_region_has_flat_maps_of_regions(prepared):
    project, _ = prepared({"a": None}, methods=["lime", "kernel_shap"])
    project.store("superpixels", {"a": {"nas_clusters.first": np.zeros((64, 64), np.uint16)}})
    for method in ("lime", "kernel_shap"):
        array = project.stored(saliency).read(["a"])[f"predicted/{method}"]
        assert np.isfinite(array).all() and np.ptp(array) == 0


def test_a_method_that_the_network_cannot_do_is_left_out_with_a_line(tmp_path, capsys):
    torch.manual_seed(0)
    weights = tmp_path / "squeezenet1_1.safetensors"
    save_file(squeezenet1_1(weights=None).state_dict(), weights)
    classifier = load_classifier("squeezenet1_1", weights)
    kept = possible_methods(classifier, ["cam", "gradient", "grad_cam", "random"])
    assert kept == ["gradient", "grad_cam", "random"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("squeezenet1_1: cam is left out: cam cannot explain 'squeezenet1_1'")


def test_a_method_is_tried_with_a_picture_that_is_not_blank():
    """Of a blank one a ConvNeXt with random weights makes maps of 0, whose norm is 0 as well."""
    torch.manual_seed(0)
    classifier = Classifier("convnext_atto", build(find_network("convnext_atto")), find_network("convnext_atto"))
    assert possible_methods(classifier, ["cam", "grad_cam"]) == ["grad_cam"]


def test_what_is_left_out_is_not_stored(prepared, capsys, monkeypatch):
    def refuses(*_, **__):
        raise ValueError("not today")

    project, _ = prepared({"a": "other"}, methods=["lrp", "random"])
    monkeypatch.setattr("nas.saliency.propagation.lrp", refuses)
    stored = project.stored(saliency)
    assert "mobilenet_v2: lrp is left out: not today" in capsys.readouterr().err.splitlines()
    assert stored.names() == ["labelled", "predicted/random", "target_predicted", "target_true", "true/random"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"methods": ["gradient", "grad-cam"]},
            ["saliency.methods has 'grad-cam': allowed are gradient, ", "grad_cam"],
        ),
        (
            {"parameters": {"smoothgrad": {"n_sample": 2}}},
            ["saliency.parameters.smoothgrad: smoothgrad has no parameter 'n_sample': allowed are "],
        ),
        ({"parameters": {"smoothgrad": {"n_samples": 0}}}, ["n_samples of smoothgrad is 0; give a whole number"]),
    ],
)
def test_errors_are_one_line_that_says_what_is_allowed(prepared, settings, words):
    project, _ = prepared({"a": None}, **{"methods": ["smoothgrad"], **settings})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saliency, "explain_photos", None)  # before the first photo
        message = project.failing(saliency)
    assert message.startswith("error: ") and all(word in message for word in words)


@pytest.mark.parametrize("missing", ["activations", "superpixels"])
def test_a_stage_that_has_not_run_is_named(prepared, missing):
    project, _ = prepared({"a": None}, methods=["random"])
    (project.of(missing) / "index.json").unlink()
    message = project.failing(saliency)
    assert f"data/{missing}/folder/mobilenet_v2: holds no index.json; run the stage" in message
