"""Lloyd's algorithm against scikit-learn on stored columns, k-means++ against a plain version."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plain import normal, plain_columns
from sklearn.cluster import KMeans

from nas.superpixels.hypercolumns import Hypercolumns
from nas.superpixels.kmeans import assign, cluster_sums, draw, highest, k_means_plus_plus, lloyd

many = settings(max_examples=30, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32)


def members_of(labels, n_clusters):
    """Labels (B, H, W) as (B, K, H, W) bool."""
    return labels[:, None] == torch.arange(n_clusters)[None, :, None, None]


@st.composite
def problems(draw, most=1):
    """Maps of two depths with odd sizes, a grid, a weighting, an interpolation."""
    batch, seed = draw(st.integers(1, most)), draw(seeds)
    odd = st.integers(1, 5).map(lambda n: 2 * n + 1)
    sides = st.tuples(odd, odd)
    maps = [normal(seed + depth, batch, c, *draw(sides)) for depth, c in enumerate((3, 5))]
    grid = draw(st.one_of(st.just(tuple(maps[0].shape[2:])), sides))
    return maps, grid, draw(st.sampled_from(["channels", None])), draw(st.sampled_from(["bicubic", "bilinear"]))


def scikit_learn(points, centers, max_iter=300, tol=1e-5):
    model = KMeans(len(centers), init=centers, n_init=1, algorithm="lloyd", max_iter=max_iter, tol=tol)
    return model.fit(points)


def distinct_starts(points, k, seed):
    """k locations, no two of which have the same column."""
    starts = np.random.default_rng(seed).choice(len(points), k, replace=False)
    gaps = np.linalg.norm(points[starts][:, None] - points[starts], axis=2) + np.eye(k)
    assume(gaps.min() > 1e-6)
    return starts


def assert_same(found, image, reference, rtol=1e-9):
    assert np.array_equal(found.labels[image].flatten().numpy(), reference.labels_)
    assert found.inertia[image].item() == pytest.approx(reference.inertia_, rel=rtol, abs=1e-9)
    assert found.n_iter[image] == reference.n_iter_
    np.testing.assert_allclose(found.centers[image].numpy(), reference.cluster_centers_, rtol=0, atol=1e-9)


@many
@given(problem=problems(3), k=st.integers(2, 6), seed=seeds)
def test_lloyd_is_that_of_scikit_learn(problem, k, seed):
    plain = plain_columns(*problem).numpy()
    starts = np.stack([points[distinct_starts(points, k, seed + image)] for image, points in enumerate(plain)])
    found = lloyd(Hypercolumns(*problem), torch.from_numpy(starts))
    for image, points in enumerate(plain):
        assert_same(found, image, scikit_learn(points, starts[image]))


@many
@given(
    problem=problems(),
    k=st.integers(2, 6),
    max_iter=st.sampled_from([1, 2, 3, 300]),
    tol=st.sampled_from([0, 1e-3, 0.03, 0.1, 0.3, 1, 3]),
)
def test_iterations_and_tolerance_stop_as_in_scikit_learn(problem, k, max_iter, tol):
    points = plain_columns(*problem).numpy()[0]
    starts = points[distinct_starts(points, k, 0)]
    found = lloyd(Hypercolumns(*problem), torch.from_numpy(starts)[None], max_iter, tol)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # that it did not converge is the point
        assert_same(found, 0, scikit_learn(points, starts, max_iter, tol))


@many
@given(problem=problems(), k=st.integers(2, 6))
def test_inertia_never_rises(problem, k):
    columns = Hypercolumns(*problem)
    points = plain_columns(*problem).numpy()[0]
    starts = torch.from_numpy(points[distinct_starts(points, k, 1)])[None]
    last = lloyd(columns, starts, tol=0)
    inertia = [lloyd(columns, starts, max_iter=n, tol=0).inertia.item() for n in range(1, int(last.n_iter) + 1)]
    assert all(after <= before + 1e-9 for before, after in pairwise(inertia))
    assert inertia[-1] == last.inertia.item()


@many
@given(problem=problems(2), k=st.integers(1, 6), seed=seeds)
def test_assignment_inertia_sums_and_counts_by_definition(problem, k, seed):
    plain, columns = plain_columns(*problem).numpy(), Hypercolumns(*problem)
    centers = normal(seed, len(plain), k, plain.shape[2])
    found = assign(columns, centers)
    squared = ((plain[:, :, None] - centers.numpy()[:, None]) ** 2).sum(axis=3)
    assert np.array_equal(found.labels.flatten(1).numpy(), squared.argmin(axis=2))
    np.testing.assert_allclose(found.distances.flatten(1).numpy(), squared.min(axis=2), rtol=0, atol=1e-9)
    sums, counts = cluster_sums(columns, members_of(found.labels, k))
    for image, points in enumerate(plain):
        labels = found.labels[image].flatten().numpy()
        assert counts[image].tolist() == [int((labels == cluster).sum()) for cluster in range(k)]
        expected = np.stack([points[labels == cluster].sum(axis=0) for cluster in range(k)])
        np.testing.assert_allclose(sums[image].numpy(), expected, rtol=0, atol=1e-9)


@many
@given(shape=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4)), seed=seeds)
def test_highest_takes_the_lowest_index_of_a_tie(shape, seed):
    scores = np.random.default_rng(seed).integers(0, 3, shape)
    members, best = highest(torch.from_numpy(scores).double())
    assert np.array_equal(best.numpy(), scores.max(axis=1))
    assert np.array_equal(members.numpy(), np.arange(shape[1])[None, :, None, None] == scores.argmax(axis=1)[:, None])


@many
@given(problem=problems(), k=st.integers(3, 5), seed=seeds)
def test_one_empty_cluster_moves_as_in_scikit_learn(problem, k, seed):
    points = plain_columns(*problem).numpy()[0]
    starts = points[distinct_starts(points, k - 1, seed)]
    starts = np.vstack([starts, starts[-1:] + 100])  # far from everything; equal centers are a tie, by rounding
    found = lloyd(Hypercolumns(*problem), torch.from_numpy(starts)[None])
    assert members_of(found.labels, k).sum(dim=(2, 3)).min() > 0
    assert_same(found, 0, scikit_learn(points, starts))


@many
@given(problem=problems(), k=st.integers(3, 6), seed=seeds)
def test_no_cluster_stays_empty(problem, k, seed):
    points = plain_columns(*problem).numpy()[0]
    assume(len(np.unique(points.round(6), axis=0)) > 2 * k)
    start = torch.from_numpy(points[[seed % len(points)] * k])[None]
    found = lloyd(Hypercolumns(*problem), start)
    assert members_of(found.labels, k).sum(dim=(2, 3)).min() > 0
    for cluster, center in enumerate(found.centers[0].numpy()):
        members = points[found.labels.flatten().numpy() == cluster]
        np.testing.assert_allclose(center, members.mean(axis=0), rtol=0, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("distinct", "k"), [(1, 2), (1, 5), (2, 2), (2, 5), (3, 7)])
def test_fewer_distinct_locations_than_clusters(distinct, k, dtype):
    maps = [normal(0, 2, 4, 1, distinct).to(dtype)]
    columns = Hypercolumns(maps, (6, 6), None, "nearest-exact")
    uniforms = torch.rand((2, k), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    locations = k_means_plus_plus(columns, k, uniforms)
    found = lloyd(columns, columns.at(locations))
    assert locations.min() >= 0 and locations.max() < 36
    assert found.centers.isfinite().all() and found.inertia.isfinite().all()
    assert found.n_iter.max() < 10
    assert found.inertia.max() < 1e-4
    # locations with different columns are never in one cluster
    for labels, columns_of in zip(found.labels.flatten(1), columns.stored(), strict=True):
        for cluster in labels.unique():
            members = columns_of[labels == cluster]
            torch.testing.assert_close(members, members[:1].expand_as(members))


def plain_k_means_plus_plus(points, uniforms):
    """Arthur and Vassilvitskii 2007, with the inverse of the cumulative distribution."""
    chosen = [int(uniforms[0] * len(points))]
    for uniform in uniforms[1:]:
        squared = ((points[:, None] - points[chosen]) ** 2).sum(axis=2).min(axis=1)
        chosen.append(int(np.argmax(np.cumsum(squared) > uniform * squared.sum())))
    return chosen


@many
@given(problem=problems(3), k=st.integers(1, 6), seed=seeds)
def test_k_means_plus_plus_weighs_by_squared_distances(problem, k, seed):
    uniforms = np.random.default_rng(seed).random((len(problem[0][0]), k))
    found = k_means_plus_plus(Hypercolumns(*problem), k, torch.from_numpy(uniforms))
    for image, points in enumerate(plain_columns(*problem).numpy()):
        assert found[image].tolist() == plain_k_means_plus_plus(points, uniforms[image])


@many
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.sampled_from([torch.float32, torch.float64]))
def test_draw_picks_in_proportion_to_the_mass(masses, dtype):
    n = 20_000  # evenly spread uniforms: each count is within one of its expectation
    uniforms = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    rows = torch.tensor(masses, dtype=dtype).expand(n, -1)
    counts = draw(rows, uniforms[:, None]).flatten().bincount(minlength=len(masses)).numpy()
    probabilities = np.array(masses) / sum(masses) if any(masses) else np.full(len(masses), 1 / len(masses))
    expected = n * probabilities
    assert counts.shape == expected.shape
    assert np.abs(counts - expected).max() <= 1 + 1e-3
    filled = expected > 0
    assert not counts[~filled].any()
    assert ((counts - expected)[filled] ** 2 / expected[filled]).sum() < 0.1  # chi-square


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draw_at_both_ends_of_the_uniforms(dtype):
    masses = torch.tensor([[0.0, 2.0, 0.0, 1.0, 0.0]] * 2, dtype=dtype)
    uniforms = torch.tensor([[0.0], [1 - 2.0**-53]], dtype=torch.float64)
    assert draw(masses, uniforms).tolist() == [[1], [3]]


def test_draw_keeps_rows_apart():
    masses = torch.tensor([[0.0, 0.0, 5.0], [0.0, 0.0, 0.0], [7.0, 0.0, 0.0]])
    assert draw(masses, torch.full((3, 1), 0.5)).tolist() == [[2], [1], [0]]


def test_more_images_of_different_speed_stop_alone():
    maps = [normal(5, 4, 6, 9, 11)]
    maps[0][1, :, :, :5] += 9  # two far groups: stops early
    maps[0][1, :, :, 5:] -= 9
    columns = Hypercolumns(maps, (13, 9))
    starts = columns.at(torch.tensor([[3, 50]] * 4))
    found = lloyd(columns, starts)
    assert len(found.n_iter.unique()) > 1
    for image, points in enumerate(plain_columns(maps, (13, 9), "channels", "bicubic").numpy()):
        assert_same(found, image, scikit_learn(points, starts[image].numpy()))
