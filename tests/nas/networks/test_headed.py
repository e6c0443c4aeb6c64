"""Networks with a head against their features times its weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nas.networks.backends import BACKENDS, backend_on
from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network, build, find_network
from nas.networks.headed import StoredClassifier, load_headed, pooled_features, shared_classifier, with_head
from nas.networks.heads import Fit, Head, fit_head, write_head
from nas.saliency.explaining import explain


def some_head(n_features, seed=0):
    generator = np.random.default_rng(seed)
    weight = generator.normal(size=(3, n_features)).astype(np.float32)
    return Head(weight, generator.normal(size=3).astype(np.float32), np.array([2, 5, 9]), 0.1, 0.9)


def tiny():
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 5, 3, stride=4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(5, 7),
    )
    return Classifier("tiny", nn.Sequential(*layers), Network("torchvision", "none", depths={0: "0"}, size=32), "cpu")


def known(name):
    torch.manual_seed(0)
    found = find_network(name)
    return Classifier(name, build(found), replace(found, size=96 if name == "inception_v3" else 64), "cpu")


def without_pooling():
    layers = nn.Conv2d(3, 2, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 64, 7)
    return Classifier("flat", nn.Sequential(*layers), Network("torchvision", "none", depths={0: "0"}, size=32), "cpu")


NAMES = ["mobilenet_v2", "resnet18", "densenet121", "efficientnet_lite0"]


NAMES += ["vgg11", "squeezenet1_1", "convnext_tiny", "inception_v3"]


NETWORKS = {"tiny": tiny, "flat": without_pooling, **{name: (lambda name=name: known(name)) for name in NAMES}}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_head_takes_the_place_of_all_behind_the_last_map_and_of_nothing_else(make):
    classifier = make()
    before = {name: value.clone() for name, value in classifier.module.state_dict().items()}
    x = torch.randn(2, 3, classifier.size, classifier.size, generator=torch.Generator().manual_seed(1))
    features = pooled_features(classifier, x)
    headed = with_head(classifier, some_head(features.shape[1]))
    with torch.no_grad():
        logits = headed.logits(x).numpy()
    assert logits.shape == (2, 3)
    np.testing.assert_allclose(logits, some_head(features.shape[1]).logits(features.numpy()), rtol=1e-3, atol=1e-4)
    assert (headed.depths, headed.size, headed.name) == (classifier.depths, classifier.size, classifier.name)
    for depth, maps in classifier.activations(x).items():
        assert torch.equal(headed.activations(x)[depth], maps)
    after = classifier.module.state_dict()
    assert set(after) == set(before) and all(torch.equal(after[name], before[name]) for name in before)
    shared = {value.data_ptr() for value in after.values()}
    own = [name for name, value in headed.module.state_dict().items() if value.data_ptr() not in shared]
    assert own == ["linear_head.weight", "linear_head.bias"]
    cam = explain(headed, x, torch.tensor([2, 0]), "cam", upsample=False)
    pooled = torch.einsum("bchw->b", cam[:, None]) / cam[0].numel()
    bias = torch.from_numpy(some_head(features.shape[1]).bias)[[2, 0]]
    torch.testing.assert_close(pooled + bias, torch.from_numpy(logits)[[0, 1], [2, 0]], rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        predicted = headed.predictor(x)
    torch.testing.assert_close(predicted, torch.from_numpy(logits), rtol=1e-3, atol=1e-3)


def test_cam_is_of_the_head_s_classes():
    classifier, head = tiny(), some_head(5)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    maps = classifier.module[1](classifier.module[0](x)).detach()
    expected = torch.einsum("bc,bchw->bhw", torch.from_numpy(head.weight)[[2, 0]], maps)
    found = explain(with_head(classifier, head), x, torch.tensor([2, 0]), "cam", upsample=False)
    torch.testing.assert_close(found, expected)


def test_a_fitted_head_tells_the_classes_apart():
    classifier = tiny()
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 2
    x = torch.randn(40, 3, 32, 32, generator=generator) * 0.3
    x[labels == 1, 0] += 1.0
    head = fit_head(pooled_features(classifier, x).numpy(), labels.numpy(), seed=0)
    assert head.cv_accuracy == 1.0
    with torch.no_grad():
        assert torch.equal(with_head(classifier, head).logits(x).argmax(1), labels)


def test_networks_that_end_in_no_feature_map_are_refused():
    classifier, name = object.__new__(Classifier), "vit_b_16"  # without the depths, which this network lacks
    classifier.name, classifier.module, classifier.size = name, build(find_network(name)).eval(), 224
    x = torch.zeros(1, 3, 224, 224)
    for call in (lambda: pooled_features(classifier, x), lambda: with_head(classifier, some_head(2))):
        with pytest.raises(
            ValueError, match=f"^'{name}' can have no linear head: .* no feature map .*choose"
        ) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_a_head_of_another_network_is_refused():
    with pytest.raises(ValueError, match="the head takes 6 features, 'tiny' has 5"):
        with_head(tiny(), some_head(6))


def test_a_classifier_is_loaded_with_the_head_of_a_folder_once(tmp_path, monkeypatch):
    loaded = []

    def load(name, weights, *, depths, backend):
        loaded.append((name, weights, depths))
        return tiny()

    monkeypatch.setattr("nas.networks.headed.load_classifier", load)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = with_head(tiny(), some_head(5)).logits(x)
        assert torch.equal(load_headed("tiny", tmp_path, some_head(5), {1: "1"}).logits(x), expected)
        assert load_headed("tiny", tmp_path, None).logits(x).shape == (2, 7)
        write_head(tmp_path, some_head(5), Fit())
        first, again = (shared_classifier("tiny", tmp_path / "w", tmp_path) for _ in range(2))
        assert first is again and torch.equal(first.logits(x), expected)
    assert loaded == [("tiny", tmp_path, {1: "1"}), ("tiny", tmp_path, None), ("tiny", tmp_path / "w", None)]
    shared_classifier.cache_clear()


def test_what_a_stored_classifier_gives_depends_on_what_runs_it(tmp_path, monkeypatch):
    (tmp_path / "w").write_bytes(b"weights")
    write_head(tmp_path, None, Fit("none"))
    found = [StoredClassifier("tiny", tmp_path / "w", tmp_path, backend) for backend in ("openvino", "torch")]
    prints = [each.fingerprint for each in found]
    assert [each[-1] for each in prints] == [backend_on(each[-2], b) for each, b in zip(prints, BACKENDS, strict=True)]
    monkeypatch.setattr("nas.networks.backends.find_spec", lambda name: None)
    assert found[0].fingerprint == found[1].fingerprint == [*prints[0][:-1], "torch"]
