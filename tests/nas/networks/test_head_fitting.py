"""A head fitted to photos against features that are made and fitted plainly."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nas.data.records import Record
from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network
from nas.networks.forward import Forward
from nas.networks.head_fitting import FEATURES, fit_to_photos, pool_photos, read_view, why_no_head
from nas.networks.heads import fit_head
from nas.store.files import sha256_of


def of(*layers):
    torch.manual_seed(0)
    found = Network("torchvision", "none", depths={0: "0"}, size=16, mean=(0.5,) * 3, std=(0.3,) * 3)
    return Classifier("tiny", nn.Sequential(*layers), found, "cpu")


@pytest.fixture
def tiny():
    return of(nn.Conv2d(3, 5, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 7))


@pytest.fixture
def photos(tmp_path):
    """Photos of two classes, one of them reddish."""
    records = []
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 200, (20, 24, 3), np.uint8)
        pixels[..., 0] += np.uint8(40 * (number % 2))
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        kind = {"class_index": (8, 3)[number % 2], "class_name": ("grey", "red")[number % 2]}
        records.append(Record(f"p{number}", path, sha256_of(path), (20, 24), **kind))
    return records


def plain_features(classifier, records):
    """The mean of the map after ReLU, one photo after the other."""
    found = []
    for record in records:
        view = np.array(Image.open(record.image).resize((16, 16), Image.Resampling.BILINEAR))
        x = (torch.tensor(view).permute(2, 0, 1)[None] / 255 - 0.5) / 0.3
        with torch.no_grad():
            found.append(classifier.module[1](classifier.module[0](x)).mean((2, 3))[0].numpy())
    return np.stack(found)


def test_features_are_the_means_of_the_last_map(tiny, photos):
    views = [read_view(record, tiny) for record in photos[:3]]
    assert [view.shape for view in views] == [(16, 16, 3)] * 3
    shard = pool_photos(photos[:3], views, tiny, Forward(4))
    assert list(shard.ids) == ["p0", "p1", "p2"] and list(shard.arrays) == [FEATURES]
    np.testing.assert_allclose(shard.arrays[FEATURES], plain_features(tiny, photos[:3]), rtol=1e-5, atol=1e-6)


def test_a_head_is_fitted_to_the_features_and_labels_of_all_photos(tiny, photos, tmp_path):
    head = fit_to_photos(photos, tiny, Forward(5), tmp_path / "work", seed=2)
    labels = np.array([record.class_index for record in photos])
    features = plain_features(tiny, photos)
    expected = fit_head(features, labels, seed=2)
    assert head.classes.tolist() == [3, 8] and head.names == ("red", "grey")
    assert (head.C, head.cv_accuracy) == (expected.C, expected.cv_accuracy)
    np.testing.assert_allclose(head.logits(features), expected.logits(features), rtol=1e-3, atol=1e-3)


def test_features_are_made_once_for_what_they_depend_on(tiny, photos, tmp_path, monkeypatch):
    seen, plain_view = [], tiny.view
    monkeypatch.setattr(tiny, "view", lambda photo: seen.append(1) or plain_view(photo))

    def n_seen(forward, seed=0):
        seen.clear()
        fit_to_photos(photos, tiny, forward, tmp_path / "work", seed)
        return len(seen)

    assert [n_seen(Forward(5)), n_seen(Forward(5)), n_seen(Forward(5), seed=1)] == [12, 0, 0]
    assert [n_seen(Forward(6)), n_seen(Forward(6, "bfloat16"))] == [12] * 2
    with torch.no_grad():
        tiny.module[0].weight += 1e-3
    assert n_seen(Forward(6, "bfloat16")) == 12


def test_it_is_said_why_a_network_has_no_head(tiny):
    assert why_no_head(tiny) == ""
    flat = object.__new__(Classifier)  # without the depths, which this network lacks
    flat.name, flat.module, flat.size = "flat", nn.Sequential(nn.Flatten(), nn.Linear(768, 2)), 16
    flat.network = tiny.network
    assert why_no_head(flat).startswith("'flat' can have no linear head: Sequential has no feature map (B, C, h, w) ")


def test_full_memory_is_no_property_of_a_network(tiny, monkeypatch):
    def full(*_):
        raise MemoryError("full")

    monkeypatch.setattr("nas.networks.graphs.ShapeProp.propagate", full)
    fresh = Classifier("tiny", copy.deepcopy(tiny.module), tiny.network)
    with pytest.raises(MemoryError):
        why_no_head(fresh)


def test_features_that_are_none_name_their_photo(tiny, photos, tmp_path):
    broken = Classifier("tiny", copy.deepcopy(tiny.module), tiny.network)
    with torch.no_grad():
        next(broken.module.parameters()).fill_(1e38)
    with pytest.raises(ValueError, match=r"features of 'p\d+': \d+ of its \d+ values are not finite"):
        fit_to_photos(photos, broken, Forward(5), tmp_path / "work", 0)
