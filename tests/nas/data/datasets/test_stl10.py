"""Against torchvision's own reader of the binary format."""

import numpy as np
import pytest
from torchvision.datasets import STL10

from nas.data.records import TRAIN, is_prepared, read_records

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
