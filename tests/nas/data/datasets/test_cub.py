"""A tiny folder in the layout of the official archive."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from nas.data.rules import Agreement, Rules
from nas.data.taken import read_taken

TABLES = {
    "classes.txt": "1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n3 003.Sooty_Albatross\n",
    "images.txt": "1 001.Black_footed_Albatross/Black_0046_18.jpg\n2 002.Laysan_Albatross/Laysan_0001_545.jpg\n"
    "4 002.Laysan_Albatross/Laysan_0003_10.jpg\n",
    "image_class_labels.txt": "1 1\n2 2\n4 2\n",
    "bounding_boxes.txt": "1 3.0 4.0 20.0 10.0\n2 0.0 1.0 39.5 40.0\n4 10.7 5.2 12.9 7.9\n",
    "train_test_split.txt": "1 0\n2 1\n4 0\n",
    "parts/parts.txt": "1 back\n2 beak\n7 left eye\n",
    "parts/part_locs.txt": "1 1 5.0 6.5 1\n1 2 0.0 0.0 0\n1 7 9.0 2.0 1\n2 2 8.0 8.0 1\n4 1 0.0 0.0 0\n",
}
FIRST, SECOND, THIRD = "Black_0046_18", "Laysan_0001_545", "Laysan_0003_10"


@pytest.fixture
def root(tmp_path, photo):
    folder = tmp_path / "native" / "CUB_200_2011"
    for name, content in TABLES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    for number, line in enumerate(TABLES["images.txt"].splitlines()):
        photo(folder / "images" / line.split()[1], seed=number)
    return folder


@pytest.fixture
def masks(root):
    """Levels of agreement, beside the folder as the second archive has them."""
    levels = {}
    for number, line in enumerate(TABLES["images.txt"].splitlines()):
        path = root.parent / "segmentations" / line.split()[1].replace(".jpg", ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        levels[path.stem] = np.random.default_rng(number).choice([0, 51, 102, 127, 128, 153, 204, 255], (30, 40))
        Image.fromarray(levels[path.stem].astype(np.uint8)).save(path)
    return levels


def test_classes_splits_boxes_and_parts_are_those_of_the_tables(root, prepared):
    records = prepared("cub", root, split="all")
    assert list(records) == [FIRST, SECOND, THIRD]
    assert [(r.class_index, r.class_name, r.split) for r in records.values()] == [
        (0, "001.Black_footed_Albatross", "test"),
        (1, "002.Laysan_Albatross", "train"),
        (1, "002.Laysan_Albatross", "test"),
    ]
    # x, y, x + width, y + height, cut to whole pixels and to the 40 x 30 photo
    assert [r.boxes for r in records.values()] == [((3, 4, 23, 14),), ((0, 1, 39, 30),), ((10, 5, 23, 13),)]
    assert records[FIRST].parts == {"back": (5.0, 6.5), "left eye": (9.0, 2.0)}
    assert records[SECOND].parts == {"beak": (8.0, 8.0)} and records[THIRD].parts is None
    for record in records.values():
        assert record.image.is_relative_to(root) and record.mask is None
        assert record.sha256 == hashlib.sha256(record.image.read_bytes()).hexdigest()
        assert (record.label_source, record.super_class, record.imagenet_index) == ("CUB-200-2011", "bird", None)


@pytest.mark.parametrize(
    ("split", "ids"), [(None, [FIRST, THIRD]), ("test", [FIRST, THIRD]), ("train", [SECOND])], ids=str
)
def test_the_official_split_is_chosen_by_name(root, prepared, split, ids):
    assert list(prepared("cub", root.parent, split=split)) == ids


def read(levels, low, high):
    """A label map: background up to the level `low`, object from `high` on, ignored between."""
    return np.where(levels <= low, 0, np.where(levels >= high, 1, 255)).astype(np.uint8)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("agreement", "low", "high"),
    [((0.25, 0.75), 64, 191), ((0.2, 0.8), 51, 204), ((0.5, 0.5), 128, 129), ((0.5, 0.6), 128, 153)],
    ids=str,
)
def test_object_and_background_are_what_enough_of_the_annotators_agree_on(
    root, masks, prepared, inside, agreement, low, high
):
    if inside:
        (root.parent / "segmentations").rename(root / "segmentations")
    records = prepared("cub", root, split="all", rules=Rules(agreement=Agreement(*agreement)))
    for name, levels in masks.items():
        np.testing.assert_array_equal(records[name].truth(), read(levels, low, high))
        assert records[name].mask_sha256 == hashlib.sha256(records[name].mask.read_bytes()).hexdigest()


@pytest.mark.parametrize("agreement", [(0.5, 0.5), (0.25, 0.75), (0.5, 0.75), (0.999, 0.999)], ids=str)
@pytest.mark.parametrize("most", [1, 2, 126, 127, 128, 129, 254, 255])
def test_what_the_most_annotators_drew_is_object(root, masks, prepared, agreement, most):
    levels = np.zeros((30, 40), np.uint8)
    levels[3:9, 4:20] = most
    for path in root.parent.glob("segmentations/*/*.png"):
        Image.fromarray(levels).save(path)
    for record in prepared("cub", root, split="all", rules=Rules(agreement=Agreement(*agreement))).values():
        np.testing.assert_array_equal(record.truth(), levels > 0)
        assert record.has_boundaries == (agreement[0] == agreement[1])


def test_a_mask_without_an_object_is_counted(root, masks, prepared, tmp_path):
    for path in root.parent.glob("segmentations/*/*.png"):
        Image.new("L", (40, 30)).save(path)
    prepared("cub", root, split="all")
    assert read_taken(tmp_path / "raw" / "cub").left_out == {"masks without an object": 3}


def test_one_of_four_or_five_annotators_is_not_enough_to_dispute_a_pixel(root, masks, prepared):
    # shares of n annotators as a file has them, cut or rounded to whole levels
    for n, shares in ((4, [0, 63, 127, 191, 255]), (4, [0, 64, 128, 191, 255]), (5, [0, 51, 102, 153, 204, 255])):
        levels = np.random.default_rng(n).choice(shares, (30, 40)).astype(np.uint8)
        for path in root.parent.glob("segmentations/*/*.png"):
            Image.fromarray(levels).save(path)
        drew = np.round(levels / 255 * n)
        for record in prepared("cub", root, split="all").values():
            np.testing.assert_array_equal(record.truth(), read(drew, 1, n - 1))


@pytest.mark.parametrize(
    ("image", "low", "high"),
    [
        (lambda levels: Image.fromarray(levels), 64, 191),
        (lambda levels: Image.fromarray(np.dstack([levels] * 3)), 64, 191),
        (lambda levels: Image.fromarray(np.dstack([levels, np.full_like(levels, 255)]), "LA"), 64, 191),
        (lambda levels: shaded(levels // 51, [51 * share for share in range(6)]), 64, 191),
        (lambda levels: shaded(5 - levels // 51, [51 * share for share in range(5, -1, -1)]), 64, 191),
        # of no pixel do more than two of the five say so: shares are of these
        (lambda levels: Image.fromarray(levels // 255 * 102 + (levels == 204) * np.uint8(51)), 26, 76),
    ],
    ids=["grey", "colours that are grey", "grey with alpha", "palette", "palette upside down", "no agreement"],
)
def test_the_soft_masks_of_the_archive_are_read_by_their_greys(root, masks, prepared, image, low, high):
    levels = np.random.default_rng(0).choice([0, 51, 102, 153, 204, 255], (30, 40)).astype(np.uint8)
    for path in root.parent.glob("segmentations/*/*.png"):
        image(levels).save(path)
    shown = np.asarray(image(levels).convert("L"))
    for record in prepared("cub", root, split="all").values():
        np.testing.assert_array_equal(record.truth(), read(shown, low, high))
        assert set(np.unique(record.truth())) == {0, 1, 255}


def shaded(numbers, greys):
    """A palette picture of greys."""
    picture = Image.frombytes("P", numbers.shape[::-1], numbers.astype(np.uint8).tobytes())
    picture.putpalette([grey for grey in greys for _ in range(3)])
    return picture


def test_only_chosen_photos_need_their_files(root, prepared):
    (root / "images" / TABLES["images.txt"].splitlines()[1].split()[1]).unlink()  # of the train split
    assert len(prepared("cub", root)) == 2


def replace_line(table, old, new):
    def damage(root):
        content = (root / table).read_text()
        assert old in content
        (root / table).write_text(content.replace(old, new))

    return damage


def without(name):
    return lambda root: (root / name).unlink()


def mask_of_another_size(root):
    path = root / "segmentations" / "001.Black_footed_Albatross" / f"{FIRST}.png"
    path.parent.mkdir(parents=True)
    Image.new("L", (30, 40)).save(path)


def coloured_mask(root):
    mask_of_another_size(root)
    path = root / "segmentations" / "001.Black_footed_Albatross" / f"{FIRST}.png"
    Image.new("RGB", (40, 30), "red").save(path)


BROKEN = {
    "no folder": (lambda r: (r / "images.txt").rename(r / "x"), ["holds no images.txt", "CUB_200_2011"]),
    "no classes": (without("classes.txt"), ["classes.txt: is missing", "<class> <name>", "unpack"]),
    "no labels": (without("image_class_labels.txt"), ["image_class_labels.txt: is missing"]),
    "no boxes": (without("bounding_boxes.txt"), ["bounding_boxes.txt: is missing"]),
    "no split": (without("train_test_split.txt"), ["train_test_split.txt: is missing"]),
    "no part names": (without("parts/parts.txt"), ["parts.txt: is missing"]),
    "no photo": (without(f"images/001.Black_footed_Albatross/{FIRST}.jpg"), ["images.txt, line 1", "is missing"]),
    "no picture": (
        lambda r: (r / "images" / "001.Black_footed_Albatross" / f"{FIRST}.jpg").write_text("x"),
        ["images.txt, line 1", "is no picture"],
    ),
    "short line": (
        replace_line("bounding_boxes.txt", "4 10.7 5.2 12.9 7.9", "4 10.7 5.2"),
        ["bounding_boxes.txt, line 3", "'4 10.7 5.2'", "<photo> <x> <y> <width> <height>"],
    ),
    "no number": (replace_line("bounding_boxes.txt", "3.0 4.0", "3.0 four"), ["line 1", "four", "must be numbers"]),
    "not finite": (replace_line("bounding_boxes.txt", "3.0 4.0", "nan 4.0"), ["line 1", "must be numbers"]),
    "outside": (replace_line("bounding_boxes.txt", "3.0 4.0", "50.0 4.0"), ["line 1", "50, 4", "40 x 30"]),
    "class 0": (replace_line("image_class_labels.txt", "1 1", "1 0"), ["labels.txt, line 1", "'0'", "1 to 3"]),
    "class 4": (replace_line("image_class_labels.txt", "4 2", "4 4"), ["labels.txt, line 3", "'4'", "1 to 3"]),
    "no class": (replace_line("image_class_labels.txt", "4 2\n", ""), ["images.txt, line 3", "4 has no class"]),
    "no box": (replace_line("bounding_boxes.txt", "1 3.0 4.0 20.0 10.0\n", ""), ["line 1", "1 has no box"]),
    "no split of a photo": (replace_line("train_test_split.txt", "1 0\n", ""), ["1 has no split"]),
    "split 2": (replace_line("train_test_split.txt", "1 0", "1 2"), ["split.txt, line 1", "'2'", "1 (train)"]),
    "classes in disorder": (replace_line("classes.txt", "2 002", "5 002"), ["classes.txt, line 2", "'5'", "must be 2"]),
    "unknown part": (replace_line("parts/part_locs.txt", "1 7 9.0", "1 8 9.0"), ["locs.txt, line 3", "'8'"]),
    "binary": (lambda r: (r / "images.txt").write_bytes(b"1 \xff\xfe"), ["images.txt: is no text", "unpack"]),
    "mask of another size": (mask_of_another_size, ["images.txt, line 1", "30 x 40", "40 x 30"]),
    "coloured mask": (coloured_mask, ["images.txt, line 1", "mode RGB", "8-bit grey"]),
    "no mask": (lambda r: (r / "segmentations").mkdir(), ["images.txt, line 1", f"{FIRST}.png is missing"]),
    "the same name": (
        replace_line("images.txt", f"4 002.Laysan_Albatross/{THIRD}", f"4 002.Laysan_Albatross/{FIRST}"),
        [f"both are {FIRST!r}", "call one"],
    ),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(root, refused, damage, words):
    damage(root)
    refused("cub", root, *words)
