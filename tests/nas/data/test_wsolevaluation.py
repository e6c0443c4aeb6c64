import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.wsolevaluation import folder_of, read_items

random = settings(max_examples=40, deadline=None, derandomize=True)
FORM = "<photo>,<x0>,<y0>"


@st.composite
def splits(draw):
    """Photos with a class and one line of truth or more each, and these lines in any order."""
    photos = draw(st.lists(st.from_regex(r"[a-z]{1,3}/[a-z0-9]{1,4}\.jpg", fullmatch=True), max_size=5, unique=True))
    labels = {photo: str(draw(st.integers(0, 9))) for photo in photos}
    truth = [(photo, *draw(st.tuples(*[st.integers(0, 9).map(str)] * 2))) for photo in photos for _ in "ab"]
    truth = [*truth[::2], *draw(st.permutations(truth[1::2]))]
    return photos, labels, draw(st.permutations(truth))


def write(folder, photos, labels, truth):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image_ids.txt").write_text("".join(f"{photo}\n" for photo in photos))
    (folder / "class_labels.txt").write_text("".join(f"{photo},{label}\n" for photo, label in labels.items()))
    (folder / "localization.txt").write_text("".join(",".join(row) + "\n" for row in truth))


@random
@given(splits(), st.data())
def test_photos_come_in_their_order_each_with_its_class_and_all_its_truth(tmp_path_factory, made, data):
    folder = tmp_path_factory.getbasetemp() / "split"
    photos, labels, truth = made
    write(folder, photos, dict(data.draw(st.permutations(list(labels.items())))), truth)
    items = read_items(folder, FORM)
    assert [item.path for item in items] == photos
    assert [item.where for item in items] == [f"{folder / 'image_ids.txt'}, line {n + 1}" for n in range(len(photos))]
    for item in items:
        assert item.label.fields == (item.path, labels[item.path])
        assert [row.fields for row in item.truth] == [row for row in truth if row[0] == item.path]
        assert [truth[row.line - 1] for row in item.truth] == [row.fields for row in item.truth]


def test_a_split_without_truth_needs_no_file_of_it(tmp_path):
    write(tmp_path, ["a.jpg", "b.jpg"], {"b.jpg": "3", "a.jpg": "1"}, [])
    (tmp_path / "localization.txt").unlink()
    found = read_items(tmp_path, None)
    assert [(item.path, item.label.fields[1], item.truth) for item in found] == [("a.jpg", "1", []), ("b.jpg", "3", [])]


@pytest.mark.parametrize(
    ("photos", "labels", "truth", "message"),
    [
        ("ab", "a", "ab", r"image_ids\.txt, line 2: b has no line in class_labels\.txt; add it, or take the photo out"),
        ("ba", "ab", "b", r"image_ids\.txt, line 2: a has no line in localization\.txt; add it, or take the photo out"),
    ],
)
def test_a_photo_without_class_or_truth_is_named(tmp_path, photos, labels, truth, message):
    write(tmp_path, photos, dict.fromkeys(labels, "0"), [(photo, "1", "2") for photo in truth])
    with pytest.raises(ValueError, match=message):
        read_items(tmp_path, FORM)


def test_lines_that_are_not_as_they_must_be_are_named(tmp_path):
    write(tmp_path, ["a"], {"a": "0"}, [("a", "1")])
    with pytest.raises(ValueError, match=r"localization\.txt, line 1: is 'a,1', must be <photo>,<x0>,<y0>"):
        read_items(tmp_path, FORM)


def test_the_innermost_folder_of_a_split_is_taken(tmp_path):
    assert folder_of(tmp_path, "test") is None
    for place in (tmp_path, tmp_path / "test", tmp_path / "metadata" / "test"):
        write(place, [], {}, [])
        assert folder_of(tmp_path, "test") == place
    assert folder_of(tmp_path, "val") == tmp_path
