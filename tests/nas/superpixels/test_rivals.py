"""SLIC and Felzenszwalb against every run of the library that their search made."""

import numpy as np
import pytest
from plain import flood
from skimage import data, segmentation, transform

from nas.superpixels.rivals import felzenszwalb, slic


@pytest.fixture(scope="module")
def photo():
    return (255 * transform.resize(data.chelsea(), (72, 84), anti_aliasing=True)).astype(np.uint8)


ALGORITHMS = {"slic": slic, "felzenszwalb": felzenszwalb}
each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS.keys())


@each_algorithm
@pytest.mark.parametrize("n_regions", [1, 2, 7, 24, 60, 250])
def test_the_wanted_count_of_connected_regions_is_reached(photo, algorithm, n_regions):
    found = algorithm(photo, n_regions)
    assert found.shape == (72, 84) and found.dtype == np.int32
    np.testing.assert_array_equal(found, flood(found))
    assert abs(found.max() + 1 - n_regions) <= 0.05 * n_regions
    np.testing.assert_array_equal(algorithm(photo, n_regions), found)


@each_algorithm
def test_float_photos_give_the_regions_of_their_uint8_original(photo, algorithm):
    found, expected = algorithm(photo / 255.0, 30), algorithm(photo, 30)
    np.testing.assert_array_equal(found, expected)


@pytest.fixture
def library_runs(monkeypatch):
    """Every run of the library: its arguments and its labels."""
    runs = []

    def watch(library):
        def watched(*args, **kwargs):
            runs.append((kwargs, library(*args, **kwargs)))
            return runs[-1][1]

        return watched

    for name in ALGORITHMS:
        monkeypatch.setattr(segmentation, name, watch(getattr(segmentation, name)))
    return runs


# counts that the first knob alone reaches, and counts that need the second
budgets = pytest.mark.parametrize(("n_regions", "budget"), [(1, 1), (37, 1), (37, 4), (9, 12), (50, 12), (200, 12)])


@budgets
def test_slic_returns_the_library_run_of_the_nearest_count(photo, library_runs, n_regions, budget):
    found = slic(photo, n_regions, compactness=20.0, sigma=0.5, max_evaluations=budget, tolerance=0.0)
    assert 1 <= len(library_runs) <= budget
    assert all(kwargs["compactness"] == 20.0 and kwargs["sigma"] == 0.5 for kwargs, _ in library_runs)
    candidates = [flood(run) for _, run in library_runs]
    nearest = min(candidates, key=lambda run: abs(run.max() + 1 - n_regions))
    np.testing.assert_array_equal(found, nearest)


@budgets
@pytest.mark.parametrize("min_size", [None, 60])
def test_felzenszwalb_keeps_the_large_pieces_of_the_nearest_run(photo, library_runs, n_regions, budget, min_size):
    found = felzenszwalb(photo, n_regions, 0.5, min_size, max_evaluations=budget, tolerance=0.0)
    first = min_size or 72 * 84 // (12 * n_regions)
    assert library_runs[0][0]["min_size"] == first and library_runs[0][0]["sigma"] == 0.5
    assert 1 <= len(library_runs) <= budget
    candidates, too_many = [], []
    for kwargs, run in library_runs:
        pieces = flood(run)
        large = [piece for piece in range(pieces.max() + 1) if (pieces == piece).sum() >= kwargs["min_size"]]
        candidates.append((pieces, large))
        if kwargs["min_size"] != first:
            assert kwargs["scale"] == max(too_many) if too_many else kwargs["min_size"] < first
        elif len(large) > n_regions:
            too_many.append(kwargs["scale"])
    pieces, large = min(candidates, key=lambda candidate: abs(len(candidate[1]) - n_regions))
    owners = [np.unique(found[pieces == piece]) for piece in large]
    assert sorted(np.concatenate(owners)) == list(range(len(large))) == list(range(found.max() + 1))


@each_algorithm
def test_a_constant_photo_has_what_it_has(algorithm):
    found = algorithm(np.full((40, 40, 3), 128, np.uint8), 9)
    np.testing.assert_array_equal(found, flood(found))
    if algorithm is felzenszwalb:
        assert found.max() == 0


@each_algorithm
@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (np.zeros((8, 8)), {}, r"image has shape \(8, 8\)"),
        (np.full((8, 8, 3), 255.0), {}, r"image is float64 in \[255.0, 255.0\]"),
        (np.full((8, 8, 3), np.nan), {}, r"image is float64 in \[nan, nan\]"),
        (np.zeros((8, 8, 3), int), {}, "image is int64"),
        (np.zeros((8, 8, 3)), {"n_regions": 0}, "n_regions is 0; give 1 to 64"),
        (np.zeros((8, 8, 3)), {"n_regions": 65}, "n_regions is 65"),
        (np.zeros((8, 8, 3)), {"max_evaluations": 0}, "max_evaluations is 0"),
        (np.zeros((8, 8, 3)), {"tolerance": -1}, "tolerance is -1"),
    ],
)
def test_wrong_arguments_are_named(algorithm, image, arguments, message):
    with pytest.raises(ValueError, match=message):
        algorithm(image, **{"n_regions": 4, **arguments})


def test_felzenszwalb_refuses_regions_without_pixels():
    with pytest.raises(ValueError, match="min_size is 0"):
        felzenszwalb(np.zeros((8, 8, 3)), 4, min_size=0)
