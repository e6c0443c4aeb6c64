"""Parts of all level sets against one labelling per threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import random_map
from scipy import ndimage

from nas.localization.component_tree import component_tree

many = settings(max_examples=80, deadline=None, derandomize=True)
ALL = [-1, -1, -1, -1]  # the box of what is open to a frame is not asked for
seeds, connectivities = st.integers(0, 2**32 - 1), st.sampled_from([4, 8])


def image_of(seed, levels):
    return (random_map(seed) * levels).astype(np.int16)


def parts_of(framed, connectivity, t):
    """Masks of the connected parts above t."""
    structure = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    labels, n = ndimage.label(framed > t, structure)
    return [labels == number for number in range(1, n + 1)]


def box_of(mask):
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max(), rows.max()]


@many
@given(seeds, connectivities, st.sampled_from([0, 40]), st.sampled_from([1, 7, 39]))
def test_parts_are_those_of_one_labelling_per_threshold(seed, connectivity, outside, levels):
    image = image_of(seed, levels)
    tree = component_tree(image, connectivity, outside)
    framed = np.pad(image, 1, constant_values=outside)
    assert np.array_equal(tree.levels, framed)
    basins, thresholds = tree.parts()
    boxes, first = tree.extents(), tree.first_pixels()
    marks = tree.totals(tree.basins, tree.levels)
    found, expected = {}, {}
    assert (np.diff(thresholds) <= 0).all() and len({*zip(basins, thresholds, strict=True)}) == len(basins)
    for number, t in enumerate(thresholds.tolist()):
        box = boxes[number].tolist() if first[number] or not outside else ALL
        found.setdefault(t, []).append([*box, first[number], marks[number]])
    for t in range(framed.max()):
        expected[t] = []
        for part in parts_of(framed, connectivity, t):
            first_pixel = np.flatnonzero(part)[0]
            box = box_of(part) if first_pixel or not outside else ALL
            expected[t].append([*box, first_pixel, part.sum()])
    assert found.keys() == {t for t in expected if expected[t]}
    for t, each in found.items():
        assert sorted(np.array(each).tolist()) == sorted(np.array(expected[t]).tolist())


@many
@given(seeds, connectivities, st.sampled_from([0, 40]))
def test_a_pixel_is_in_the_part_of_the_summit_of_its_basin(seed, connectivity, outside):
    tree = component_tree(image_of(seed, 9), connectivity, outside)
    flat, n = tree.levels, len(tree.summits)
    assert np.array_equal(tree.summits, np.sort(tree.summits)) and tree.parents[-1] == n - 1
    assert (tree.parents[:-1] > np.arange(n - 1)).all() and (tree.saddles[:-1] < tree.summits[:-1]).all()
    for t in range(flat.max()):
        above = [(part, {int(b) for b in np.unique(tree.basins[part])}) for part in parts_of(flat, connectivity, t)]
        for _, basins in above:
            highest = max(basins)  # all others were absorbed, one after the other, into the highest
            for basin in basins:
                while basin != highest:
                    assert tree.saddles[basin] > t
                    basin = int(tree.parents[basin])


def test_a_frame_above_all_joins_what_touches_the_border():
    image = np.zeros((5, 5), np.int16)
    image[0, 0] = image[4, 4] = image[2, 2] = 5
    for outside, n in ((0, 3), (9, 2)):
        basins, thresholds = component_tree(image, 8, outside).parts()
        assert len(basins[thresholds == 3]) == n


@pytest.mark.parametrize("connectivity", [4, 8])
def test_marks_are_in_the_parts_below_their_level(connectivity):
    image = np.array([[0, 3, 0], [3, 0, 2], [0, 2, 0]], np.int16)
    tree = component_tree(image, connectivity, 0)
    none, twice = np.zeros_like(tree.levels), np.minimum(tree.levels, 1)
    assert not tree.totals(tree.basins, none).any()
    one, both = tree.totals(tree.basins, twice), tree.totals(tree.basins, twice, twice)
    assert np.array_equal(both, 2 * one)
    _, thresholds = tree.parts()
    assert one[thresholds == 0].sum() == 4 and not one[thresholds > 0].any()
