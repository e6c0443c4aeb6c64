import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from nas.data.native import (
    Place,
    below,
    by_key,
    check_size,
    class_index,
    clip_box,
    numbers,
    png,
    read_levels,
    read_table,
    with_mask,
    with_photo,
)
from nas.data.records import Record
from nas.store.files import sha256_of

random = settings(max_examples=40, deadline=None, derandomize=True)
WORDS = st.text("ab1.\u00e9", min_size=1, max_size=4)
LEVELS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7))


def one_line(call, *words):
    with pytest.raises(ValueError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert str(word) in str(caught.value), str(caught.value)


@random
@given(st.lists(st.tuples(WORDS, WORDS, WORDS) | st.none(), max_size=6), st.sampled_from([",", " "]))
def test_lines_of_a_table_keep_their_numbers_where_empty_ones_are_left_out(tmp_path_factory, rows, comma):
    path = tmp_path_factory.getbasetemp() / "table.txt"
    path.write_text("".join(f" {comma.join(row or ())}\n" for row in rows), encoding="utf-8")
    found = list(read_table(path, comma.join(("<photo>", "<x>", "<y>"))))
    assert [(line.line, line.fields) for line in found] == [(n, row) for n, row in enumerate(rows, 1) if row]
    assert all(line.where == f"{path}, line {line.line}" for line in found)


def test_the_last_field_between_blanks_may_hold_blanks(tmp_path):
    (tmp_path / "classes.txt").write_text("7 Black footed  Albatross\n")
    (line,) = read_table(tmp_path / "classes.txt", "<class> <name>")
    assert line.fields == ("7", "Black footed  Albatross")


def test_tables_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / "table.txt"
    one_line(lambda: list(read_table(path, "<a>,<b>")), path, "is missing", "<a>,<b>")
    path.write_text("a,b\n\na,b,c\n")
    one_line(lambda: list(read_table(path, "<a>,<b>")), f"{path}, line 3", "'a,b,c'", "must be <a>,<b>")
    path.write_bytes(b"a,b\n" * 10_000 + b"\xff\xfe")
    one_line(lambda: list(read_table(path, "<a>,<b>")), path, "is no text")


def test_a_second_line_of_one_key_is_refused_unless_it_is_the_same(tmp_path):
    table = tmp_path / "labels.txt"
    table.write_text("a 1\nb 2\na 1\n")
    assert {key: row.line for key, row in by_key(read_table(table, "<photo> <class>")).items()} == {"a": 1, "b": 2}
    table.write_text("a 1\nb 2\na 3\n")
    one_line(lambda: by_key(read_table(table, "<photo> <class>")), "labels.txt, line 3", "'a'", "line 1", "take one")


def test_the_first_folder_that_holds_the_marker_is_taken(tmp_path):
    one_line(lambda: below(tmp_path, "x.txt"), tmp_path, "holds no x.txt; give the folder that holds it")
    one_line(lambda: below(tmp_path, "x.txt", "a", "b"), "holds no x.txt, nor in a or b inside it")
    for folder in (tmp_path / "b", tmp_path / "a", tmp_path):
        folder.mkdir(exist_ok=True)
        (folder / "x.txt").touch()
        assert below(tmp_path, "x.txt", "a", "b") == folder


@random
@given(st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_numbers_come_back(values):
    assert numbers([repr(value) for value in values], "here") == [float(value) for value in values]


@pytest.mark.parametrize("field", ["a", "", "nan", "inf", "-inf", "1,5"])
def test_what_is_no_finite_number_is_refused(field):
    one_line(lambda: numbers(["1", field], "table, line 4"), "table, line 4", f"'1 {field}'", "must be numbers")


@random
@given(st.integers(0, 2), st.integers(1, 9), st.integers(-3, 14))
def test_a_class_is_counted_from_0_where_it_is_one_of_them(first, n_classes, number):
    if number in range(first, first + n_classes):
        assert class_index(str(number), n_classes, "here", first) == number - first
    else:
        allowed = f"allowed are {first} to {first + n_classes - 1}"
        one_line(lambda: class_index(str(number), n_classes, "here", first), "here", repr(str(number)), allowed)


@pytest.mark.parametrize("field", ["", "1.0", "one", " 1"])
def test_a_class_that_is_no_number_is_refused(field):
    one_line(lambda: class_index(field, 5, "here"), "here", repr(field))


@random
@given(*[st.floats(-5, 25)] * 4, st.integers(1, 20), st.integers(1, 20))
def test_a_box_is_what_the_photo_holds_of_it_or_is_refused(x0, y0, x1, y1, height, width):
    columns = [x for x in range(width + 1) if int(x0) <= x <= int(x1)]
    rows = [y for y in range(height + 1) if int(y0) <= y <= int(y1)]
    if columns and rows:
        assert clip_box((x0, y0, x1, y1), (height, width), "x") == (columns[0], rows[0], columns[-1], rows[-1])
    else:
        one_line(lambda: clip_box((x0, y0, x1, y1), (height, width), "here"), "here", f"{width} x {height} photo")


@pytest.mark.parametrize("borrowed", [True, False])
def test_a_photo_is_used_in_place_or_linked(tmp_path, photo, borrowed):
    path = photo(tmp_path / "mine" / "some.jpg", size=(40, 30))
    place = Place(tmp_path / "mine", tmp_path / "raw", borrowed=borrowed)
    found = with_photo(Record("a", path, ""), place, "here")
    assert found.image == (path if borrowed else tmp_path / "raw" / "photos" / "a.jpg")
    assert found.image.samefile(path) and (found.sha256, found.size) == (sha256_of(path), (30, 40))


def test_a_photo_of_no_known_orientation_is_used_in_place(tmp_path, photo):
    path = photo(tmp_path / "some.jpg", size=(40, 30), orientation=0)
    assert with_photo(Record("a", path, ""), Place(tmp_path, tmp_path / "raw"), "here").image == path


@pytest.mark.parametrize("borrowed", [True, False])
def test_a_photo_that_exif_would_turn_is_written_anew_as_its_pixels_lie(tmp_path, photo, borrowed):
    path = photo(tmp_path / "mine" / "some.jpg", size=(40, 30), orientation=6)
    found = with_photo(Record("a", path, ""), Place(tmp_path, tmp_path / "raw", borrowed=borrowed), "here")
    assert found.image == tmp_path / "raw" / "photos" / "a.png"
    with Image.open(path) as stored:
        np.testing.assert_array_equal(found.photo(), np.asarray(stored))
    assert (found.sha256, found.size) == (sha256_of(found.image), (30, 40))


def test_a_photo_that_is_none_is_named_with_its_place(tmp_path):
    place = Place(tmp_path, tmp_path / "raw")
    one_line(lambda: with_photo(Record("a", tmp_path / "a.jpg", ""), place, "list, line 2"), "list, line 2", "missing")
    (tmp_path / "a.jpg").write_text("<html>")
    one_line(lambda: with_photo(Record("a", tmp_path / "a.jpg", ""), place, "line 2"), "line 2", "is no picture")


@random
@given(LEVELS)
def test_a_mask_is_written_and_read_as_it_is(tmp_path_factory, labels):
    root = tmp_path_factory.mktemp("native")
    place = Place(root, root / "raw")
    found = with_mask(Record("a", place.root / "a.jpg", "0"), labels.astype(int), place)
    assert found.mask == place.target / "truth" / "masks" / "a.png" and found.mask_sha256 == sha256_of(found.mask)
    np.testing.assert_array_equal(found.truth(), labels)
    np.testing.assert_array_equal(read_levels(found.mask, "here"), labels)
    assert replace(found, mask=None, mask_sha256="") == Record("a", place.root / "a.jpg", "0")
    # as on a file system that tells no case
    one_line(lambda: with_mask(Record("a", root / "A.jpg", "1"), labels.astype(int), place), "a.png", "rename one")


@random
@given(LEVELS, st.sampled_from(["L", "P", "RGB", "1"]))
def test_levels_are_those_of_grey_palette_and_colours_that_are_grey(tmp_path_factory, levels, mode):
    path = tmp_path_factory.getbasetemp() / "levels.png"
    image = Image.fromarray(levels)
    if mode == "P":
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(list(range(255, -1, -1)) * 3)
    elif mode == "1":
        image = Image.fromarray(levels > 127)
    (image.convert("RGB") if mode == "RGB" else image).save(path)
    np.testing.assert_array_equal(read_levels(path, "here"), levels > 127 if mode == "1" else levels)


def test_masks_in_colour_deep_or_damaged_are_refused(tmp_path):
    path = tmp_path / "mask.png"
    for pixels in (np.uint8([[[1, 2, 3]]]), np.uint16([[1]])):
        Image.fromarray(pixels).save(path)
        one_line(lambda: read_levels(path, "here"), "here", path, "save it as 8-bit grey or palette")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:300])
    one_line(lambda: read_levels(path, "here"), "here", path, "cannot be decoded")


def test_a_mask_of_another_size_is_refused():
    check_size((3, 4), (3, 4), "here")
    one_line(lambda: check_size((3, 4), (4, 3), "here"), "here", "the mask is 4 x 3 pixels, the photo 3 x 4")


@random
@given(LEVELS | hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3))))
def test_png_keeps_every_pixel(pixels):
    with Image.open(io.BytesIO(png(pixels))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_table_may_begin_with_a_mark_and_end_its_lines_as_on_another_system(tmp_path):
    path = tmp_path / "class_names.txt"
    path.write_bytes("\ufeffairplane\r\nV\u00f6gel\r\n".encode())
    assert [row.fields for row in read_table(path, "<class>")] == [("airplane",), ("V\u00f6gel",)]
