"""The fit against an optimization written out with torch, C against a plain loop."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from torch.nn import functional

from nas.networks import heads
from nas.networks.heads import FOLDS, REGULARIZATIONS, Fit, Head, fit_head, head_fingerprint, read_head, write_head
from nas.store.files import write_bytes


def data(n=90, n_features=6, labels=(3, 7, 8), seed=0, spread=1.5):
    """Overlapping clouds, one a class, on features of very different scales."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(len(labels), n_features))
    which = generator.permutation(np.arange(n) % len(labels))
    features = centers[which] + spread * generator.normal(size=(n, n_features))
    return features * 10.0 ** np.arange(-2, n_features - 2) + 5, np.array(labels)[which]


def optimum(features, labels, C):
    """Weights and biases that minimize C x sum of cross-entropies + |weights|^2 / 2, on standardized features."""
    mean, std = features.mean(0), features.std(0)
    x = torch.tensor((features - mean) / std)
    y = torch.tensor(np.unique(labels, return_inverse=True)[1])
    n_classes = int(y.max()) + 1
    weight = torch.zeros(n_classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(n_classes, dtype=torch.float64, requires_grad=True)
    options = {"max_iter": 5000, "tolerance_grad": 1e-10, "tolerance_change": 1e-14, "line_search_fn": "strong_wolfe"}
    solver = torch.optim.LBFGS([weight, bias], **options)

    def loss():
        solver.zero_grad()
        value = C * functional.cross_entropy(x @ weight.T + bias, y, reduction="sum") + weight.square().sum() / 2
        value.backward()
        return value

    solver.step(loss)
    with torch.no_grad():
        return torch.softmax(x @ weight.T + bias, 1).numpy()


def softmax(logits):
    return torch.softmax(torch.from_numpy(logits.astype(np.float64)), 1).numpy()


@pytest.mark.parametrize("C", REGULARIZATIONS)
def test_a_head_is_the_optimum_of_its_loss(C, monkeypatch):
    monkeypatch.setattr(heads, "REGULARIZATIONS", (C,))
    features, labels = data()
    head = fit_head(features, labels, seed=0)
    assert head.classes.tolist() == [3, 7, 8] and head.C == C
    np.testing.assert_allclose(softmax(head.logits(features)), optimum(features, labels, C), atol=2e-4)


def test_two_classes_have_two_logits(monkeypatch):
    monkeypatch.setattr(heads, "REGULARIZATIONS", (0.1,))
    features, labels = data(labels=(0, 4))
    head = fit_head(features, labels, seed=0)
    # scikit-learn's loss of two classes has one weight w in place of -w/2 and w/2, so half the penalty costs twice
    scaled = (features - features.mean(0)) / features.std(0)
    expected = LogisticRegression(C=0.1, tol=1e-8).fit(scaled, labels).predict_proba(scaled)
    np.testing.assert_allclose(softmax(head.logits(features)), expected, atol=2e-4)
    assert head.weight.shape == (2, 6)
    np.testing.assert_array_equal(head.weight[0], -head.weight[1])


def plain_accuracies(features, labels, seed, folds):
    """Mean accuracy over the folds, for each C."""
    accuracies = []
    for C in REGULARIZATIONS:
        shares = []
        for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, labels):
            mean, std = features[train].mean(0), features[train].std(0)
            model = LogisticRegression(C=C, tol=1e-6, max_iter=5000).fit((features[train] - mean) / std, labels[train])
            shares.append((model.predict((features[test] - mean) / std) == labels[test]).mean())
        accuracies.append(np.mean(shares))
    return accuracies


@pytest.mark.parametrize("seed", range(4))
def test_c_is_the_one_of_the_best_cross_validated_accuracy(seed):
    features, labels = data(n=60, n_features=8, spread=(0.5, 1.0, 2.0, 4.0)[seed], seed=seed)
    head = fit_head(features, labels, seed)
    accuracies = plain_accuracies(features, labels, seed, FOLDS)
    assert REGULARIZATIONS[int(np.argmax(accuracies))] == head.C
    assert head.cv_accuracy == pytest.approx(max(accuracies))


def test_a_small_class_makes_fewer_folds():
    features, labels = data(n=40)
    kept = np.concatenate([np.flatnonzero(labels == 3)[:2], np.flatnonzero(labels != 3)])
    head = fit_head(features[kept], labels[kept], seed=0)
    assert head.cv_accuracy == pytest.approx(max(plain_accuracies(features[kept], labels[kept], 0, 2)))


def test_the_same_seed_gives_the_same_bytes_and_a_file_holds_all(tmp_path):
    features, labels = data()
    first, again = (replace(fit_head(features, labels, seed=1), names=("a", "b", "c")) for _ in range(2))
    first.save(tmp_path / "one" / "head.safetensors")
    again.save(tmp_path / "two.safetensors")
    assert (tmp_path / "one" / "head.safetensors").read_bytes() == (tmp_path / "two.safetensors").read_bytes()
    read = Head.load(tmp_path / "two.safetensors")
    for name in ("weight", "bias", "classes"):
        np.testing.assert_array_equal(getattr(read, name), getattr(first, name))
        assert getattr(read, name).dtype == getattr(first, name).dtype
    assert (read.C, read.cv_accuracy, read.names) == (first.C, first.cv_accuracy, ("a", "b", "c"))


@pytest.mark.parametrize("content", [None, b"", b"not a head", "weights"])
def test_a_file_that_holds_no_head_is_named(tmp_path, content):
    path = tmp_path / "head.safetensors"
    if content == "weights":
        write_bytes(path, heads.save({"weight": np.zeros(3, np.float32)}))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"head.safetensors: holds no head \(.*\); fit it anew") as caught:
        Head.load(path)
    assert "\n" not in str(caught.value)


FEATURES, LABELS = data(n=12)
WRONG = {
    "shapes": (FEATURES, LABELS[:-1], r"features has shape \(12, 6\) and labels \(11,\)"),
    "one dimension": (FEATURES[0], LABELS, "give .N, n_features."),
    "labels in words": (FEATURES, LABELS.astype(str), "N integers"),
    "not finite": (np.where(FEATURES[0, 0] == FEATURES, np.nan, FEATURES), LABELS, "not finite"),
    "one class": (FEATURES, np.zeros(12, int), "labels has 1 classes.*give two classes"),
    "one photo": (FEATURES, np.arange(12) // 11, "labels has 2 classes, class 1 has 1 photos"),
    "none": (FEATURES[:0], LABELS[:0], "labels has 0 classes; give two"),
}


@pytest.mark.parametrize(("features", "labels", "message"), WRONG.values(), ids=WRONG)
def test_data_that_no_head_can_be_fitted_to(features, labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        fit_head(features, labels, seed=0)
    assert "\n" not in str(caught.value)


def some_head(n_features, seed=0):
    generator = np.random.default_rng(seed)
    weight = generator.normal(size=(3, n_features)).astype(np.float32)
    return Head(weight, generator.normal(size=3).astype(np.float32), np.array([2, 5, 9]), 0.1, 0.9)


def test_labels_are_found_among_the_logits():
    head = some_head(4)
    assert head.index([9, 2, 5, 5]).tolist() == [2, 0, 1, 1]
    with pytest.raises(ValueError, match="labels has 3, which the head was not fitted to"):
        head.index([2, 3])


def test_what_became_of_a_head_is_read_as_it_was_written(tmp_path):
    with pytest.raises(ValueError, match=r"holds no head\.json; run the stage heads"):
        read_head(tmp_path)
    head, fit = some_head(4), Fit("", 30, 3, 0.1, 0.9)
    write_head(tmp_path, head, fit)
    found, said = read_head(tmp_path)
    np.testing.assert_array_equal(found.weight, head.weight)
    assert said == fit
    first = head_fingerprint(tmp_path)
    write_head(tmp_path, head, Fit("", 31, 3, 0.1, 0.9))
    second = head_fingerprint(tmp_path)
    write_head(tmp_path, some_head(4, seed=1), fit)
    third = head_fingerprint(tmp_path)
    write_head(tmp_path, None, Fit("too few photos"))
    assert read_head(tmp_path) == (None, Fit("too few photos"))
    assert [path.name for path in tmp_path.iterdir()] == ["head.json"]
    assert len({first, second, third, head_fingerprint(tmp_path)}) == 4
