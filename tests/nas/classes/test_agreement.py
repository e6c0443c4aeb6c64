"""Agreement of label maps against scikit-learn, and chance against a plain loop over the shifts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score, v_measure_score

from nas.classes.agreement import clustering_agreement, over_shifts

many = settings(max_examples=40, deadline=None, derandomize=True)
PLAIN = {"adjusted_rand_index": adjusted_rand_score, "v_measure": v_measure_score}


@st.composite
def pairs_of_maps(draw):
    """Two label maps of one shape, odd and even sides, one to six labels."""
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    return [draw(arrays(np.int64, shape, elements=st.integers(0, draw(st.integers(0, 5))))) for _ in range(2)]


@many
@given(maps=pairs_of_maps())
def test_every_shift_is_what_scikit_learn_says_of_the_shifted_map(maps):
    a, b = maps
    found = over_shifts(a, b)._asdict()
    for name, plain in PLAIN.items():
        for y in range(a.shape[0]):
            for x in range(a.shape[1]):
                expected = plain(np.roll(a, (y, x), axis=(0, 1)).ravel(), b.ravel())
                assert found[name][y, x] == pytest.approx(expected, abs=1e-9), (name, y, x)


@many
@given(maps=pairs_of_maps())
def test_chance_and_what_reaches_the_value_are_those_of_a_plain_loop(maps):
    a, b = maps
    for name, plain in PLAIN.items():
        value, total, reached = plain(a.ravel(), b.ravel()), 0.0, 0
        for y in range(a.shape[0]):
            for x in range(a.shape[1]):
                shifted = plain(np.roll(a, (y, x), axis=(0, 1)).ravel(), b.ravel())
                total, reached = total + shifted, reached + (shifted >= value - 1e-9)
        expected = value, total / a.size, reached / a.size
        assert clustering_agreement(a, b)[name] == pytest.approx(expected, abs=1e-8)


@many
@given(maps=pairs_of_maps(), names=st.permutations(range(6)), shift=st.integers(0, 6))
def test_names_of_labels_and_a_common_shift_do_not_matter(maps, names, shift):
    a, b = maps
    expected = clustering_agreement(a, b)
    other = clustering_agreement(np.roll(np.array(names)[a] - 7, shift, axis=1), np.roll(b * 1000, shift, axis=1))
    for name, values in expected.items():
        assert other[name] == pytest.approx(values, abs=1e-9)


def test_equal_maps_agree_fully_and_stripes_agree_at_every_period():
    stripes = np.tile(np.arange(8) // 2 % 2, (4, 1))  # period 4 of 8 columns
    for found in clustering_agreement(stripes, stripes).values():
        assert found.value == pytest.approx(1)
        assert found.reached == 0.5  # shifts by 0, 2, 4 and 6 columns, whatever the rows: halves swap names
    values = over_shifts(stripes, stripes).v_measure
    assert values[0, 1] == pytest.approx(0)


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((6,), (6,)), ((1, 2, 3), (1, 2, 3))])
def test_maps_of_unlike_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match=r"^a has shape .* give two label maps of the same shape \(H, W\)$"):
        over_shifts(*(np.zeros(shape, int) for shape in shapes))
