"""Squares that show objects, against a plain reading of them, and the cut-outs that their author published."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nas.data.squares import GRID, draw, read_squares

REAL = Path(__file__).parents[4] / "shared" / "validation" / "stl10"


def squares_of(*pairs):
    return np.array(pairs, np.int16).reshape(-1, 2)


def block(x0, y0, x1, y1):
    return [[x, y] for x in range(x0, x1) for y in range(y0, y1)]


def drawn(squares, edge="object", side=6):
    left_out = Counter()
    found = draw({name: squares_of(*pairs) for name, pairs in squares.items()}, "dog", edge, side, left_out)
    return found, {what: n for what, n in left_out.items() if n}


def test_instances_are_numbered_and_boxed():
    found, left_out = drawn({"dog_0": block(2, 3, 5, 7), "dog_7": block(10, 0, 16, 2)})
    expected = np.zeros((GRID, GRID), int)
    expected[3:7, 2:5], expected[0:2, 10:16] = 1, 2
    np.testing.assert_array_equal(found.labels, expected)
    assert found.boxes == ((12, 18, 29, 41), (60, 0, 95, 11)) and left_out == {}


def test_squares_at_an_edge_are_ignored_and_the_rim_of_the_photo_is_none():
    found, _ = drawn({"dog_0": block(0, 3, 4, 8)}, "ignored")
    expected = np.zeros((GRID, GRID), int)
    expected[3:8, 0:4], expected[4:7, 0:3] = 255, 1
    np.testing.assert_array_equal(found.labels, expected)
    assert found.boxes == ((0, 18, 23, 47),)


def test_where_two_instances_touch_is_the_edge_of_both():
    found, _ = drawn({"dog_0": block(0, 0, 8, 16), "dog_1": block(8, 0, 16, 16)}, "ignored")
    expected = np.repeat([1] * 7 + [255] * 2 + [2] * 7, GRID).reshape(GRID, GRID).T
    np.testing.assert_array_equal(found.labels, expected)


def test_what_is_not_as_it_must_be_is_left_out_and_counted():
    squares = {
        "dog_0": [*block(2, 2, 6, 6), [16, 3], [16, 3], [3, -1]],  # two outside, one of them twice
        "dog_1": [*block(4, 4, 8, 8), [4, 4]],  # four of them are of the first
        "sheep_0": block(5, 5, 12, 12),  # ignored where no dog is
        "dog_2": [],
        "dog_3": [[99, 99]],
    }
    found, left_out = drawn(squares)
    expected = np.zeros((GRID, GRID), int)
    expected[5:12, 5:12], expected[4:8, 4:8], expected[2:6, 2:6] = 255, 2, 1
    np.testing.assert_array_equal(found.labels, expected)
    assert found.boxes == ((12, 12, 35, 35), (24, 24, 47, 47))
    assert left_out == {
        "squares outside the grid": 3,
        "squares of two instances": 4,
        "instances of another class": 1,
        "instances without a square": 2,
    }


def test_a_photo_of_another_class_alone_has_no_mask_and_no_box():
    found, left_out = drawn({"sheep_0": block(5, 5, 12, 12)})
    assert found == (None, ()) and left_out == {"instances of another class": 1}


def test_an_object_that_is_all_edge_has_a_box_and_no_mask():
    found, left_out = drawn({"dog_0": block(5, 5, 7, 9)}, "ignored")
    assert found.labels is None and found.boxes == ((30, 30, 41, 53),)
    assert left_out == {"photos whose objects are all edge": 1}
    assert drawn({"dog_0": block(5, 5, 7, 9)}, "object")[0].labels is not None


@given(st.lists(st.lists(st.tuples(st.integers(-1, 17), st.integers(-1, 17)), max_size=40), max_size=3))
def test_a_square_is_ignored_where_one_of_its_neighbours_is_not_of_the_object(instances):
    found, _ = drawn({f"dog_{number}": pairs for number, pairs in enumerate(instances)}, "ignored")
    inside = [{(x, y) for x, y in pairs if 0 <= x < GRID and 0 <= y < GRID} for pairs in instances]
    inside = [each for each in inside if each]
    expected = np.zeros((GRID, GRID), int)
    for number, each in reversed(list(enumerate(inside, start=1))):
        for x, y in each:
            expected[y, x] = number
    for each in inside:
        for x, y in each:
            around = {(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)}
            if {(a, b) for a, b in around if 0 <= a < GRID and 0 <= b < GRID} - each:
                expected[y, x] = 255
    if found.labels is None:
        assert set(np.unique(expected)) <= {0, 255}
    else:
        np.testing.assert_array_equal(found.labels, expected)


WRONG = {
    "no JSON": ("{", "is no such table"),
    "not UTF-8": (b"\xff\xfe{", "is no such table"),
    "a list": ("[]", "must be"),
    "a photo that is no number": ('{"a": {}}', "photo 'a': must be"),
    "a negative photo": ('{"-1": {}}', "photo '-1': must be"),
    "a photo twice": ('{"1": {}, "01": {}}', "each photo once"),
    "the same photo": ('{"1": {}, "1": {}}', "has '1' twice"),
    "the same instance": ('{"1": {"dog_0": [], "dog_0": [[1, 2]]}}', "has 'dog_0' twice"),
    "endless digits": (f'{{"{"9" * 5000}": {{}}}}', "must be"),
    "an endless number": (f'{{"1": {{"dog_0": [[1, {"9" * 5000}]]}}}}', "is no such table"),
    "endless brackets": ("[" * 100_000, "is no such table"),
    "no instances": ('{"1": [[1, 2]]}', "must be"),
    "no squares": ('{"1": {"dog_0": 3}}', "'dog_0': must be"),
    "three coordinates": ('{"1": {"dog_0": [[1, 2, 3]]}}', "must be"),
    "a fraction": ('{"1": {"dog_0": [[1, 2.5]]}}', "must be"),
    "true": ('{"1": {"dog_0": [[1, true]]}}', "must be"),
    "a number beyond all": ('{"1": {"dog_0": [[1, 99999]]}}', "must be"),
    "too many instances": (
        json.dumps({"1": {f"dog_{n}": [] for n in range(255)}}),
        "has 255 instances, allowed are 254",
    ),
    "a photo that is refused": ('{"7": {}}', "photo '7': is of no class; correct it"),
}


@pytest.mark.parametrize(("content", "words"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_no_such_table_is_named(tmp_path, content, words):
    path = tmp_path / "stl10_test_dog.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as caught:
        read_squares(path, lambda number: "is of no class" if number == 7 else "")
    assert words in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "stl10_test_dog.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"stl10_test_dog.json: cannot be read \(No such file"):
        read_squares(tmp_path / "stl10_test_dog.json", lambda number: "")


def test_a_photo_without_an_instance_is_counted():
    assert drawn({}) == ((None, ()), {"photos without an instance": 1})


@pytest.mark.skipif(not REAL.is_dir(), reason="the real tables are not part of the project")
@pytest.mark.parametrize(("split", "n", "n_instances", "outside"), [("train", 500, 560, 0), ("test", 800, 910, 45)])
def test_the_real_tables_are_read_whole(split, n, n_instances, outside):
    found = read_squares(REAL / f"stl10_{split}_airplane.json", lambda number: "")
    assert len(found) == n and sum(map(len, found.values())) == n_instances
    left_out = Counter()
    maps = [draw(squares, "airplane", "object", 6, left_out) for squares in found.values()]
    assert sum(len(each.boxes) for each in maps) == n_instances and all(each.labels is not None for each in maps)
    assert left_out["squares outside the grid"] == outside and not left_out["instances of another class"]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real tables are not part of the project")
def test_an_object_is_where_the_published_cut_out_is_not_black():
    labels = draw(
        read_squares(REAL / "stl10_test_airplane.json", lambda number: "")[4599], "airplane", "object", 6, Counter()
    )
    shown = np.kron(labels.labels > 0, np.ones((6, 6), bool))
    with Image.open(REAL / "segmented_airplane_4599.png") as image:
        cut_out = np.asarray(image.convert("RGB")).any(axis=2)
    # it paints the background one pixel too far, to the right and below
    painted = ~np.pad(shown, ((1, 0), (1, 0)), constant_values=True)
    painted = painted[1:, 1:] | painted[:-1, 1:] | painted[1:, :-1] | painted[:-1, :-1]
    assert not cut_out[painted].any() and cut_out[~painted].mean() > 0.99
