import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import data, segmentation, transform

from nas.data.label_maps import resize_labels
from nas.saliency import averaging
from nas.superpixels import regions
from nas.superpixels.rivals import felzenszwalb, slic

random = settings(max_examples=40, deadline=None, derandomize=True)


def integers(dims, side):
    shapes = hnp.array_shapes(min_dims=dims, max_dims=dims, max_side=side)
    return hnp.arrays(np.int64, shapes, elements=st.integers(-1, 2))


label_maps, batches = integers(2, 9), integers(3, 6)


def flood(labels):
    """Connected components by depth-first search from each pixel in raster order."""
    height, width = labels.shape
    found = np.full(labels.shape, -1)
    for start in np.ndindex(labels.shape):
        if found[start] >= 0:
            continue
        name, stack = found.max() + 1, [start]
        while stack:
            i, j = stack.pop()
            if not (0 <= i < height and 0 <= j < width) or found[i, j] >= 0 or labels[i, j] != labels[start]:
                continue
            found[i, j] = name
            stack += [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
    return found


def renamed(labels):
    names = list(dict.fromkeys(labels.ravel().tolist()))
    return np.array([names.index(label) for label in labels.ravel()]).reshape(labels.shape)


@random
@given(label_maps)
def test_components_are_those_of_a_flood_fill_in_raster_order(labels):
    found = regions.components(labels)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, flood(labels))


@random
@given(label_maps)
def test_relabel_counts_labels_in_order_of_first_appearance(labels):
    np.testing.assert_array_equal(regions.relabel(labels), renamed(labels))


@random
@given(batches)
def test_a_batch_is_its_images_one_by_one(labels):
    np.testing.assert_array_equal(regions.components(labels), [flood(image) for image in labels])
    np.testing.assert_array_equal(regions.relabel(labels), [renamed(image) for image in labels])
    np.testing.assert_array_equal(regions.boundaries(labels), [regions.boundaries(image) for image in labels])


@random
@given(batches, st.integers(1, 17), st.integers(1, 17))
def test_resize_takes_the_pixel_under_each_new_centre(labels, height, width):
    _, h, w = labels.shape
    found = resize_labels(labels, (height, width))
    for i, j in np.ndindex(height, width):
        # the centre of output pixel i lies at (i + 1/2) h / H of the input, whose pixel r covers [r, r + 1)
        r = max(r for r in range(h) if 2 * r * height <= (2 * i + 1) * h)
        c = max(c for c in range(w) if 2 * c * width <= (2 * j + 1) * w)
        np.testing.assert_array_equal(found[:, i, j], labels[:, r, c])


@pytest.mark.parametrize(("old", "new"), [((7, 28), (224, 224)), ((224, 224), (28, 14)), ((48, 32), (224, 200))])
def test_resize_is_torch_nearest_exact(old, new):
    labels = np.random.default_rng(0).integers(0, 9, old)
    expected = torch.nn.functional.interpolate(torch.from_numpy(labels)[None, None].double(), new, mode="nearest-exact")
    np.testing.assert_array_equal(resize_labels(labels, new), expected[0, 0].numpy())


@st.composite
def saliency_and_regions(draw):
    """Saliency (B, M, H, W) with a batch of region maps, which differ in their counts."""
    labels = draw(batches)
    shape = (len(labels), draw(st.integers(1, 3)), *labels.shape[1:])
    saliency = draw(hnp.arrays(np.float32, shape, elements=st.floats(-1, 1, width=32)))
    return saliency, regions.relabel(labels)


@random
@given(saliency_and_regions())
def test_average_means_and_sizes_against_loops_over_regions(drawn):
    saliency, ids = drawn
    average, means, sizes = averaging.average(saliency, ids), regions.means(saliency, ids), regions.sizes(ids)
    assert average.dtype == np.float32 and means.dtype == np.float64
    assert means.shape[-1] == sizes.shape[-1] == ids.max() + 1
    for b, image in enumerate(ids):
        for region in range(ids.max() + 1):
            inside = image == region
            assert sizes[b, region] == inside.sum()
            for m in range(saliency.shape[1]):
                if inside.any():
                    expected = saliency[b, m][inside].astype(np.float64).mean()
                    np.testing.assert_allclose(means[b, m, region], expected, rtol=1e-12, atol=1e-12)
                    np.testing.assert_allclose(average[b, m][inside], expected, rtol=1e-6, atol=1e-6)
                else:
                    assert np.isnan(means[b, m, region])


@random
@given(saliency_and_regions())
def test_one_region_map_serves_many_saliency_maps(drawn):
    saliency, ids = drawn
    shared = averaging.average(saliency, ids[0])
    assert shared.shape == saliency.shape
    for index in np.ndindex(saliency.shape[:2]):
        np.testing.assert_array_equal(shared[index], averaging.average(saliency[index], ids[0]))
    np.testing.assert_allclose(averaging.average(shared, ids[0]), shared, rtol=1e-6, atol=1e-7)


def test_a_mean_is_not_lost_to_float32():
    saliency = np.full((1000, 1000), 0.1, dtype=np.float32)
    np.testing.assert_array_equal(averaging.average(saliency, np.zeros((1000, 1000), int)), saliency)


@random
@given(label_maps)
def test_boundaries_against_a_loop(labels):
    found = regions.boundaries(labels)
    height, width = labels.shape
    for i, j in np.ndindex(height, width):
        right = j + 1 < width and labels[i, j] != labels[i, j + 1]
        below = i + 1 < height and labels[i, j] != labels[i + 1, j]
        assert found[i, j] == (right or below)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[0, 2], [2, 0]], "2 different ids between 0 and 2"),
        ([[-1, 0], [0, 1]], "between -1 and 1"),
        ([[0, 1], [1, 2**40]], "nas.regions.relabel"),
        ([[[0, 0], [0, 1]], [[1, 1], [1, 1]]], "in each image"),
        ([[0.0, 1.0]], "dtype float64"),
        ([0, 1], r"shape \(2,\)"),
        (np.zeros((0, 3), int), "not empty"),
    ],
)
def test_region_maps_that_are_refused(ids, message):
    ids = np.array(ids)
    for call in (regions.check, regions.sizes, lambda wrong: averaging.average(np.zeros(wrong.shape), wrong)):
        with pytest.raises(ValueError, match=message) as error:
            call(ids)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(3, 2, 4, 4), (2, 4, 5), (4, 4), (16,), (2, 3, 5, 4)])
def test_saliency_must_fit_a_batch_of_two_4x4_region_maps(shape):
    with pytest.raises(ValueError, match=r"saliency has shape .* and regions \(2, 4, 4\)"):
        averaging.average(np.zeros(shape), np.zeros((2, 4, 4), int))


def test_integer_saliency_is_refused():
    with pytest.raises(ValueError, match="dtype int64"):
        averaging.average(np.zeros((4, 4), np.int64), np.zeros((4, 4), int))


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
