import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.superpixels import regions
from nas.superpixels.measures import (
    achievable_segmentation_accuracy,
    boundary_precision,
    boundary_recall,
    edge_adherence,
    measures,
    scores,
    strongest_edges,
    undersegmentation_error,
)

random = settings(max_examples=40, deadline=None, derandomize=True)
tolerances = st.sampled_from([0, 1, 1.5, 2, 2.9, 5])


@st.composite
def maps(draw):
    """A region map, and a truth with instances, background and ignored pixels, both in blocks."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    labels = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 3)))
    truth = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, 2, 255])))
    block = np.ones((draw(st.integers(1, 3)), draw(st.integers(1, 3))), np.uint8)
    shift = draw(st.integers(0, 3))
    return regions.relabel(np.roll(np.kron(labels, block), shift)), np.kron(truth, block)


def plain_accuracy(ids, truth):
    right = total = 0
    for region in np.unique(ids):
        inside = truth[(ids == region) & (truth != 255)]
        right += max((np.sum(inside == segment) for segment in np.unique(inside)), default=0)
        total += inside.size
    return right / total if total else math.nan


def plain_leakage(ids, truth):
    counted = truth != 255
    leaked = 0
    for segment in np.unique(truth[counted]):
        for region in np.unique(ids[truth == segment]):
            inside = np.sum((ids == region) & (truth == segment))
            outside = np.sum((ids == region) & (truth != segment) & counted)
            leaked += min(inside, outside)
    return leaked / counted.sum() if counted.any() else math.nan


def plain_border(labels, truth):
    """Pixels that differ from the right or lower neighbour, both not ignored."""
    found = []
    for i, j in np.ndindex(labels.shape):
        for neighbour in ((i, j + 1), (i + 1, j)):
            inside = neighbour[0] < labels.shape[0] and neighbour[1] < labels.shape[1]
            if inside and labels[i, j] != labels[neighbour] and truth[i, j] != 255 and truth[neighbour] != 255:
                found.append((i, j))
                break
    return found


def plain_share_near(points, others, tolerance):
    near = [any(math.dist(point, other) <= tolerance for other in others) for point in points]
    return sum(near) / len(near) if near else math.nan


@random
@given(maps(), tolerances)
def test_all_measures_against_their_definitions(drawn, tolerance):
    ids, truth = drawn
    borders, true_borders = plain_border(ids, truth), plain_border(truth, truth)
    expected = {
        "achievable_segmentation_accuracy": plain_accuracy(ids, truth),
        "undersegmentation_error": plain_leakage(ids, truth),
        "boundary_recall": plain_share_near(true_borders, borders, tolerance),
        "boundary_precision": plain_share_near(borders, true_borders, tolerance) if true_borders else math.nan,
    }
    found = scores(ids, truth, tolerance)
    assert found == pytest.approx(expected, nan_ok=True)
    one_by_one = {
        "achievable_segmentation_accuracy": achievable_segmentation_accuracy(ids, truth),
        "undersegmentation_error": undersegmentation_error(ids, truth),
        "boundary_recall": boundary_recall(ids, truth, tolerance),
        "boundary_precision": boundary_precision(ids, truth, tolerance),
    }
    np.testing.assert_equal(one_by_one, found)


@random
@given(maps(), st.integers(0, 100))
def test_the_regions_of_ignored_pixels_do_not_matter(drawn, seed):
    ids, truth = drawn
    anything = np.random.default_rng(seed).integers(0, 9, ids.shape)
    other = regions.relabel(np.where(truth == 255, anything, ids))
    assert scores(other, truth) == pytest.approx(scores(ids, truth), nan_ok=True)


def test_regions_equal_to_the_segments_are_perfect_and_one_region_is_not():
    truth = np.zeros((12, 12), int)
    truth[3:9, 3:9] = 1
    perfect = {
        "achievable_segmentation_accuracy": 1,
        "undersegmentation_error": 0,
        "boundary_recall": 1,
        "boundary_precision": 1,
    }
    assert scores(truth, truth, 0) == perfect
    # the one region leaks 36 pixels out of the object, and 36 out of the background
    single = scores(np.zeros_like(truth), truth)
    assert single["achievable_segmentation_accuracy"] == 108 / 144
    assert single["undersegmentation_error"] == 72 / 144
    assert single["boundary_recall"] == 0 and math.isnan(single["boundary_precision"])


edge_maps = hnp.arrays(bool, (6, 7))
small_regions = hnp.arrays(np.int64, (6, 7), elements=st.sampled_from([0, 0, 0, 0, 1])).map(regions.relabel)


@random
@given(small_regions, edge_maps, tolerances)
def test_chance_is_the_mean_share_over_all_circular_shifts_of_the_borders(ids, edges, tolerance):
    height, width = ids.shape
    border = np.argwhere(regions.boundaries(ids))

    def wrapped_distance(p, q):
        rows, columns = abs(p[0] - q[0]), abs(p[1] - q[1])
        return math.hypot(min(rows, height - rows), min(columns, width - columns))

    def share(shift):
        shifted = [((i + shift[0]) % height, (j + shift[1]) % width) for i, j in border]
        near = [any(wrapped_distance(p, q) <= tolerance for q in shifted) for p in np.argwhere(edges)]
        return np.mean(near) if near else math.nan

    found = edge_adherence(ids, edges, tolerance)
    shares = [share(shift) for shift in itertools.product(range(height), range(width))]
    assert found.share == pytest.approx(shares[0], nan_ok=True)
    if edges.any():
        assert found.chance == pytest.approx(np.mean(shares))
    expected = (shares[0] - found.chance) / (1 - found.chance) if found.chance < 1 else math.nan
    assert found.adherence == pytest.approx(expected, nan_ok=True)


def test_borders_on_the_edges_adhere_and_borders_away_from_them_do_worse_than_chance():
    ids = np.zeros((20, 20), int)
    ids[:, 10:] = 1
    edges = regions.boundaries(ids)
    assert edge_adherence(ids, edges, 1) == (1.0, 3 / 20, 1.0)
    away = edge_adherence(ids, np.roll(edges, 5, axis=1), 1)
    assert away == pytest.approx((0.0, 3 / 20, -3 / 17))


@random
@given(maps(), tolerances, st.integers(0, 2**32))
def test_a_row_has_the_scores_and_the_parts_of_the_adherence(drawn, tolerance, seed):
    regions, truth = drawn
    edges = np.random.default_rng(seed).random(regions.shape) < 0.3
    row = measures(regions, truth, edges, tolerance)
    expected = scores(regions, truth, tolerance)
    assert {name: row[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    share, chance, adherence = edge_adherence(regions, edges, tolerance)
    parts = {"edge_share": share, "edge_excess": share - chance, "edge_room": 1 - chance}
    assert measures(regions, None, edges, tolerance) == pytest.approx(parts, nan_ok=True)
    if row["edge_room"] > 0:
        assert row["edge_excess"] / row["edge_room"] == pytest.approx(adherence, nan_ok=True)


def plain_gradient(luminance):
    """Sobel magnitude, the image mirrored at its rim."""
    padded = np.pad(luminance, 1, mode="symmetric")
    kernel = np.outer([1, 2, 1], [-1, 0, 1])
    gradient = np.zeros(luminance.shape)
    for i, j in np.ndindex(luminance.shape):
        window = padded[i : i + 3, j : j + 3]
        gradient[i, j] = math.hypot((window * kernel).sum(), (window * kernel.T).sum())
    return gradient


@random
@given(hnp.arrays(np.uint8, (9, 8, 3)), st.sampled_from([0.5, 0.8, 0.9]))
def test_strongest_edges_are_the_pixels_above_the_quantile_of_the_gradient(image, quantile):
    found = strongest_edges(image, quantile, sigma=0)
    gradient = plain_gradient(image / 255 @ [0.2125, 0.7154, 0.0721])
    threshold = np.quantile(gradient, quantile)
    clear = abs(gradient - threshold) > 1e-9
    np.testing.assert_array_equal(found[clear], (gradient > threshold)[clear])
    assert found.mean() <= 1 - quantile + 1 / gradient.size
    np.testing.assert_array_equal(strongest_edges(image / 255, quantile, sigma=0)[clear], found[clear])


def test_smoothing_prefers_the_border_of_objects_to_noise():
    rng = np.random.default_rng(0)
    image = np.full((60, 60, 3), 0.4)
    image[:, 30:] = 0.6
    image = np.clip(image + rng.normal(0, 0.08, (60, 60, 1)), 0, 1)
    # the step lies between columns 29 and 30
    on_the_step = [strongest_edges(image, 0.95, sigma)[:, 28:32].sum() for sigma in (0, 1)]
    assert on_the_step[1] > on_the_step[0]
    assert not strongest_edges(np.full((9, 9, 3), 7, np.uint8)).any()


ids = np.array([[0, 1], [0, 1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scores(ids, ids[:1]), r"regions has shape \(2, 2\), truth \(1, 2\)"),
        (lambda: scores(ids[None], ids[None]), r"regions has shape \(1, 2, 2\)"),
        (lambda: scores(ids, ids / 2), "truth .* dtype float64"),
        (lambda: scores(ids, 255 + ids), "truth holds ids from 255 to 256"),
        (lambda: scores(ids, -ids), "truth holds ids from -1 to 0"),
        (lambda: scores(ids + 1, ids), "contiguous from 0"),
        (lambda: scores(ids, ids, -1), "tolerance is -1"),
        (lambda: edge_adherence(ids, ids > 0, -1), "tolerance is -1"),
        (lambda: edge_adherence(ids, ids), "edges has .* dtype int64"),
        (lambda: edge_adherence(ids, ids[:1] > 0), r"edges has shape \(1, 2\)"),
        (lambda: strongest_edges(ids), r"image has shape \(2, 2\)"),
        (lambda: strongest_edges(np.zeros((4, 4, 3)), 90), "quantile is 90"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
