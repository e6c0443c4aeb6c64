from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.pascal_xml import CORNERS, read_objects

random = settings(max_examples=40, deadline=None, derandomize=True)
NAMES = st.text("abc &<\u00e9", min_size=1, max_size=6).filter(str.strip)
BOXES = st.permutations(CORNERS).flatmap(
    lambda order: st.tuples(*[st.integers(-5, 500) | st.floats(0, 500)] * 4).map(
        lambda values: dict(zip(order, values, strict=True))
    )
)


def described(name, box, inside=""):
    corners = "".join(f"<{corner}>{value}</{corner}>" for corner, value in box.items())
    return f"<object><name>{escape(name)}</name>{inside}<bndbox>{corners}</bndbox></object>"


def write(folder, text):
    path = folder / "photo.xml"
    path.write_text(f"<annotation><filename>x</filename>{text}</annotation>", encoding="utf-8")
    return path


@random
@given(st.lists(st.tuples(NAMES, BOXES), max_size=4))
def test_objects_are_read_in_order_whatever_the_order_of_their_corners(tmp_path_factory, objects):
    path = write(tmp_path_factory.getbasetemp(), "".join(described(name, box) for name, box in objects))
    expected = [(name.strip(), [float(box[corner]) for corner in CORNERS]) for name, box in objects]
    assert read_objects(path) == expected


def test_boxes_of_parts_are_not_those_of_their_object(tmp_path):
    part = f"<part>{described('head', dict.fromkeys(CORNERS, 1))[8:-9]}</part>"
    path = write(tmp_path, described("dog", dict(zip(CORNERS, (2, 3, 4, 5), strict=True)), part))
    assert read_objects(path) == [("dog", [2, 3, 4, 5])]


SOME = dict.fromkeys(CORNERS, 1)
BROKEN = {
    "no name": (described(" ", SOME), r"object 1: must have a name and a bndbox of xmin, ymin, xmax, ymax"),
    "a corner less": (described("dog", SOME) + described("cat", dict.fromkeys(CORNERS[:3], 1)), "object 2: must have"),
    "no box": ("<object><name>dog</name></object>", "object 1: must have a name and a bndbox"),
    "letters": (described("dog", SOME | {"ymin": "top"}), "object 1: has '1 top 1 1', must be numbers"),
    "not finite": (described("dog", SOME | {"ymin": "inf"}), "object 1: has '1 inf 1 1', must be numbers"),
    "not closed": ("<object>", r"photo\.xml: is no XML \(mismatched tag.*; correct it"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named_with_the_object(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"photo\.xml.*{message}" if "object" in message else message) as caught:
        read_objects(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"absent\.xml: is missing; unpack the annotations anew"):
        read_objects(tmp_path / "absent.xml")
