"""Which photos are clustered together, and under which name."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.classes.members import clusters_fingerprint, folder_name, lacking, members, photos_by_class
from nas.data.records import Record

many = settings(max_examples=60, deadline=None, derandomize=True)


def records(*names):
    return [Record(f"r{number}", Path(), "", class_name=a, super_class=b) for number, (a, b) in enumerate(names)]


MADE = records(("owl", "bird"), ("owl", "bird"), ("crane", "bird"), ("crane", "machine"), ("bird", "bird"), ("", ""))


def test_members_have_the_name_as_class_or_super_class():
    found = members(MADE, ["crane", "bird", "machine", "", "zebra"])
    assert {name: [record.id for record in photos] for name, photos in found.items()} == {
        "crane": ["r2", "r3"],
        "bird": ["r0", "r1", "r2", "r4"],
    }
    assert list(members(MADE, None)) == ["owl", "crane", "bird"]  # a class may have the name of a super-class


def test_what_is_no_class_is_counted_and_classes_are_listed():
    assert lacking(MADE, ["crane", "bird"], "made") == ""
    line = lacking(MADE, ["machine", "bird", "zebra"], "made")
    assert line == (
        "classes.names has 'machine' (1 photos), 'zebra' (0 photos): allowed are classes and super-classes of made "
        "with at least 2 photos, bird, crane, owl"
    )
    assert lacking(MADE[:1], ["owl"], "made").endswith("with at least 2 photos, but there is none")
    classes = records(*((f"c{number // 2:02}", "") for number in range(80)))
    assert lacking(classes, ["zebra"], "made").endswith("c28, c29 and 10 more")


ALLOWED = "allowed are classes and super-classes of made with at least 2 photos, bird, crane, owl"


@pytest.mark.parametrize(
    ("names", "words", "taken"),
    [
        (["bird", "zebra"], ["classes.names has 'zebra' (0 photos)", ALLOWED, "; skipped\n"], ["bird"]),
        (["machine", "bird"], ["'machine' (1 photos)", ALLOWED, "; skipped\n"], ["bird"]),
        (["zebra"], ["'zebra' (0 photos)", ALLOWED, "; every class is taken\n"], ["owl", "crane", "bird"]),
        (["crane", "owl"], [], ["crane", "owl"]),
        (None, [], ["owl", "crane", "bird"]),
        ([], [], ["owl", "crane", "bird"]),
    ],
)
def test_a_name_that_is_no_class_is_named_with_those_that_are(names, words, taken, capsys):
    found = photos_by_class(MADE, names, "made")
    assert list(found) == taken and found == members(MADE, taken)
    message = capsys.readouterr().err
    assert [word for word in words if word not in message] == [] and message.count("\n") == bool(words)


def test_without_a_class_of_two_photos_all_photos_are_one():
    single = records(("owl", "bird"), ("crane", "machine"), ("", ""))
    assert photos_by_class(single, None, "made") == {"all photos": single}
    assert photos_by_class(single[:1], None, "made") == {"all photos": single[:1]}


def test_names_of_one_folder_are_refused():
    twice = records(*[("Bird", "bird")] * 2)
    with pytest.raises(ValueError, match=r"classes\.names has 'bird' and another name for the folder 'bird'"):
        photos_by_class(twice, ["bird", "Bird"], "made")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Great Dane", "great-dane"),
        ("a/b\\c", "a-b-c"),
        ("../x", "x"),
        ("001.Albatross", "001.albatross"),
        ("雀", "class"),
    ],
)
def test_folders_of_classes(name, folder):
    assert folder_name(name) == folder


@many
@given(name=st.text())
def test_a_folder_is_one_plain_name(name):
    found = folder_name(name)
    assert re.fullmatch(r"[a-z0-9_]|[a-z0-9_][a-z0-9._-]*[a-z0-9_]", found)
    assert folder_name(found) == found


NETWORK = {
    **{"classifier": "mobilenet_v2", "sha256": "0" * 64, "arithmetic": "float32", "precision": "float32"},
    "depths": {"2": "a", "3": "b", "4": "c"},
}
CHANGED = {
    "order": (MADE[::-1], NETWORK, [2, 3], "bicubic"),
    "photo": ([replace(MADE[0], sha256="1"), *MADE[1:]], NETWORK, [2, 3], "bicubic"),
    "weights": (MADE, NETWORK | {"sha256": "1" * 64}, [2, 3], "bicubic"),
    "layer": (MADE, NETWORK | {"depths": {"2": "a", "3": "c"}}, [2, 3], "bicubic"),
    "precision": (MADE, NETWORK | {"precision": "float16"}, [2, 3], "bicubic"),
    "arithmetic": (MADE, NETWORK | {"arithmetic": "bfloat16"}, [2, 3], "bicubic"),
    "interpolation": (MADE, NETWORK, [2, 3], "bilinear"),
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_the_fingerprint_is_of_what_the_clusters_are_made_from(changed):
    before = clusters_fingerprint(MADE, NETWORK, [2, 3], "bicubic")
    assert re.fullmatch("[0-9a-f]{12}", before)
    assert before != clusters_fingerprint(*changed)
    other = NETWORK | {"depths": NETWORK["depths"] | {"4": "not used"}}
    assert before == clusters_fingerprint([replace(each, image=Path("x")) for each in MADE], other, [3, 2], "bicubic")
