"""The two small matrices against torch's own resize, and their adjoint against its definition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import normal
from torch.nn.functional import interpolate

from nas.superpixels.resizing import INTERPOLATIONS, Resize, resize_matrix

many = settings(max_examples=50, deadline=None, derandomize=True)
sizes = st.tuples(st.integers(1, 13), st.integers(1, 13))
modes = st.sampled_from(INTERPOLATIONS)
seeds = st.integers(0, 2**32)


def blocks(height, step):
    return [slice(start, start + step) for start in range(0, height, step)]


@many
@given(source=sizes, target=sizes, mode=modes, seed=seeds)
def test_resize_is_that_of_torch(source, target, mode, seed):
    maps = normal(seed, 2, 3, *source)
    aligned = None if mode == "nearest-exact" else False
    expected = interpolate(maps, size=target, mode=mode, align_corners=aligned)
    resized = Resize.between(source, target, mode, maps)(maps)
    torch.testing.assert_close(resized, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", INTERPOLATIONS)
@pytest.mark.parametrize(("source", "target"), [((7, 7), (224, 224)), ((31, 47), (9, 5)), ((5, 28), (28, 5))])
def test_resize_far_up_and_far_down_in_single_precision(mode, source, target):
    maps = normal(0, 1, 4, *source).float()
    aligned = None if mode == "nearest-exact" else False
    expected = interpolate(maps, size=target, mode=mode, align_corners=aligned)
    resized = Resize.between(source, target, mode, maps)(maps)
    assert resized.dtype == torch.float32
    torch.testing.assert_close(resized, expected, rtol=0, atol=1e-5)


@many
@given(source=sizes, target=sizes, mode=modes, seed=seeds)
def test_adjoint_moves_to_the_other_side_of_the_inner_product(source, target, mode, seed):
    small, large = normal(seed, 2, *source), normal(seed + 1, 2, *target)
    resize = Resize.between(source, target, mode, small)
    adjoint = resize.adjoint(large)
    assert adjoint.shape == small.shape
    torch.testing.assert_close((resize(small) * large).sum(), (small * adjoint).sum(), rtol=0, atol=1e-10)


@many
@given(source=sizes, target=sizes, mode=modes, step=st.integers(1, 13), same=st.booleans(), seed=seeds)
def test_blocks_of_rows_make_up_the_whole(source, target, mode, step, same, seed):
    target = source if same else target
    small, large = normal(seed, 2, *source), normal(seed + 1, 2, *target)
    resize = Resize.between(source, target, mode, small)
    rows = blocks(target[0], step)
    torch.testing.assert_close(torch.cat([resize(small, block) for block in rows], dim=1), resize(small))
    partial = sum(resize.adjoint(large[:, block], block) for block in rows)
    torch.testing.assert_close(partial, resize.adjoint(large), rtol=0, atol=1e-10)


@many
@given(size=sizes, mode=modes, seed=seeds)
def test_resize_to_the_same_size_is_the_identity(size, mode, seed):
    maps = normal(seed, 2, *size)
    resize = Resize.between(size, size, mode, maps)
    assert resize.identity
    torch.testing.assert_close(resize.rows, torch.eye(size[0], dtype=torch.float64))
    torch.testing.assert_close(resize.columns, torch.eye(size[1], dtype=torch.float64))
    assert torch.equal(resize(maps), maps)
    assert torch.equal(resize.adjoint(maps), maps)


@many
@given(source=st.integers(1, 40), target=st.integers(1, 40), mode=modes)
def test_rows_of_the_matrix_sum_to_one(source, target, mode):
    matrix = resize_matrix(source, target, mode)
    assert matrix.shape == (target, source)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(target, dtype=torch.float64))


def test_dtype_follows_the_maps():
    single, double = (Resize.between((3, 4), (5, 6), "bicubic", torch.zeros(1, dtype=t)) for t in (torch.float32, None))
    assert single.rows.dtype == single.columns.dtype == torch.float32
    assert double.rows.shape == (5, 3)
    assert double.columns.shape == (6, 4)
