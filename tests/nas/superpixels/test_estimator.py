"""The estimator against scikit-learn on stored columns, and what it promises about seeds, batches and errors."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plain import normal, plain_columns
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from nas.data.images import list_images, read_image
from nas.networks.classifier import Classifier
from nas.networks.descriptions import build, find_network
from nas.networks.weights import load_weights
from nas.superpixels.estimator import NeuroActivatedSuperpixels

ROOT = Path(__file__).parents[3]
WEIGHTS, PHOTOS = ROOT / "data/weights/mobilenet_v2.safetensors", ROOT / "data/raw/sample/photos"

many = settings(max_examples=20, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32)


@st.composite
def activations(draw, most=1, side=5):
    """Depths 1 and 3 of a few images, with odd sizes and as many channels as it comes."""
    n_images, seed = draw(st.integers(1, most)), draw(seeds)
    odd = st.integers(1, side).map(lambda n: 2 * n + 1)
    return {d: normal(seed + d, n_images, draw(st.integers(3, 6)), draw(odd), draw(odd)) for d in (3, 1)}


def numbered_by_first_appearance(labels):
    seen = list(dict.fromkeys(labels.tolist()))
    return np.array([seen.index(label) for label in labels.tolist()]), seen


def scikit_learn(points, starts):
    """Labels numbered by first appearance, centers alike, and the fitted model."""
    model = KMeans(len(starts), init=points[starts], n_init=1, algorithm="lloyd", max_iter=300, tol=1e-5).fit(points)
    labels, order = numbered_by_first_appearance(model.labels_)
    return labels, model.cluster_centers_[order], model


def assert_same(model, image, points, starts, n_iter=True):
    labels, centers, reference = scikit_learn(points, starts)
    assert np.array_equal(model.labels_[image].flatten().numpy(), labels)
    np.testing.assert_allclose(model.cluster_centers_[image].numpy(), centers, rtol=0, atol=1e-9)
    assert model.inertia_[image].item() == pytest.approx(reference.inertia_, rel=1e-9)
    assert model.n_iter_[image] == reference.n_iter_


@many
@given(
    maps=activations(most=2),
    k=st.integers(2, 6),
    size=st.one_of(st.just("first"), st.tuples(st.integers(3, 12), st.integers(3, 12))),
    weighting=st.sampled_from(["channels", None]),
    interpolation=st.sampled_from(["bicubic", "bilinear"]),
    per_image=st.booleans(),
)
def test_fit_from_given_locations_is_that_of_scikit_learn(maps, k, size, weighting, interpolation, per_image):
    grid = tuple(maps[1].shape[2:]) if size == "first" else size
    plain = plain_columns([maps[1], maps[3]], grid, weighting, interpolation).numpy()
    generator = np.random.default_rng(k)
    starts = np.stack([generator.choice(plain.shape[1], k, replace=False) for _ in plain])
    if not per_image:
        starts[:] = starts[0]
    for points, chosen in zip(plain, starts, strict=True):
        assume((np.linalg.norm(points[chosen][:, None] - points[chosen], axis=2) + np.eye(k)).min() > 1e-6)
    shared = {"depths": (3, 1), "size": size, "weighting": weighting, "interpolation": interpolation}
    model = NeuroActivatedSuperpixels(k, init=starts if per_image else starts[0], **shared).fit(maps)
    for image, points in enumerate(plain):
        assert_same(model, image, points, starts[image])
    centers = np.stack([points[chosen] for points, chosen in zip(plain, starts, strict=True)])
    from_centers = NeuroActivatedSuperpixels(k, init=centers, **shared)
    assert torch.equal(from_centers.fit_predict(maps), model.labels_)


@pytest.fixture(scope="module")
def untrained():
    """Activations of an untrained network on smooth noise."""
    noise = np.random.default_rng(0).normal(size=(2, 131, 97, 3))
    smooth = gaussian_filter(noise, (0, 5, 5, 0))
    photos = (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = Classifier(
            "mobilenet_v2", build(find_network("mobilenet_v2")), find_network("mobilenet_v2"), "cpu"
        )
    return classifier.activations(torch.cat([classifier.preprocess(photo) for photo in photos]))


@pytest.fixture(scope="module")
def trained():
    """Activations of a trained network on three photos."""
    if not (WEIGHTS.exists() and PHOTOS.exists()):
        pytest.skip("needs data/weights/mobilenet_v2.safetensors and data/raw/sample: run `dvc repro`")
    module = build(find_network("mobilenet_v2"))
    load_weights(module, WEIGHTS)
    classifier = Classifier("mobilenet_v2", module, find_network("mobilenet_v2"), "cpu")
    return classifier.activations(torch.cat([classifier.preprocess(read_image(p)) for p in list_images(PHOTOS)[:3]]))


@pytest.mark.parametrize("network", ["untrained", "trained"])
@pytest.mark.parametrize("weighting", ["channels", None])
@pytest.mark.parametrize("size", ["first", 56])
def test_activations_of_a_network_cluster_as_in_scikit_learn(request, network, weighting, size):
    maps = request.getfixturevalue(network)
    double = {depth: m.double() for depth, m in maps.items()}
    grid = (28, 28) if size == "first" else (56, 56)
    plain = plain_columns([double[2], double[3], double[4]], grid, weighting, "bicubic").numpy()
    starts = np.random.default_rng(0).choice(plain.shape[1], (len(plain), 5), replace=False)
    model = NeuroActivatedSuperpixels(5, weighting=weighting, size=size, init=starts)
    assert model.fit_predict(double).shape == (len(plain), *grid)
    for image, points in enumerate(plain):
        assert_same(model, image, points, starts[image])
    exact = model.labels_
    single = model.fit_predict(maps)
    assert model.cluster_centers_.dtype == torch.float32
    for image in range(len(plain)):
        assert adjusted_rand_score(exact[image].flatten(), single[image].flatten()) > 0.95


@many
@given(maps=activations(most=3), k=st.integers(2, 5), seed=st.integers(0, 9), n_init=st.integers(1, 2))
def test_an_image_does_not_depend_on_its_batch(maps, k, seed, n_init):
    maps = {depth: m.float() for depth, m in maps.items()}
    model = NeuroActivatedSuperpixels(k, depths=(1, 3), size=(9, 7), n_init=n_init, random_state=seed)
    learnt = ["labels_", "cluster_centers_", "inertia_", "n_iter_", "n_clusters_"]
    together = [getattr(model.fit(maps), name) for name in learnt]
    reverse = torch.arange(len(maps[1]) - 1, -1, -1)
    for chosen in (slice(0, 1), slice(1, 2), slice(1, None), reverse):  # slices: memory that starts at some offset
        if len(maps[1][chosen]) > 0:
            model.fit({depth: m[chosen] for depth, m in maps.items()})
            assert all(torch.equal(a[chosen], getattr(model, name)) for a, name in zip(together, learnt, strict=True))


def test_given_starts_do_not_depend_on_the_batch_either():
    maps = {1: normal(0, 4, 23, 13, 6).float(), 3: normal(1, 4, 76, 1, 3).float()}
    starts = np.arange(12).reshape(4, 3)
    together = NeuroActivatedSuperpixels(3, depths=(1, 3), init=starts, size=(9, 11)).fit(maps)
    for image in range(4):
        alone = NeuroActivatedSuperpixels(3, depths=(1, 3), init=starts[[image]], size=(9, 11))
        alone.fit({depth: m[[image]] for depth, m in maps.items()})
        assert torch.equal(alone.cluster_centers_, together.cluster_centers_[[image]])


def test_same_seed_same_bytes_another_seed_differs():
    maps = {2: normal(0, 2, 8, 15, 11).float()}
    fits = [NeuroActivatedSuperpixels(5, depths=(2,), random_state=seed).fit(maps) for seed in (3, 3, 4)]
    same, again, other = [(fit.labels_.numpy().tobytes(), fit.cluster_centers_.numpy().tobytes()) for fit in fits]
    assert same == again
    assert same[0] != other[0]


@many
@given(maps=activations(most=3), k=st.integers(3, 6), n_init=st.integers(2, 5), seed=seeds)
def test_the_best_of_several_starts_wins_for_each_image(maps, k, n_init, seed):
    shared = {"depths": (1, 3), "size": (11, 9)}
    uniforms = np.random.default_rng(seed).random((n_init, k))
    plain = plain_columns([maps[1], maps[3]], (11, 9), "channels", "bicubic").numpy()
    model = NeuroActivatedSuperpixels(k, n_init=n_init, random_state=seed, **shared).fit(maps)
    for image, points in enumerate(plain):
        fits = []
        for row in uniforms:
            chosen = [int(row[0] * len(points))]
            for uniform in row[1:]:  # k-means++
                squared = ((points[:, None] - points[chosen]) ** 2).sum(axis=2).min(axis=1)
                chosen.append(int(np.argmax(np.cumsum(squared) > uniform * squared.sum())))
            fits.append(scikit_learn(points, chosen))
        best = min((model for _, _, model in fits), key=lambda fitted: fitted.inertia_)
        assert model.inertia_[image].item() == pytest.approx(best.inertia_, rel=1e-9)
        ties = [fit for fit in fits if fit[2].inertia_ < best.inertia_ * (1 + 1e-9)]
        assert any(np.array_equal(model.labels_[image].flatten().numpy(), labels) for labels, _, _ in ties)


def groups(n_groups, seed, side=18):
    """One map with stripes of n_groups nearly constant activations."""
    levels = normal(100, 12, 10)[:n_groups]
    stripes = (torch.arange(side) * n_groups) // side
    return levels[stripes].T[None, :, None, :] + 0.01 * normal(seed, 1, 10, side, side)


def test_automatic_number_of_clusters():
    maps = {2: torch.cat([groups(n, seed) for seed, n in enumerate((4, 9, 6))])}
    shared = {"depths": (2,), "random_state": 5}
    model = NeuroActivatedSuperpixels("auto", **shared).fit(maps)
    by_k = {k: NeuroActivatedSuperpixels(k, **shared).fit(maps) for k in range(2, 11)}
    inertia = np.stack([by_k[k].inertia_.numpy() for k in range(3, 11)])
    chosen = ((inertia[:-1] - inertia[1:]) / inertia[:-1]).argmax(axis=0) + 2
    assert model.n_clusters_.tolist() == chosen.tolist()
    assert len(set(chosen.tolist())) > 1
    for image, k in enumerate(chosen.tolist()):
        assert torch.equal(model.labels_[image], by_k[k].labels_[image])
        assert torch.equal(model.cluster_centers_[image, :k], by_k[k].cluster_centers_[image])
        assert model.cluster_centers_[image, k:].isnan().all()
        assert model.inertia_[image] == by_k[k].inertia_[image]
        assert model.n_iter_[image] == by_k[k].n_iter_[image]
    assert torch.equal(model.predict(maps), model.labels_)
    single = {depth: m.float() for depth, m in maps.items()}
    assert torch.equal(model.fit(single).predict(single), model.labels_)


@many
@given(maps=activations(most=3), k=st.integers(2, 6), image_size=st.tuples(st.integers(3, 20), st.integers(3, 20)))
def test_predict_on_the_training_activations(maps, k, image_size):
    model = NeuroActivatedSuperpixels(k, depths=(1, 3), size="image", tol=0).fit(maps, image_size)
    assert torch.equal(model.predict(maps, image_size), model.labels_)


def test_predict_assigns_new_activations_to_the_nearest_center():
    maps, others = ({2: normal(seed, 2, 6, 9, 7)} for seed in (0, 1))
    model = NeuroActivatedSuperpixels(4, depths=(2,)).fit(maps)
    plain = plain_columns([others[2]], (9, 7), "channels", "bicubic").numpy()
    centers = model.cluster_centers_.numpy()
    expected = np.linalg.norm(plain[:, :, None] - centers[:, None], axis=3).argmin(axis=2)
    assert np.array_equal(model.predict(others).flatten(1).numpy(), expected)


@pytest.mark.parametrize(
    ("size", "grid"),
    [("first", (13, 11)), ("image", (40, 50)), (9, (9, 9)), ((7, 5), (7, 5)), ([7, 5], (7, 5))],
)
def test_grid(size, grid):
    maps = {1: normal(0, 2, 3, 27, 21), 2: normal(1, 2, 5, 13, 11), 4: normal(2, 2, 4, 3, 3)}
    model = NeuroActivatedSuperpixels(3, depths=(4, 2), size=size).fit(maps, image_size=(40, 50))
    assert model.labels_.shape == (2, *grid)
    assert model.labels_.dtype == torch.int64
    assert model.cluster_centers_.shape == (2, 3, 9)
    assert model.inertia_.shape == model.n_iter_.shape == (2,)
    assert model.n_clusters_.tolist() == [3, 3]


def test_hypercolumns_can_be_shared_between_fits():
    maps = {2: normal(0, 2, 6, 9, 7), 3: normal(1, 2, 4, 5, 5)}
    for k in (2, 4):
        model = NeuroActivatedSuperpixels(k, depths=(2, 3), size="image")
        shared = model.fit_predict(model.columns(maps, (17, 13)))
        assert torch.equal(shared, model.fit_predict(maps, (17, 13)))


@pytest.mark.parametrize("k", [2, 5, "auto"])
def test_constant_activations_give_no_nan(k):
    maps = {2: torch.ones(1, 4, 5, 5), 3: torch.zeros(1, 3, 3, 3)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = NeuroActivatedSuperpixels(k, depths=(2, 3)).fit(maps)
    assert model.inertia_.item() == pytest.approx(0, abs=1e-5)
    assert model.cluster_centers_[0, : int(model.n_clusters_[0])].isfinite().all()
    assert model.n_iter_.item() < 10
    assert model.labels_.max() < model.n_clusters_[0]


def fit(**settings):
    image_size = settings.pop("image_size", None)
    settings = {"n_clusters": 3, "depths": (2,)} | settings
    NeuroActivatedSuperpixels(**settings).fit({2: normal(0, 2, 3, 3, 3), 3: normal(1, 2, 4, 2, 2)}, image_size)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_clusters": 1}, ["n_clusters is 1", "at least 2", "'auto'"]),
        ({"n_clusters": 2.5}, ["n_clusters is 2.5", "integers"]),
        ({"n_clusters": "many"}, ["n_clusters is 'many'", "'auto'"]),
        ({"n_clusters": 10}, ["n_clusters is 10", "3 x 3", "9 locations", "larger size"]),
        ({"n_clusters": "auto"}, ["n_clusters is 'auto'", "10 clusters", "9 locations"]),
        ({"depths": (2, 5)}, ["depths", "5", "[2, 3]"]),
        ({"depths": (2, 2)}, ["depths", "(2, 2)", "once"]),
        ({"depths": ()}, ["depths", "()", "at least one"]),
        ({"weighting": "depth"}, ["weighting is 'depth'", "'channels'", "None"]),
        ({"interpolation": "area"}, ["interpolation is 'area'", "bicubic", "bilinear", "nearest-exact"]),
        ({"size": "last"}, ["size is 'last'", "'first'", "'image'", "(height, width)"]),
        ({"size": 0}, ["size is 0", "'first'", "positive integer"]),
        ({"size": 2.5}, ["size is 2.5", "'first'", "positive integer"]),
        ({"size": None}, ["size is None", "'first'", "positive integer"]),
        ({"size": (3, 0)}, ["size is (3, 0)", "(height, width)"]),
        ({"size": (3, 3, 3)}, ["size is (3, 3, 3)", "(height, width)"]),
        ({"size": "image"}, ["size is 'image'", "image_size=(height, width)"]),
        ({"scope": "class"}, ["scope is 'class'", "'image'", "'collection'"]),
        ({"scope": "collection", "n_clusters": 19}, ["n_clusters is 19", "18 locations", "more images"]),
        ({"scope": "collection", "init": np.arange(2)}, ["init has shape (2,)", "n_clusters=3", "3 features"]),
        ({"scope": "collection", "init": np.zeros((3, 2))}, ["init has shape (3, 2)", "3 features"]),
        ({"scope": "collection", "init": np.array([0, 1, 18])}, ["18]", "0 to 17"]),
        ({"init": "random"}, ["init is 'random'", "'k-means++'", "array"]),
        ({"init": np.array([0, 1])}, ["init has shape (2,)", "n_clusters=3", "9"]),
        ({"init": np.array([0, 1, 9])}, ["init has shape (3,)", "0 to 9", "n_clusters=3", "below 9"]),
        ({"init": np.array([-1, 1, 8])}, ["init has shape (3,)", "-1 to 8", "below 9"]),
        ({"init": np.zeros((3, 3), int)}, ["init has shape (3, 3)", "n_clusters=3"]),
        ({"init": np.zeros((1, 1, 3), int)}, ["init has shape (1, 1, 3)", "n_clusters=3"]),
        ({"init": np.zeros((3, 4))}, ["init has shape (3, 4)", "3 features"]),
        ({"init": np.zeros(3)}, ["init has shape (3,)", "3 features"]),
        ({"init": np.zeros((5, 3, 3))}, ["init has shape (5, 3, 3)", "3 features"]),
        ({"n_clusters": "auto", "size": 9, "init": np.arange(3)}, ["init has shape (3,)", "auto"]),
        ({"n_init": 0}, ["n_init is 0", "at least 1"]),
        ({"max_iter": 0}, ["max_iter 0", "at least 1"]),
    ],
)
def test_errors_name_argument_value_and_what_is_allowed(settings, words):
    with pytest.raises(ValueError) as caught:
        fit(**settings)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_predict_refuses_another_number_of_images():
    model = NeuroActivatedSuperpixels(2, depths=(2,)).fit({2: normal(0, 2, 3, 3, 3)})
    with pytest.raises(ValueError, match="activations has 3 images: the model was fitted on 2"):
        model.predict({2: normal(0, 3, 3, 3, 3)})


@many
@given(maps=activations(most=4), k=st.integers(2, 6), weighting=st.sampled_from(["channels", None]))
def test_a_collection_clusters_as_in_scikit_learn_on_all_columns(maps, k, weighting):
    plain = plain_columns([maps[1], maps[3]], (9, 7), weighting, "bicubic").numpy()
    points = plain.reshape(-1, plain.shape[2])
    starts = np.random.default_rng(k).choice(len(points), k, replace=False)
    assume((np.linalg.norm(points[starts][:, None] - points[starts], axis=2) + np.eye(k)).min() > 1e-6)
    shared = {"depths": (1, 3), "size": (9, 7), "weighting": weighting, "scope": "collection"}
    model = NeuroActivatedSuperpixels(k, init=starts, **shared).fit(maps)
    labels, centers, reference = scikit_learn(points, starts)
    assert model.labels_.shape == (len(plain), 9, 7)
    assert np.array_equal(model.labels_.flatten().numpy(), labels)
    np.testing.assert_allclose(model.cluster_centers_.numpy(), centers, rtol=0, atol=1e-9)
    assert model.inertia_.item() == pytest.approx(reference.inertia_, rel=1e-9)
    assert (model.n_iter_, model.n_clusters_) == (reference.n_iter_, k)
    assert torch.equal(NeuroActivatedSuperpixels(k, init=points[starts], **shared).fit_predict(maps), model.labels_)


def test_a_collection_of_one_image_is_the_image():
    maps = {2: normal(0, 1, 6, 9, 7), 3: normal(1, 1, 4, 5, 5)}
    alone, together = (
        NeuroActivatedSuperpixels(4, depths=(2, 3), scope=scope, n_init=3, random_state=2).fit(maps)
        for scope in ("image", "collection")
    )
    assert torch.equal(alone.labels_, together.labels_)
    torch.testing.assert_close(alone.cluster_centers_[0], together.cluster_centers_)


def test_a_collection_may_come_in_parts_and_its_centers_are_for_any_image():
    maps = {2: normal(0, 5, 6, 9, 7).float()}
    parts = [{2: maps[2][:2]}, {2: maps[2][2:]}]
    model = NeuroActivatedSuperpixels(4, depths=(2,), scope="collection", n_init=2).fit(maps)
    learnt = [model.cluster_centers_, model.inertia_, model.n_iter_]
    labels = model.labels_
    again = model.fit(parts)
    assert not hasattr(again, "labels_")
    assert all(
        torch.equal(*pair) for pair in zip(learnt, (again.cluster_centers_, again.inertia_, again.n_iter_), strict=True)
    )
    assert torch.equal(torch.cat([model.predict(part) for part in parts]), labels)
    assert torch.equal(model.predict({2: maps[2][[4, 1, 4]]}), labels[[4, 1, 4]])
    assert torch.equal(model.predict(model.columns(maps)), labels)
    shown = list(dict.fromkeys(labels.flatten().tolist()))
    assert shown == sorted(shown)


def test_automatic_number_of_clusters_of_a_collection(tmp_path):
    maps = {2: torch.cat([groups(4, 0), groups(4, 1)])}
    shared = {"depths": (2,), "scope": "collection"}
    model = NeuroActivatedSuperpixels("auto", **shared).fit(maps, checkpoint=tmp_path)
    inertia = [NeuroActivatedSuperpixels(k, **shared).fit(maps).inertia_.item() for k in range(3, 11)]
    relative = [(inertia[j] - inertia[j + 1]) / inertia[j] for j in range(7)]
    assert model.n_clusters_ == relative.index(max(relative)) + 2
    expected = NeuroActivatedSuperpixels(int(model.n_clusters_), **shared).fit(maps)
    assert torch.equal(model.cluster_centers_, expected.cluster_centers_)
    assert {path.name for path in tmp_path.iterdir()} >= {f"k{k}-start0.safetensors" for k in range(3, 11)}


@pytest.mark.parametrize("scope", ["image", "collection"])
def test_labels_are_of_one_batch_at_a_time(scope):
    model = NeuroActivatedSuperpixels(2, depths=(2,), scope=scope)
    with pytest.raises(ValueError, match=r"activations is a list: give a mapping .* with scope='collection', and then"):
        model.fit_predict([{2: normal(0, 2, 3, 3, 3)}])
