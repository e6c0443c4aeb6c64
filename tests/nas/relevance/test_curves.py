"""Relevance curves against a plain loop, one image at a time."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.relevance.areas import area
from nas.relevance.curves import relevance_curve, relevance_curves
from nas.relevance.orders import removal_order
from nas.relevance.replacements import REPLACEMENTS, zero

fast = settings(max_examples=30, deadline=None, derandomize=True)
sides = st.tuples(st.integers(1, 6), st.integers(1, 6))


class Network:
    """A random two-layer classifier that counts how often it sees each image."""

    def __init__(self, shape, n_classes=4, seed=0):
        generator = torch.Generator().manual_seed(seed)
        size = int(np.prod(shape))
        self.first = torch.randn(size, 6, generator=generator, dtype=torch.float64) / size**0.5
        self.second = torch.randn(6, n_classes, generator=generator, dtype=torch.float64) * 3
        self.seen = []

    def __call__(self, x):
        self.seen += [image.numpy().tobytes() for image in x]
        return torch.tanh(x.flatten(1) @ self.first) @ self.second


def plain_curve(predict, image, order, fill, target):
    """One image at a time, straight from the definition."""
    fractions, probabilities = [], []
    for n_steps in range(order.max() + 2):
        removed = order < n_steps
        shown = np.where(removed, fill, image)
        probabilities.append(float(torch.softmax(predict(torch.from_numpy(shown)[None])[0], 0)[target]))
        fractions.append(removed.sum() / removed.size)
    return fractions, probabilities


@settings(fast, max_examples=20)
@given(st.integers(1, 2), st.integers(1, 8), st.integers(1, 40), st.data())
def test_curves_are_those_of_a_plain_loop(n_images, n_steps, batch_size, data):
    shape = data.draw(sides)
    saliency = data.draw(arrays(np.int64, (2, n_images, *shape), elements=st.integers(-2, 2)))
    labels = data.draw(arrays(np.int64, (n_images, *shape), elements=st.integers(0, 4)))
    orders = {
        (method, kind, first): [
            removal_order(saliency[method, image], labels[image] if kind == "regions" else None, n_steps, first)
            for image in range(n_images)
        ]
        for method in range(2)
        for kind in ("pixels", "regions")
        for first in ("least", "most")
    }
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(n_images, 3, *shape)))
    predict = Network((3, *shape))
    curves = relevance_curves(predict, x, orders, batch_size=batch_size)
    n_seen = len(predict.seen)

    keys = [(image, name, replacement) for image in range(n_images) for name in orders for replacement in REPLACEMENTS]
    assert [(curve.image, curve.order, curve.replacement) for curve in curves] == keys
    distinct = set()
    for curve in curves:
        target = int(predict(x[curve.image][None]).argmax())
        fill = REPLACEMENTS[curve.replacement](x)[curve.image]
        order = orders[curve.order][curve.image]
        fractions, probabilities = plain_curve(predict, x[curve.image], order, fill, target)
        np.testing.assert_array_equal(curve.fractions, fractions)
        np.testing.assert_allclose(curve.probabilities, probabilities, atol=1e-9)
        assert curve.target == target
        for n_steps in range(order.max() + 2):
            mask = (order < n_steps).tobytes()
            distinct.add((curve.image, curve.replacement if n_steps else "", mask))
    assert n_seen == len(distinct)


def test_no_image_is_evaluated_twice_and_ends_are_shared():
    generator = np.random.default_rng(0)
    x = torch.from_numpy(generator.normal(size=(1, 3, 8, 8)))
    saliency, other = generator.random((2, 8, 8))
    orders = {
        (name, first): [removal_order(method, None, 16, first)]
        for name, method in {"a": saliency, "same order": 2 * saliency, "b": other}.items()
        for first in ("least", "most")
    }
    predict = Network((3, 8, 8))
    curves = relevance_curves(predict, x, orders, batch_size=7)
    assert len(set(predict.seen)) == len(predict.seen)
    # the whole image, and for each replacement the empty one and 15 steps of four different orders
    assert len(predict.seen) == 1 + 3 * (1 + 4 * 15)
    assert len({curve.probabilities[0] for curve in curves}) == 1
    for replacement in REPLACEMENTS:
        assert len({curve.probabilities[-1] for curve in curves if curve.replacement == replacement}) == 1
    assert all(curve.fractions[0] == 0 and curve.fractions[-1] == 1 for curve in curves)


def test_curves_do_not_depend_on_other_images_or_methods():
    generator = np.random.default_rng(3)
    x = torch.from_numpy(generator.normal(size=(3, 3, 6, 6)))
    orders = {name: [removal_order(image) for image in generator.random((3, 6, 6))] for name in "abc"}
    together = relevance_curves(Network((3, 6, 6)), x, orders, batch_size=5)
    for curve in together:
        i = slice(curve.image, curve.image + 1)
        replacement = {curve.replacement: REPLACEMENTS[curve.replacement]}
        [alone] = relevance_curves(Network((3, 6, 6)), x[i], {curve.order: orders[curve.order][i]}, replacement)
        np.testing.assert_allclose(curve.probabilities, alone.probabilities, atol=1e-12)


def additive(weights):
    """Two classes; the logit of the first sums weighted pixels, so its parts are the true relevance."""
    return lambda x: torch.stack([(x * weights).sum((1, 2, 3)), torch.zeros(len(x), dtype=x.dtype)], dim=1)


@fast
@given(st.integers(0, 10_000), sides)
def test_linear_model_has_a_closed_form_and_true_relevance_is_best(seed, shape):
    generator = np.random.default_rng(seed)
    x = torch.from_numpy(generator.normal(size=(1, 3, *shape)))
    weights = torch.from_numpy(generator.normal(size=(3, *shape)))
    truth = (x * weights).sum(1)[0].numpy()
    n_steps = truth.size

    def curve(saliency, first):
        order = removal_order(saliency, None, n_steps, first)
        [found] = relevance_curves(additive(weights), x, {"": [order]}, {"zero": zero}, targets=[0])
        return found

    least = curve(truth, "least")
    left = truth.sum() - np.concatenate([[0], np.cumsum(np.sort(truth.ravel()))])
    np.testing.assert_allclose(least.probabilities, 1 / (1 + np.exp(-left)), atol=1e-9)
    np.testing.assert_allclose(least.fractions, np.arange(n_steps + 1) / n_steps)

    random = curve(generator.random(shape), "least")
    most = curve(truth, "most")
    assert (most.probabilities <= random.probabilities + 1e-9).all()
    assert (random.probabilities <= least.probabilities + 1e-9).all()
    assert area(most) <= area(random) + 1e-9 <= area(least) + 2e-9


def one_curve(predict, x, order, replacement="mean", target=None):
    """The curve of one image, of a network that is a function alone."""
    return relevance_curve(SimpleNamespace(logits=predict), x, target, order, replacement)


@fast
@given(st.integers(0, 10_000), sides, st.sampled_from(list(REPLACEMENTS)), st.sampled_from([None, 0, 3]))
def test_the_curve_of_one_image_is_the_one_among_many(seed, shape, replacement, target):
    generator = np.random.default_rng(seed)
    x, order = torch.from_numpy(generator.normal(size=(1, 3, *shape))), removal_order(generator.random(shape))
    found = one_curve(Network((3, *shape)), x, order, replacement, target)
    chosen = int(Network((3, *shape))(x).argmax()) if target is None else target
    fill = REPLACEMENTS[replacement](x)[0]
    fractions, probabilities = plain_curve(Network((3, *shape)), x[0], order, fill, chosen)
    assert (found.target, found.replacement) == (chosen, replacement)
    np.testing.assert_array_equal(found.fractions, fractions)
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-9)


def test_probability_zero_gives_area_zero_and_nan_is_refused():
    order = removal_order(np.arange(4.0).reshape(2, 2))
    x = torch.ones(1, 3, 2, 2)
    never = lambda x: torch.tensor([[1e6, 0.0]]).repeat(len(x), 1)  # noqa: E731
    curve = one_curve(never, x, order, "zero", target=1)
    np.testing.assert_array_equal(curve.probabilities, np.zeros(5))
    assert area(curve) == 0
    minus = lambda x: torch.tensor([[0.0, -torch.inf]]).repeat(len(x), 1)  # noqa: E731
    assert area(one_curve(minus, x, order, "zero", target=1)) == 0
    with pytest.raises(ValueError, match="predict gave logits without a softmax"):
        one_curve(lambda x: torch.full((len(x), 2), torch.nan), x, order, "zero")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: one_curve(additive(1), torch.ones(1, 3, 1, 2), np.array([[0, 2]])), "regions has"),
        (lambda: one_curve(additive(1), torch.ones(1, 3, 2, 2), np.array([[0, 1]])), r"orders\[None\]"),
        (
            lambda: one_curve(additive(1), torch.ones(1, 3, 1, 2), np.array([[0, 1]]), "noise"),
            "replacement is",
        ),
        (
            lambda: one_curve(additive(1), torch.ones(1, 3, 1, 2), np.array([[0, 1]]), target=2),
            "targets is",
        ),
        (
            lambda: one_curve(lambda x: x.sum((1, 2, 3)), torch.ones(1, 3, 1, 1), np.array([[0]])),
            "predict gave",
        ),
        (lambda: one_curve(additive(1), torch.ones(3, 1, 2), np.array([[0, 1]])), "x has shape"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
