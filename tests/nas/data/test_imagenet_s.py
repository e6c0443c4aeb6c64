"""Masks of ImageNet-S, made up here in its format."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data.imagenet_s import MERGED, WITHOUT, categories, find_masks, read_mask, synsets
from nas.data.native import Place

TENCH, SUNGLASS, SUNGLASSES = "n01440764", "n04355933", "n04356056"
NAME = "ILSVRC2012_val_00000293"


def write(root, numbers, synset=TENCH, name=NAME, version="ImageNetS919"):
    """A mask with the number of a class at each pixel."""
    path = root / version / "validation-segmentation" / synset / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = np.asarray(numbers)
    Image.fromarray(np.dstack([numbers % 256, numbers // 256, np.zeros_like(numbers)]).astype(np.uint8)).save(path)
    return path


def halves(left, right, size=(6, 8)):
    numbers = np.full(size, left)
    numbers[:, size[1] // 2 :] = right
    return numbers


def read(path, synset, size=(6, 8)):
    left_out = Counter()
    return read_mask(path, synsets()[synset], size, "here", left_out), dict(left_out)


def test_categories_are_numbered_as_its_authors_say():
    # places in the sorted list that they publish
    assert len(set(categories().values())) == 919 and len(categories()) == 919 + 5
    assert [categories()[name] for name in (TENCH, "n01443537", "n15075141")] == [1, 2, 919]
    assert set(MERGED) <= WITHOUT and not set(MERGED.values()) & WITHOUT
    assert categories()[SUNGLASSES] == categories()[SUNGLASS] and len(WITHOUT) == 81


def test_the_mask_of_a_photo_is_the_pixels_of_its_class(tmp_path):
    number = categories()[SUNGLASS]
    assert number > 255  # red alone would not do
    labels, left_out = read(write(tmp_path, halves(number, number - 256)), SUNGLASS)
    np.testing.assert_array_equal(labels, halves(1, 0))
    labels, _ = read(write(tmp_path, halves(1000, number)), SUNGLASSES)  # merged into the other
    np.testing.assert_array_equal(labels, halves(255, 1))
    assert left_out == {}


def test_a_mask_is_made_smaller_with_its_photo(tmp_path):
    labels, _ = read(write(tmp_path, halves(1, 0, (60, 80))), TENCH)
    np.testing.assert_array_equal(labels, halves(1, 0))


@pytest.mark.parametrize("synset", ["n01443537", "n04599235"])  # another category, and none
def test_a_mask_that_does_not_show_the_class_of_its_photo_is_left_out_and_counted(tmp_path, synset):
    found = read(write(tmp_path, halves(1, 1000)), synset)
    assert found == (None, {"masks of ImageNet-S that do not show the class of their photo": 1})


@pytest.mark.parametrize("beside", [False, True])
def test_masks_are_found_in_the_folder_and_next_to_it(tmp_path, beside, monkeypatch):
    path = write(tmp_path if beside else tmp_path / "imagenet", halves(1, 0))
    (tmp_path / "imagenet").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "imagenet")
    for root in (tmp_path / "imagenet", Path(".")):
        assert find_masks(Place(root, tmp_path / "raw")) == {NAME: path}
    fetched = Place(tmp_path / "imagenet", tmp_path / "raw", borrowed=False)  # what is next to it is not of it
    assert find_masks(fetched) == ({} if beside else {NAME: path})


def test_without_masks_there_are_none(tmp_path):
    assert find_masks(Place(tmp_path, tmp_path / "raw")) == {}


def test_masks_of_a_few_categories_are_taken(tmp_path):
    for number in range(50):  # as many as a smaller version has
        synset = sorted(categories())[number]
        write(tmp_path, halves(categories()[synset], 0), synset, f"ILSVRC2012_val_{number:08}")
    assert len(find_masks(Place(tmp_path, tmp_path / "raw"))) == 50


def of_a_smaller_version(root):
    for number in range(10):
        write(root, halves(number + 1, 0), sorted(categories())[90 * number + 7], f"ILSVRC2012_val_{number:08}")


def twice(root):
    write(root, halves(1, 0))
    write(root, halves(2, 0), "n01443537")


WRONG = {
    "50 categories": (
        lambda root: write(root, [[1]], version="ImageNetS50"),
        "ImageNetS50: holds masks with other num",
    ),
    "300 categories": (lambda root: write(root, [[1]], version="ImageNetS300"), "unpack ImageNetS919 beside it"),
    "a smaller one under its name": (of_a_smaller_version, "of 10 masks 0 show the category of their folder"),
    "no category": (
        lambda root: write(root, [[1]], "tench"),
        "validation-segmentation/tench: is no synset of ImageNet",
    ),
    "one photo twice": (twice, "n01443537/ILSVRC2012_val_00000293.png: is a second mask of its photo, beside"),
    "empty": (lambda root: (root / "ImageNetS919").mkdir(), "holds no validation-segmentation/SYNSET/"),
}


@pytest.mark.parametrize(("make", "words"), WRONG.values(), ids=WRONG)
def test_a_folder_that_is_none_of_this_version_is_refused(tmp_path, make, words):
    make(tmp_path)
    with pytest.raises(ValueError) as caught:
        find_masks(Place(tmp_path, tmp_path / "raw"))
    assert words in str(caught.value) and "\n" not in str(caught.value)


BROKEN = {
    "a number of no class": (halves(920, 0), None, "has the number 920, allowed are 0 to 919 and 1000"),
    "other proportions": (halves(1, 0, (8, 8)), None, "the mask is 8 x 8 pixels, the photo 8 x 6"),
    "blue": (None, Image.new("RGB", (8, 6), (1, 0, 9)), "has blue up to 9, must have none"),
    "grey": (None, Image.new("L", (8, 6)), "has mode L, must have RGB"),
    "damaged": (None, b"PNG", "is no picture"),
}


@pytest.mark.parametrize(("numbers", "content", "words"), BROKEN.values(), ids=BROKEN)
def test_a_mask_that_cannot_be_read_is_named(tmp_path, numbers, content, words):
    path = write(tmp_path, halves(1, 0) if numbers is None else numbers)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        content.save(path)
    with pytest.raises(ValueError) as caught:
        read(path, TENCH)
    assert words in str(caught.value) and str(caught.value).startswith("here: ") and str(path) in str(caught.value)
