"""Implicit hypercolumns against columns built the plain way: resize, divide by the norm, weight, concatenate."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import normal, plain_columns
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nas.superpixels.hypercolumns import BLOCK_ELEMENTS, Hypercolumns, depth_weights, select_depths
from nas.superpixels.resizing import INTERPOLATIONS

many = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def problems(draw):
    """Maps (B, C_l, h_l, w_l) of one to three depths, a grid, a weighting, an interpolation."""
    n_images, seed = draw(st.integers(1, 3)), draw(st.integers(0, 2**32))
    sides = st.tuples(st.integers(1, 9), st.integers(1, 9))
    shapes = draw(st.lists(st.tuples(st.integers(1, 6), sides), min_size=1, max_size=3))
    maps = [normal(seed + depth, n_images, c, *side) for depth, (c, side) in enumerate(shapes)]
    grid = draw(st.one_of(st.just(shapes[0][1]), st.tuples(st.integers(1, 11), st.integers(1, 11))))
    return maps, grid, draw(st.sampled_from(["channels", None])), draw(st.sampled_from(INTERPOLATIONS))


def close(a, b, atol=1e-9):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


@many
@given(problem=problems())
def test_stored_columns_and_their_norms(problem):
    maps, (height, width), *_ = problem
    columns, plain = Hypercolumns(*problem), plain_columns(*problem)
    close(columns.stored(), plain)
    close(columns.squared_norms.flatten(1), plain.square().sum(dim=2))
    assert (columns.n_images, columns.n_locations) == (len(maps[0]), height * width)
    assert columns.n_features == plain.shape[2]


@many
@given(problem=problems(), n_vectors=st.integers(1, 5), elements=st.integers(1, 200))
def test_inner_products_and_sums_in_blocks_of_any_size(problem, n_vectors, elements):
    _, (height, width), *_ = problem
    plain = plain_columns(*problem)
    vectors = normal(7, len(plain), n_vectors, plain.shape[2])
    memberships = normal(8, len(plain), n_vectors, height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.superpixels.hypercolumns.BLOCK_ELEMENTS", elements)
        columns = Hypercolumns(*problem)
        blocks = list(columns.blocks(n_vectors))
        products = torch.cat([columns.inner_products(vectors, rows) for rows in blocks], dim=2)
        sums = sum(columns.sums(memberships[:, :, rows], rows) for rows in blocks)
    close(columns.squared_norms.flatten(1), plain.square().sum(dim=2))
    close(products.flatten(2), vectors @ plain.mT)
    close(sums, memberships.flatten(2) @ plain)
    whole = Hypercolumns(*problem)
    close(whole.inner_products(vectors), products)
    close(whole.sums(memberships), sums)


@many
@given(problem=problems(), n_vectors=st.integers(1, 5), elements=st.integers(1, 200))
def test_blocks_cover_the_rows_once_and_stay_small(problem, n_vectors, elements):
    _, (height, width), *_ = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.superpixels.hypercolumns.BLOCK_ELEMENTS", elements)
        blocks = list(Hypercolumns(*problem).blocks(n_vectors))
    assert [row for block in blocks for row in range(height)[block]] == list(range(height))
    for block in blocks:
        n_rows = block.stop - block.start
        assert n_rows == 1 or n_rows * width * n_vectors <= elements


@many
@given(problem=problems(), seed=st.integers(0, 2**32))
def test_columns_at_chosen_locations(problem, seed):
    plain = plain_columns(*problem)
    generator = torch.Generator().manual_seed(seed)
    locations = torch.randint(plain.shape[1], (len(plain), 4), generator=generator)
    expected = torch.stack([image[chosen] for image, chosen in zip(plain, locations, strict=True)])
    close(Hypercolumns(*problem).at(locations), expected)


@many
@given(problem=problems(), data=st.data())
def test_selected_images_keep_their_columns(problem, data):
    plain = plain_columns(*problem)
    n_images, n_locations, n_features = plain.shape
    chosen = torch.tensor(data.draw(st.lists(st.integers(0, n_images - 1), min_size=1, max_size=4)))
    subset, plain = Hypercolumns(*problem).select(chosen), plain[chosen]
    assert (subset.n_images, subset.n_locations, subset.n_features) == (len(chosen), n_locations, n_features)
    close(subset.stored(), plain)
    close(subset.squared_norms.flatten(1), plain.square().sum(dim=2))
    vectors = normal(7, len(chosen), 3, n_features)
    close(subset.inner_products(vectors).flatten(2), vectors @ plain.mT)
    memberships = normal(8, len(chosen), 3, *subset.size)
    close(subset.sums(memberships), memberships.flatten(2) @ plain)
    close(subset.at(torch.zeros((len(chosen), 1), dtype=torch.int64)), plain[:, :1])


@pytest.mark.parametrize("mode", INTERPOLATIONS)
def test_locations_without_activations_have_zero_columns(mode):
    maps = [normal(1, 2, 4, 9, 7), normal(2, 2, 3, 5, 5)]
    maps[0][0, :, 2:, :5] = 0  # part of an image at one depth
    maps[0][1] = 0  # and all of the other image
    maps[1][0, :, 2:, :3] = 0
    problem = (maps, (11, 13), "channels", mode)
    columns, plain = Hypercolumns(*problem), plain_columns(*problem)
    assert (plain.abs().sum(dim=2) == 0).any()
    close(columns.stored(), plain)
    close(columns.squared_norms.flatten(1), plain.square().sum(dim=2))
    vectors, memberships = normal(3, 2, 3, 7), normal(4, 2, 3, 11, 13)
    close(columns.inner_products(vectors).flatten(2), vectors @ plain.mT)
    close(columns.sums(memberships), memberships.flatten(2) @ plain)
    close(columns.at(torch.arange(143).expand(2, -1)), plain)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_activations_that_cancel_in_the_resize_have_zero_columns(dtype):
    maps = [torch.tensor([1.0, -1.0], dtype=dtype).view(1, 1, 1, 2)]  # the middle of three is 0.5 - 0.5
    columns = Hypercolumns(maps, (1, 3), None, "bilinear")
    close(columns.at(torch.tensor([[0, 1, 2]])), torch.tensor([[[1.0], [0.0], [-1.0]]], dtype=dtype), atol=1e-6)
    memberships = torch.tensor([0.25, 1.0, 0.5], dtype=dtype).view(1, 1, 1, 3)
    close(columns.sums(memberships), torch.tensor([[[-0.25]]], dtype=dtype), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    maps = [normal(1, 1, 5, 6, 7).to(dtype), normal(2, 1, 3, 4, 4).to(dtype)]
    problem = ([m.float() for m in maps], (9, 8), "channels", "bicubic")
    columns = Hypercolumns(maps, *problem[1:])
    assert columns.squared_norms.dtype == columns.stored().dtype == torch.float32
    close(columns.stored(), plain_columns(*problem), atol=1e-5)


class LargestStorage(TorchDispatchMode):
    """Bytes of the largest tensor that any operation returned."""

    largest = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return result


def test_nothing_of_size_channels_times_grid_exists():
    maps = [normal(1, 1, 80, 28, 28).float(), normal(2, 1, 320, 14, 14).float()]
    n_clusters, height, width, n_features = 4, 400, 400, 400
    labels = torch.arange(height * width).view(1, 1, height, width) % n_clusters
    with LargestStorage() as memory:
        columns = Hypercolumns(maps, (height, width))
        columns.at(torch.tensor([[0, 5, 7, 9]]))
        columns.inner_products(torch.ones(1, n_clusters, n_features))
        columns.sums((labels == torch.arange(n_clusters)[:, None, None]).float())
    stored = 4 * n_features * height * width
    assert memory.largest <= max(4 * BLOCK_ELEMENTS, 8 * labels.numel())
    assert memory.largest < stored / 20


def test_weights_of_a_resnet():
    assert depth_weights([512, 1024, 2048], "channels") == pytest.approx([1, 0.500, 0.250], abs=5e-4)
    assert depth_weights([512, 1024, 2048], "channels") == [1, 513 / 1025, 513 / 2049]
    assert depth_weights([512, 1024, 2048], None) == [1, 1, 1]


def test_select_depths_puts_the_shallowest_first():
    activations = {4: normal(4, 1, 1, 2, 2), 2: normal(2, 1, 1, 8, 8), 3: normal(3, 1, 1, 4, 4)}
    assert [m is activations[d] for m, d in zip(select_depths(activations, (4, 2)), (2, 4), strict=True)] == [True] * 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda maps: select_depths({2: maps, 3: maps}, (2, 5)), ["depths", "5", "[2, 3]"]),
        (lambda maps: select_depths({2: maps, 3: maps}, (2, 2)), ["depths", "(2, 2)", "once"]),
        (lambda maps: select_depths({2: maps, 3: maps}, ()), ["depths", "()", "at least one"]),
        (lambda maps: Hypercolumns([maps], (4, 4), "squares"), ["weighting", "'squares'", "'channels'", "None"]),
        (lambda maps: Hypercolumns([maps], (4, 4), None, "area"), ["interpolation", "'area'", "bicubic", "bilinear"]),
    ],
)
def test_errors_name_argument_value_and_what_is_allowed(call, words):
    with pytest.raises(ValueError) as caught:
        call(torch.ones(1, 2, 3, 3))
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []
