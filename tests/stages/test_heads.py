"""The stage on small photos of two colours made up here, with a network of random weights, and what comes of it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from known import Known
from PIL import Image
from projects import Killed

from nas.data.records import Record, read_records, write_records
from nas.networks import head_fitting
from nas.networks.classifier import load_classifier
from nas.networks.headed import load_headed, pooled_features
from nas.networks.heads import fit_head, read_head
from nas.store.files import sha256_of
from stages import activations, heads

COLOURS = {"green": (30, 200, 30), "red": (200, 30, 30)}
N_TRAIN = 8


def write(folder, photos):
    """Photos of a colour with noise: {id: (class index, class name)}."""
    records = []
    for number, (photo, (index, name)) in enumerate(photos.items()):
        noise = np.random.default_rng(number).integers(-25, 26, (20, 24, 3))
        file = folder / "photos" / f"{photo}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((np.array(COLOURS[name]) + noise).astype(np.uint8)).save(file)
        records.append(Record(photo, file, sha256_of(file), (20, 24), index, name, label_source="folder"))
    write_records(records, folder)


@pytest.fixture
def project(new_project, random_weights):
    """Three photos to evaluate on, of a label 4, a label 9, and one that the train photos lack; eight to learn from."""
    made = new_project({"a": {}}, activations={"batch": 3, "cache": False})
    raw = made.folder / "data/raw/folder"
    write(raw / "train", {f"train{n}": ((4, "green"), (9, "red"))[n % 2] for n in range(N_TRAIN)})
    write(raw, {"leaf": (4, "green"), "fire": (9, "red"), "other": (2, "red")})
    place = made.folder / "data/weights" / random_weights.name
    place.parent.mkdir(parents=True)
    place.symlink_to(random_weights)
    return made


def test_the_head_is_fitted_to_the_pooled_features_of_the_train_photos(project, random_weights):
    project.run(heads)
    head, fit = read_head(project.of("heads"))
    classifier, train = load_classifier("mobilenet_v2", random_weights), project.folder / "data/raw/folder/train"
    records = read_records(train)
    views = np.stack([classifier.view(record.photo()) for record in records])
    features = pooled_features(classifier, classifier.normalize(views)).numpy()
    expected = fit_head(features, np.array([record.class_index for record in records]), 0)
    np.testing.assert_allclose(head.weight, expected.weight, rtol=1e-3, atol=1e-5)
    assert head.classes.tolist() == [4, 9] and head.names == ("green", "red")
    assert (fit.reason, fit.n_photos, fit.n_classes, fit.C) == ("", N_TRAIN, 2, head.C)
    assert fit.cv_accuracy == head.cv_accuracy == 1.0
    assert {path.name for path in project.of("heads").iterdir()} == {"head.json", "head.safetensors"}


def test_labels_logits_and_names_are_those_of_the_head(project, random_weights):
    project.run(heads)
    stored = project.stored(activations)
    found = stored.read(["leaf", "fire", "other"])
    assert found["label"].tolist() == [0, 1, -1] and found["logits"].shape == (3, 2)
    table = stored.table().set_index("id")
    assert table["prediction_name"].tolist()[:2] == ["green", "red"]
    assert table["rank"].tolist()[:2] == [0, 0] and np.isnan(table["rank"].iloc[2])
    network = load_headed("mobilenet_v2", random_weights, read_head(project.of("heads"))[0])
    with torch.no_grad():
        logits = network.logits(network.normalize(found["view"])).numpy()
    np.testing.assert_allclose(found["logits"], logits, rtol=1e-3, atol=1e-4)
    summary = project.summary("activations").query("labels == 'folder' and view == 'squashed'").iloc[0]
    assert (summary["value"], summary["n"]) == (1.0, 2)


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(project):
    project.run(heads)
    whole = project.contents("heads")
    for folder in (project.of("heads"), project.folder / "data/scratch"):
        shutil.rmtree(folder)
    assert project.kill_and_resume(heads, 6, "pool_photos", head_fitting) == 5  # of eight photos, three a batch
    assert project.contents("heads") == whole


def test_features_are_not_computed_again_when_the_fit_was_killed(project, monkeypatch):
    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(head_fitting, "pool_photos", Known(head_fitting.pool_photos, "pool"))
        patch.setattr(head_fitting, "fit_head", killed)
        project.run(heads)
    assert not project.of("heads").exists()
    monkeypatch.setattr(head_fitting, "pool_photos", Known(killed, "pool"))
    project.run(heads)
    assert read_head(project.of("heads"))[1].n_photos == N_TRAIN


@pytest.mark.parametrize(("index", "reason"), [(None, "there are no photos to fit it to"), (3, "its classes are Im")])
def test_without_train_photos_there_is_no_head_and_its_note_says_why(project, index, reason):
    raw = project.folder / "data/raw/folder"
    for file in (raw / "train").rglob("*.json"):
        file.unlink()
    (record, *_) = read_records(raw)
    write_records([replace(record, imagenet_index=index, class_index=None, class_name="")], raw)
    project.run(heads)
    head, fit = read_head(project.of("heads"))
    assert head is None and fit.reason.startswith(reason)
    assert project.stored(activations).read([record.id])["label"].tolist() == [-1 if index is None else index]


def test_a_network_without_a_last_map_has_no_head_and_a_line_says_so(project, monkeypatch, capsys):
    def refuses(*_):
        raise ValueError("'mobilenet_v2' ends in no feature map")

    monkeypatch.setattr(head_fitting, "pooled_features", refuses)
    project.run(heads)
    line = "folder mobilenet_v2: no linear head: 'mobilenet_v2' ends in no feature map"
    assert line in capsys.readouterr().err.splitlines()
    assert json.loads((project.of("heads") / "head.json").read_text())["reason"].startswith("'mobilenet_v2'")


def test_too_few_photos_of_a_class_are_one_line(project):
    write(project.folder / "data/raw/folder/train", {"a": (4, "green"), "b": (4, "green"), "c": (9, "red")})
    message = project.failing(heads)
    assert message.startswith("error: heads folder: labels has 2 classes, class 9 has 1 photos")
    assert message.endswith("(download.train; 0 for no head)")


def test_a_stage_that_needs_the_note_names_it(project):
    assert "data/heads/folder/mobilenet_v2: holds no head.json; run the stage heads" in project.failing(activations)
