"""K-means over a collection against scikit-learn on the concatenated stored columns, split, killed and resumed."""

import weakref
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plain import normal
from sklearn.cluster import KMeans
from torch.nn.functional import interpolate

from nas.superpixels.collection import Collection, another_center, k_means
from nas.superpixels.hypercolumns import Hypercolumns
from nas.superpixels.kmeans import k_means_plus_plus

many = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32)
GRID = (6, 5)


def images(n, seed, dtype=torch.float64):
    """Two depths of n images, 8 features on a grid of 6 x 5."""
    return {0: normal(seed, n, 3, 6, 5).to(dtype), 1: normal(seed + 1, n, 5, 3, 4).to(dtype)}


def make_columns(activations):
    if isinstance(activations, Hypercolumns):
        return activations
    return Hypercolumns(list(activations.values()), GRID)


def split(activations, sizes):
    """The same images as a list of batches."""
    parts = [m.split(sizes) for m in activations.values()]
    return [dict(zip(activations, part, strict=True)) for part in zip(*parts, strict=True)]


def collection_of(activations):
    return Collection(activations, make_columns)


def plain_columns(activations):
    """Stored columns of all images, one below the other: (n * 30, 8) array."""
    parts = []
    for m in activations.values():
        resized = interpolate(m, size=GRID, mode="bicubic", align_corners=False)
        parts.append((1 + 3) / (1 + m.shape[1]) * resized / resized.norm(dim=1, keepdim=True))
    return torch.cat(parts, dim=1).permute(0, 2, 3, 1).flatten(0, 2).numpy()


def labels_of(activations, centers):
    points = plain_columns(activations)
    return np.linalg.norm(points[:, None] - centers.numpy(), axis=2).argmin(axis=1)


def scikit_learn(points, starts, max_iter=300, tol=1e-5):
    model = KMeans(len(starts), init=starts, n_init=1, algorithm="lloyd", max_iter=max_iter, tol=tol).fit(points)
    seen = list(dict.fromkeys(model.labels_.tolist()))
    return model, np.array([seen.index(label) for label in model.labels_]), model.cluster_centers_[seen]


def assert_same(found, activations, starts, max_iter=300, tol=1e-5):
    model, labels, centers = scikit_learn(plain_columns(activations), starts, max_iter, tol)
    np.testing.assert_allclose(found.centers.numpy(), centers, rtol=0, atol=1e-9)
    assert np.array_equal(labels_of(activations, found.centers), labels)
    assert found.inertia == pytest.approx(model.inertia_, rel=1e-9)
    assert found.n_iter == model.n_iter_


def distinct_starts(points, k, seed):
    starts = points[np.random.default_rng(seed).choice(len(points), k, replace=False)]
    assume((np.linalg.norm(starts[:, None] - starts, axis=2) + np.eye(k)).min() > 1e-6)
    return starts


@many
@given(
    n=st.integers(1, 5),
    k=st.integers(2, 7),
    seed=seeds,
    max_iter=st.sampled_from([1, 2, 300]),
    tol=st.sampled_from([0, 1e-5, 0.03, 0.3]),
)
def test_it_is_scikit_learn_on_all_stored_columns(n, k, seed, max_iter, tol):
    activations = images(n, seed)
    starts = distinct_starts(plain_columns(activations), k, seed)
    found = k_means(collection_of(activations), init=torch.from_numpy(starts), max_iter=max_iter, tol=tol)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # that it did not converge is the point
        assert_same(found, activations, starts, max_iter, tol)


@many
@given(n=st.integers(1, 4), k=st.integers(3, 5), seed=seeds)
def test_an_empty_cluster_takes_the_farthest_location_of_all_images(n, k, seed):
    activations = images(n, seed)
    starts = distinct_starts(plain_columns(activations), k - 1, seed)
    starts = np.vstack([starts, starts[-1:] + 100])
    assert_same(k_means(collection_of(activations), init=torch.from_numpy(starts)), activations, starts)


def test_several_empty_clusters_take_the_farthest_locations():
    activations = images(3, 7)
    points = plain_columns(activations)
    starts = np.vstack([points[:2], points[:1] + 100, points[:1] + 200])
    first = k_means(collection_of(split(activations, [1, 2])), init=torch.from_numpy(starts), max_iter=1).centers
    distances = np.linalg.norm(points[:, None] - points[:2], axis=2)
    labels, (one, other) = distances.argmin(axis=1), distances.min(axis=1).argsort()[-2:]
    kept = np.setdiff1d(np.arange(len(points)), [one, other])
    expected = [points[kept][labels[kept] == cluster].mean(axis=0) for cluster in (0, 1)]
    expected += [points[one], points[other]]
    for center in expected:
        assert np.abs(first.numpy() - center).max(axis=1).min() < 1e-9


@many
@given(sizes=st.lists(st.integers(1, 3), min_size=1, max_size=4), k=st.integers(2, 6), seed=seeds)
def test_the_split_into_batches_does_not_change_a_bit(sizes, k, seed):
    activations = images(sum(sizes), seed, torch.float32)
    uniforms = np.random.default_rng(seed).random(k).tolist()
    whole = k_means(collection_of(activations), uniforms=uniforms)
    parts = k_means(collection_of(split(activations, sizes)), uniforms=uniforms)
    assert whole.centers.numpy().tobytes() == parts.centers.numpy().tobytes()
    assert whole[1:] == parts[1:]


@many
@given(k=st.integers(2, 6), seed=seeds)
def test_k_means_plus_plus_of_one_image_is_that_of_the_image_alone(k, seed):
    activations = images(1, seed)
    uniforms = np.random.default_rng(seed).random(k)
    centers = None
    for uniform in uniforms:
        centers = another_center(collection_of(activations), centers, uniform)
    columns = make_columns(activations)
    expected = columns.at(k_means_plus_plus(columns, k, torch.from_numpy(uniforms)[None]))[0]
    torch.testing.assert_close(centers, expected)


@pytest.mark.parametrize("given_centers", [0, 1, 2])
def test_a_center_is_drawn_in_proportion_to_its_squared_distance(given_centers):
    maps = normal(3, 4, 2, 1, 3)
    maps[1] *= torch.tensor([1.0, 0.2])[:, None, None]  # unlike masses
    columns = Hypercolumns([maps], (1, 3), None)
    points = columns.stored().flatten(0, 1)
    centers = points[:given_centers] if given_centers else None
    squared = torch.cdist(points, points[:given_centers]).min(dim=1).values ** 2 if given_centers else torch.ones(12)
    expected = (squared / squared.sum()).numpy()
    n, counts = 2000, np.zeros(12)
    generator = np.random.default_rng(0)
    for _ in range(n):
        drawn = another_center(collection_of(columns), centers, generator.random())[-1]
        counts[(points - drawn).abs().sum(dim=1).argmin()] += 1
    assert counts[expected < 1e-12].sum() == 0
    possible = expected > 1e-12
    chi_square = ((counts - n * expected)[possible] ** 2 / (n * expected[possible])).sum()
    assert chi_square < 2 * possible.sum()  # expected is their number less one


@pytest.mark.parametrize("k", [2, 5])
def test_fewer_distinct_locations_than_clusters(k):
    activations = {0: torch.ones(3, 4, 2, 2), 1: torch.zeros(3, 2, 1, 1)}
    found = k_means(collection_of(activations), uniforms=[0.3] * k)
    assert found.centers.isfinite().all()
    assert found.inertia == pytest.approx(0, abs=1e-4)
    assert found.n_iter < 10


class Lazy:
    """Images that are made when they are asked for, and forgotten; counts those alive and the passes."""

    def __init__(self, n, seed=0):
        self.n, self.seed = n, seed
        self.alive, self.most, self.passes, self.left = 0, 0, 0, None

    def __iter__(self):
        self.passes += 1
        for number in range(self.n):
            if self.left == 0:
                raise KeyboardInterrupt
            made = images(1, self.seed + 2 * number, torch.float32)
            self.alive += 1
            self.most = max(self.most, self.alive)
            weakref.finalize(made[0], self._forget)
            yield made
            del made
        self.left = None if self.left is None else self.left - 1

    def _forget(self):
        self.alive -= 1


def test_memory_does_not_grow_with_the_number_of_images():
    most = []
    for n in (4, 40):
        lazy = Lazy(n)
        k_means(collection_of(lazy), uniforms=[0.2, 0.9, 0.5], max_iter=4)
        most.append(lazy.most)
        assert lazy.passes >= 3 + 1 + 1
    assert most[0] == most[1] <= 2


def test_a_run_that_was_killed_after_any_pass_ends_with_the_same_bytes(tmp_path):
    uniforms = np.random.default_rng(1).random(4).tolist()
    whole = Lazy(3)
    expected = k_means(collection_of(whole), uniforms=uniforms)
    assert expected.n_iter > 2 and whole.passes == len(uniforms) + expected.n_iter + 1
    for done in range(whole.passes):
        checkpoint = tmp_path / str(done) / "run.safetensors"
        killed = Lazy(3)
        killed.left = done  # whole passes, then it is interrupted
        with pytest.raises(KeyboardInterrupt):
            k_means(collection_of(killed), uniforms=uniforms, checkpoint=checkpoint)
        resumed = Lazy(3)
        found = k_means(collection_of(resumed), uniforms=uniforms, checkpoint=checkpoint)
        assert found.centers.numpy().tobytes() == expected.centers.numpy().tobytes()
        assert found[1:] == expected[1:]
        assert resumed.passes == whole.passes - done
        assert [path.name for path in checkpoint.parent.iterdir()] == ["run.safetensors"]


def test_centers_are_numbered_by_first_appearance():
    activations = images(4, 11)
    found = k_means(collection_of(activations), uniforms=np.random.default_rng(2).random(5).tolist())
    labels = labels_of(activations, found.centers)
    assert list(dict.fromkeys(labels.tolist())) == sorted(set(labels.tolist()))


def test_locations_are_counted_through_all_images():
    activations = images(4, 5)
    locations = torch.tensor([119, 0, 30, 59, 0])
    for given_as in (activations, split(activations, [3, 1])):
        found = collection_of(given_as).at(locations)
        np.testing.assert_allclose(found, plain_columns(activations)[locations], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"^the locations \[120\] are not all there: the images have 0 to 119$"):
        collection_of(activations).at(torch.tensor([120]))


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        (lambda: iter([images(1, 0)]), "activations is a list_iterator, which is used up by one pass: give a mapping"),
        (lambda: (part for part in [images(1, 0)]), "activations is a generator, which is used up by one pass"),
        (list, "activations holds no image: give at least one"),
        (lambda: images(1, 0), "n_clusters is 31: the images have 30 locations in all; take fewer clusters"),
    ],
)
def test_what_cannot_be_clustered_is_named(activations, message):
    with pytest.raises(ValueError, match=message) as caught:
        k_means(collection_of(activations()), uniforms=[0.5] * 31)
    assert "\n" not in str(caught.value)


def test_no_start_is_named():
    with pytest.raises(ValueError, match="no start is given: give uniforms or init"):
        k_means(collection_of(images(1, 0)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_finds_what_a_cpu_finds(tmp_path):
    activations = images(5, 9)
    on_gpu = {depth: m.cuda() for depth, m in activations.items()}
    uniforms = np.random.default_rng(3).random(6).tolist()
    expected, found = (
        k_means(collection_of(split(each, [2, 3])), uniforms=uniforms, checkpoint=tmp_path / str(number))
        for number, each in enumerate((activations, on_gpu))
    )
    torch.testing.assert_close(found.centers, expected.centers)
    assert found.n_iter == expected.n_iter
    again = partial(k_means, uniforms=uniforms, checkpoint=tmp_path / "1")
    assert torch.equal(again(collection_of(split(on_gpu, [2, 3]))).centers, found.centers)
