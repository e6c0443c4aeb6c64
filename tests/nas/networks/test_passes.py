"""What a pass says of a photo: its prediction, and where the label stands."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from nas.data.records import Record
from nas.networks.accuracy import accuracy
from nas.networks.classifier import Classifier
from nas.networks.descriptions import CATEGORIES
from nas.networks.forward import Forward
from nas.networks.heads import Head
from nas.networks.passes import _describe, _label, _names, layers, read_views, run_photos
from nas.statistics.resampling import Resampling


@pytest.mark.parametrize("n_classes", [2, 200, 21841])
def test_a_classifier_of_other_classes_has_no_rank_of_the_imagenet_label(n_classes):
    record = Record("a", Path("a.png"), "0" * 64, imagenet_index=150, label_source="file")
    logits = np.arange(n_classes, dtype=np.float32)
    label, names = _label(record, None, n_classes), _names(None, n_classes)
    row = _describe(record, logits, -logits, label, names)
    assert (row["prediction"], row["prediction_cropped"]) == (n_classes - 1, 0)
    assert (row["rank"], row["rank_cropped"], row["prediction_name"]) == (None, None, "")
    summary = accuracy(pd.DataFrame([row, {**row, "id": "b"}]), Resampling(0.95, 100, 0))
    assert summary["n"].tolist() == [0] * 4 and summary["value"].isna().all()


def test_ranks_are_of_the_imagenet_label():
    record = Record("a", Path("a.png"), "0" * 64, imagenet_index=997, label_source="file")
    logits = np.arange(1000, dtype=np.float32)
    row = _describe(record, logits, -logits, _label(record, None, 1000), CATEGORIES)
    assert (row["rank"], row["rank_cropped"]) == (2, 997)
    assert (row["prediction_name"], row["prediction_name_cropped"]) == (CATEGORIES[-1], CATEGORIES[0])


def test_a_head_has_the_labels_and_names_of_the_data_set():
    head = Head(np.zeros((2, 3)), np.zeros(2), np.array([4, 7]), 1.0, 1.0, ("owl", "wren"))
    labels = [_label(Record("a", Path(), "", class_index=i), head, 2) for i in (4, 7, 5, None)]
    assert labels == [0, 1, None, None]
    row = _describe(Record("a", Path(), ""), np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0, head.names)
    assert (row["prediction_name"], row["prediction_name_cropped"], row["rank"]) == ("wren", "owl", 1)


@pytest.fixture
def records(tmp_path):
    """Three photos, of a class, of another, of none."""
    found = []
    for number, index in enumerate((7, 4, None)):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (20, 30, 3), np.uint8)).save(path)
        found.append(Record(f"p{number}", path, str(number), (20, 30), class_index=index, class_name=f"class {index}"))
    return found


def test_a_photo_is_seen_squashed_and_by_its_center_crop(records, classifier):
    squashed, cropped = read_views(records[0], classifier)
    with Image.open(records[0].image) as photo:
        assert np.array_equal(squashed, np.asarray(photo.resize((16, 16), Image.Resampling.BILINEAR)))
    assert np.array_equal(cropped, classifier.view(records[0].photo(), crop=True))
    assert not np.array_equal(squashed, cropped)


@pytest.mark.parametrize("cache", [True, False])
def test_a_pass_keeps_views_logits_labels_and_maps_where_they_are_wanted(records, classifier, made, cache):
    head = Head(np.zeros((5, 3)), np.zeros(5), np.array([1, 4, 7, 8, 9]), 1.0, 1.0, tuple("abcde"))
    views = [read_views(record, classifier) for record in records]
    shard = run_photos(records, views, classifier, head, Forward(4), cache)
    seen, cropped = (np.stack(each) for each in zip(*views, strict=True))
    expected = made.plain(classifier.module, seen)
    logits_cropped = made.plain(classifier.module, cropped)["logits"]
    assert list(shard.ids) == ["p0", "p1", "p2"]
    assert shard.arrays["label"].tolist() == [2, 1, -1]
    assert np.array_equal(shard.arrays["view"], seen)
    np.testing.assert_allclose(shard.arrays["logits_cropped"], logits_cropped, rtol=1e-5, atol=1e-6)
    for name in ("logits", "depth0", "depth2") if cache else ("logits",):
        np.testing.assert_allclose(shard.arrays[name], expected[name], rtol=1e-5, atol=1e-6)
    assert ("depth0" in shard.arrays) == cache
    for number, (row, label) in enumerate(zip(shard.rows, (2, 1, None), strict=True)):
        record = records[number]
        assert (row["id"], row["class_index"], row["class_name"]) == (record.id, label, record.class_name)
        for suffix, logits in (("", expected["logits"][number]), ("_cropped", logits_cropped[number])):
            assert row[f"prediction{suffix}"] == logits.argmax()
            assert row[f"prediction_name{suffix}"] == "abcde"[logits.argmax()]
            assert row[f"rank{suffix}"] == (None if label is None else int((logits > logits[label]).sum()))


def test_a_photo_whose_numbers_are_none_is_named(records, classifier):
    views = [read_views(record, classifier) for record in records]
    views[1] = tuple(np.zeros_like(view) for view in views[1])
    broken = Classifier("broken", copy.deepcopy(classifier.module), classifier.network)
    with torch.no_grad():
        broken.module[0].bias.zero_()
        broken.module[0].weight.fill_(1e38)
    first = (~(np.stack([view[0] for view in views]) == 0).all((1, 2, 3))).argmax()
    with pytest.raises(ValueError, match=rf"^logits of 'p{first}': \d+ of its 5 values are not finite"):
        run_photos(records, views, broken, None, Forward(4), True)


def test_depths_are_listed_with_their_nodes_and_sizes(classifier):
    assert layers(classifier, classifier.shapes()) == [
        {"depth": 0, "node": "1", "channels": 4, "height": 8, "width": 8},
        {"depth": 2, "node": "2", "channels": 6, "height": 4, "width": 4},
    ]
