from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from nas.relevance.areas import area, mean_curve
from nas.relevance.cost import seconds_of_curve
from nas.relevance.curves import RelevanceCurve, relevance_curves
from nas.relevance.orders import removal_order, tiles
from nas.relevance.replacements import REPLACEMENTS, blur, channel_mean, zero

fast = settings(max_examples=30, deadline=None, derandomize=True)
sides = st.tuples(st.integers(1, 6), st.integers(1, 6))


@st.composite
def maps(draw):
    """A saliency map in tenths, with ties, and a label map of the same shape."""
    shape = draw(sides)
    tenths = draw(arrays(np.int64, shape, elements=st.integers(-4, 4), fill=st.nothing()))
    return tenths, draw(arrays(np.int64, shape, elements=st.integers(-2, 5), fill=st.nothing()))


def plain_order(tenths, labels, n_steps, first):
    """Steps by the definition: exact means, sorted with the first appearance, a running count of pixels."""
    parts = {}
    for position, label in enumerate(labels.ravel()):
        parts.setdefault(label, []).append(position)
    ranked = []
    for appearance, pixels in enumerate(parts.values()):
        mean = Fraction(sum(int(tenths.ravel()[p]) for p in pixels), len(pixels))
        ranked.append((mean if first == "least" else -mean, appearance, pixels))
    ranked.sort()
    steps, gone, bins = np.zeros(tenths.size, int), 0, []
    for rank, (_, _, pixels) in enumerate(ranked):
        middle = Fraction(2 * gone + len(pixels), 2 * tenths.size)
        number = rank if len(ranked) <= n_steps else int(middle * n_steps)
        if number not in bins:
            bins.append(number)
        steps[pixels] = bins.index(number)
        gone += len(pixels)
    return steps.reshape(tenths.shape)


@fast
@given(maps(), st.integers(1, 10), st.sampled_from(["least", "most"]))
def test_removal_order_is_the_plain_one(drawn, n_steps, first):
    tenths, labels = drawn
    pixels = np.arange(tenths.size).reshape(tenths.shape)
    by_region = removal_order(tenths / 10, labels, n_steps, first)
    by_pixel = removal_order(tenths / 10, None, n_steps, first)
    np.testing.assert_array_equal(by_region, plain_order(tenths, labels, n_steps, first))
    np.testing.assert_array_equal(by_pixel, plain_order(tenths, pixels, n_steps, first))


@fast
@given(st.integers(1, 50), st.integers(1, 50))
def test_steps_of_single_pixels_are_equal_and_used_up(n_pixels, n_steps):
    sizes = np.bincount(removal_order(np.arange(n_pixels)[None], n_steps=n_steps)[0])
    assert len(sizes) == min(n_pixels, n_steps)
    assert np.ptp(sizes) <= 1


def test_grouping_is_by_pixels_and_only_where_there_are_too_many_parts():
    regions = np.repeat([0, 1, 2, 3], [1, 1, 6, 4])[None]
    relevance = regions / 10
    np.testing.assert_array_equal(removal_order(relevance, regions, 4), regions)
    # the middles of the four parts are at 0.5, 1.5, 5 and 10 of 12 pixels
    for n_steps, steps in {3: [0, 0, 1, 2], 2: [0, 0, 0, 1], 1: [0, 0, 0, 0]}.items():
        np.testing.assert_array_equal(removal_order(relevance, regions, n_steps), np.array(steps)[regions])


def test_ties_go_in_raster_order_in_both_directions():
    for first in ("least", "most"):
        np.testing.assert_array_equal(removal_order(np.full((2, 3), 0.1), None, 6, first), [[0, 1, 2], [3, 4, 5]])
    # regions of 1, 2 and 3 pixels, whose sums of 0.1 round differently
    regions = [[2, 0, 0], [1, 1, 1]]
    np.testing.assert_array_equal(removal_order(np.full((2, 3), 0.1), regions), [[0, 1, 1], [2, 2, 2]])


@fast
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 9))
def test_tiles(height, width, side):
    seen = {}
    expected = [
        [seen.setdefault((row // side, column // side), len(seen)) for column in range(width)] for row in range(height)
    ]
    np.testing.assert_array_equal(tiles(height, width, side), expected)


def test_replacements():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 9, 7)))
    expected = np.stack([[gaussian_filter(channel, 2.5, mode="reflect") for channel in image] for image in x.numpy()])
    np.testing.assert_allclose(blur(x, sigma=2.5), expected, atol=1e-12)
    np.testing.assert_allclose(
        channel_mean(x), np.broadcast_to(x.numpy().mean((2, 3), keepdims=True), x.shape), atol=1e-12
    )
    assert zero(x).shape == x.shape
    assert not zero(x).any()


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


def test_area_by_hand():
    curve = RelevanceCurve(0, "", "zero", 0, np.array([0, 0.25, 1]), np.array([1.0, 0.6, 0.2]))
    assert area(curve) == pytest.approx(0.25 * 0.8 + 0.75 * 0.4)


@fast
@given(arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4)), elements=st.floats(0, 1)))
def test_a_band_is_the_interval_of_each_of_its_points(curves):
    found = mean_curve(curves, level=0.9, n_resamples=40, seed=5)
    draws = np.random.default_rng(5).integers(len(curves), size=(40, len(curves)))
    resampled = np.array([curves[draw].mean(axis=0) for draw in draws])
    np.testing.assert_allclose(found.mean, curves.mean(axis=0))
    np.testing.assert_allclose([found.low, found.high], np.quantile(resampled, [0.05, 0.95], axis=0), atol=1e-12)


def test_a_single_curve_has_no_band():
    found = mean_curve([[0.5, 0.25]])
    np.testing.assert_array_equal(found, [[0.5, 0.25], [np.nan] * 2, [np.nan] * 2])


def test_probability_zero_gives_area_zero_and_nan_is_refused():
    order = removal_order(np.arange(4.0).reshape(2, 2))
    x = torch.ones(1, 3, 2, 2)
    never = lambda x: torch.tensor([[1e6, 0.0]]).repeat(len(x), 1)  # noqa: E731
    curve = relevance_curve(never, x, order, "zero", target=1)
    np.testing.assert_array_equal(curve.probabilities, np.zeros(5))
    assert area(curve) == 0
    minus = lambda x: torch.tensor([[0.0, -torch.inf]]).repeat(len(x), 1)  # noqa: E731
    assert area(relevance_curve(minus, x, order, "zero", target=1)) == 0
    with pytest.raises(ValueError, match="predict gave logits without a softmax"):
        relevance_curve(lambda x: torch.full((len(x), 2), torch.nan), x, order, "zero")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: removal_order([[np.nan, 1.0]]), "saliency has shape"),
        (lambda: removal_order([[0.0, 1.0]], n_steps=0), "n_steps is 0"),
        (lambda: removal_order([[0.0, 1.0]], first="best"), "first is 'best'"),
        (lambda: removal_order([[0.0, 1.0]], [[0], [1]]), "regions"),
        (lambda: tiles(4, 4, 0), "side"),
        (lambda: relevance_curve(additive(1), torch.ones(1, 3, 1, 2), np.array([[0, 2]])), "regions has"),
        (lambda: relevance_curve(additive(1), torch.ones(1, 3, 2, 2), np.array([[0, 1]])), r"orders\[None\]"),
        (
            lambda: relevance_curve(additive(1), torch.ones(1, 3, 1, 2), np.array([[0, 1]]), "noise"),
            "replacement is",
        ),
        (
            lambda: relevance_curve(additive(1), torch.ones(1, 3, 1, 2), np.array([[0, 1]]), target=2),
            "targets is",
        ),
        (
            lambda: relevance_curve(lambda x: x.sum((1, 2, 3)), torch.ones(1, 3, 1, 1), np.array([[0]])),
            "predict gave",
        ),
        (lambda: relevance_curve(additive(1), torch.ones(3, 1, 2), np.array([[0, 1]])), "x has shape"),
        (lambda: mean_curve([0.5, 0.25]), "curves has shape"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("device", "n_steps", "few"), [("cpu", 8, 4), ("cpu", 3, 3), ("cuda", 8, 8)])
def test_a_curve_is_timed_or_a_few_steps_of_it(monkeypatch, device, n_steps, few):
    shown, one_thread = [], []

    def predictor(x):
        shown.append(len(x))
        return x.mean(dim=(2, 3))

    network = SimpleNamespace(size=8, device=torch.device(device), predictor=predictor)
    network.normalize = lambda views: torch.from_numpy(views).permute(0, 3, 1, 2).float()
    monkeypatch.setattr("nas.relevance.timed", lambda call, **given: one_thread.append(given) or call() or 3.0)
    assert seconds_of_curve(network, n_steps, batch_size=4) == 3 * n_steps / few
    assert sum(shown) == 1 + few and max(shown) <= 4  # and the whole photo
    assert one_thread == [{"one_thread": device == "cpu"}]
