"""Against torchvision's own reader of the binary format; squares are those of `test_squares`."""

import json

import numpy as np
import pytest
from torchvision.datasets import STL10

from nas.data.records import TRAIN, is_prepared, read_records
from nas.data.rules import Rules
from nas.data.taken import read_taken

NAMES = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "native" / "stl10_binary"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    (folder / "class_names.txt").write_text("\n".join(NAMES))
    for split, labels in (("train", [1, 10, 2]), ("test", [7, 7, 3, 10, 1])):
        generator.integers(0, 256, (len(labels), 3, 96, 96), np.uint8).tofile(folder / f"{split}_X.bin")
        np.array(labels, np.uint8).tofile(folder / f"{split}_y.bin")
    return folder


@pytest.mark.parametrize("split", ["train", "test"])
def test_photos_and_classes_are_torchvision_s(root, prepared, split, monkeypatch):
    monkeypatch.setattr(STL10, "_check_integrity", lambda self: True)
    expected = STL10(root.parent, split=split)
    records = list(prepared("stl10", root, split=split).values())
    assert len(records) == len(expected)
    for record, (image, label) in zip(records, expected, strict=True):
        np.testing.assert_array_equal(record.photo(), np.asarray(image))
        assert (record.class_index, record.class_name) == (label, NAMES[label])
        assert (record.split, record.label_source, record.boxes, record.mask) == (split, "STL-10", (), None)
        assert record.imagenet_index is None


def test_the_test_split_is_the_default_and_all_is_both(root, prepared):
    assert list(prepared("stl10", root)) == [f"test-000{n}" for n in range(5)]
    both = prepared("stl10", root.parent, split="all")  # the folder that holds stl10_binary
    assert list(both) == [f"train-000{n}" for n in range(3)] + [f"test-000{n}" for n in range(5)]


def test_only_the_photos_of_a_subset_are_written(root, prepared, tmp_path):
    kept = prepared("stl10", root, limit=2)
    written = {path.stem for path in (tmp_path / "raw" / "stl10" / "photos").glob("*.png")}
    assert written == set(kept) and len(kept) == 2
    assert len({record.class_name for record in kept.values()}) == 2


def cut(path, n):
    path.write_bytes(path.read_bytes()[:-n])


BROKEN = {
    "no class names": (lambda r: (r / "class_names.txt").unlink(), ["holds no class_names.txt", "stl10_binary"]),
    "no photos": (lambda r: (r / "test_X.bin").unlink(), ["test_X.bin", "missing or empty", "unpack"]),
    "no labels": (lambda r: (r / "test_y.bin").write_bytes(b""), ["test_y.bin", "missing or empty"]),
    "cut short": (lambda r: cut(r / "test_X.bin", 1), ["test_X.bin", f"has {5 * 27648 - 1} bytes", f"{5 * 27648}"]),
    "a label less": (lambda r: cut(r / "test_y.bin", 1), ["must have", f"{4 * 27648}", "4 labels"]),
    "class 11": (lambda r: (r / "test_y.bin").write_bytes(bytes([1, 2, 11, 1, 1])), ["byte 3", "11", "1 to 10"]),
    "class 0": (lambda r: (r / "test_y.bin").write_bytes(bytes([1, 0, 1, 1, 1])), ["byte 2", "class 0"]),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(root, refused, damage, words):
    damage(root)
    refused("stl10", root, *words)


def test_photos_to_learn_from_lie_apart_and_follow_their_own_limit(root, prepared, tmp_path):
    kept = prepared("stl10", root, train=2)
    target = tmp_path / "raw" / "stl10"
    learnt = read_records(target / TRAIN)
    assert list(kept) == [f"test-000{n}" for n in range(5)] and len(learnt) == 2
    assert {record.split for record in learnt} == {"train"} and all(record.image.is_file() for record in learnt)
    assert all(record.image.is_relative_to(target / TRAIN) for record in learnt)
    assert len(prepared("stl10", root, train=None)) == 5 and len(read_records(target / TRAIN)) == 3
    for settings in ({"train": 0}, {"train": None, "split": "all"}, {"split": "train"}):
        prepared("stl10", root, **settings)
        assert not is_prepared(target / TRAIN)


def test_a_broken_train_split_says_how_to_do_without(root, refused):
    (root / "train_X.bin").unlink()
    refused("stl10", root, "train_X.bin", "or set download.train: 0, to do without a linear head", train=None)


def mark(place, split, **photos):
    """Write the tables of squares of classes: number of a photo to instances."""
    place.mkdir(exist_ok=True)
    for name, marked in photos.items():
        (place / f"stl10_{split}_{name}.json").write_text(json.dumps(marked))


def block(x0, y0, x1, y1):
    return [[x, y] for x in range(x0, x1) for y in range(y0, y1)]


HORSES = {"0": {"horse_0": block(2, 3, 7, 9), "sheep_0": block(12, 0, 16, 2)}, "1": {"horse_0": []}}


@pytest.mark.parametrize("place", [".", "..", "STL10_Segmentation", "../STL10_Segmentation"])
def test_masks_and_boxes_are_those_of_the_squares(root, prepared, place):
    mark(root / place, "test", horse=HORSES)
    found = prepared("stl10", root.parent if place.startswith("..") else root)
    labels = np.zeros((96, 96), int)
    labels[18:54, 12:42], labels[24:48, 18:36], labels[0:12, 72:96] = 255, 1, 255
    np.testing.assert_array_equal(found["test-0000"].truth(), labels)
    assert found["test-0000"].boxes == ((12, 18, 41, 53),) and found["test-0000"].coarse == "squares of 6 x 6 pixels"
    for other in ("test-0001", "test-0002"):  # without a square, and in no table
        assert (found[other].mask, found[other].boxes, found[other].coarse) == (None, (), "")
    whole = prepared("stl10", root.parent, rules=Rules(squares="object"))["test-0000"].truth()
    labels[18:54, 12:42] = 1
    np.testing.assert_array_equal(whole, labels)


def test_what_was_left_out_is_said_of_the_photos_that_are_used(root, prepared, tmp_path):
    mark(root, "test", horse=HORSES, truck={"3": {"truck_0": [[16, 0], *block(0, 0, 4, 4)]}})
    prepared("stl10", root)
    taken = read_taken(tmp_path / "raw" / "stl10")
    left_out = {"instances of another class": 1, "instances without a square": 1, "squares outside the grid": 1}
    assert (taken.n_objects, taken.n_masks, taken.coarse) == (2, 2, "squares of 6 x 6 pixels")
    assert taken.left_out == left_out
    prepared("stl10", root, split="train")
    assert read_taken(tmp_path / "raw" / "stl10").left_out == {}


def test_tables_of_all_places_are_taken_and_none_twice(root, prepared, refused):
    mark(root, "test", horse=HORSES)
    mark(root.parent / "STL10_Segmentation", "test", truck={"3": {"truck_0": block(0, 0, 4, 4)}})
    found = prepared("stl10", root.parent)
    assert [name for name, record in found.items() if record.mask] == ["test-0000", "test-0003"]
    mark(root.parent, "test", horse=HORSES)
    refused("stl10", root.parent, "stl10_test_horse.json: is a second table of its class, beside")


WRONG_TABLES = {
    "another class": ({"car": {"0": {}}}, ["stl10_test_car.json, photo '0'", "class horse by test_y.bin"]),
    "beyond the archive": ({"truck": {"5": {}}}, ["photo '5'", "test_X.bin has the photos 0 to 4"]),
    "no class": ({"zebra": {}}, ["stl10_test_zebra.json: is of no class", "airplane"]),
    "no squares": ({"truck": {"3": {"truck_0": [[1]]}}}, ["photo '3', 'truck_0'", "must be"]),
}


@pytest.mark.parametrize(("tables", "words"), WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_tables_of_other_photos_are_named(root, refused, tables, words):
    mark(root, "test", **tables)
    refused("stl10", root, *words)
