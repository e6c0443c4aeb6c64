"""What stands in the file of a mask; what it means is in test_masks."""

import numpy as np
from PIL import Image

from nas.data.mask_values import large_numbers, read_values, voc_colour


def test_the_colours_of_voc_are_those_of_its_own_palette():
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128)}
    known |= {20: (0, 64, 128), 255: (224, 224, 192)}
    assert {index: voc_colour(index) for index in known} == known


def test_numbers_that_are_two_pixels_wide_and_high_somewhere():
    at = np.array([[0, 0, 1, 2], [0, 0, 1, 2], [3, 4, 4, 5], [3, 4, 4, 5]])
    assert large_numbers(at).tolist() == [0, 4]
    assert large_numbers(at[:1]).tolist() == []


def test_levels_are_shares_of_the_highest_of_as_many_bits(tmp_path):
    for name, levels, full in (("a", [[0, 255]], 255), ("b", [[0, 256]], 65535)):
        Image.fromarray(np.array(levels, np.uint16)).save(tmp_path / f"{name}.png")
        found = read_values(tmp_path / f"{name}.png", "here")
        assert found.levels.tolist() == levels and found.graded and found.full == full


def test_colours_that_are_no_edges_are_numbers(tmp_path):
    colours = np.kron([[[0, 0, 0]], [[255, 0, 0]], [[0, 90, 0]]], np.ones((4, 4, 1))).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "a.png")
    found = read_values(tmp_path / "a.png", "here")
    assert not found.graded and not found.edges and not found.lossy
    assert sorted(np.unique(found.levels).tolist()) == [0, 1, 2] and (found.levels[:4] == 0).all()
