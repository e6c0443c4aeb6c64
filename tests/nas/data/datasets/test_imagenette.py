"""The folders of Imagenette with the text files of wsolevaluation, made up here; the archive is in test_preparing."""

import numpy as np
import pytest
from PIL import Image

NAMES = ["ILSVRC2012_val_00000293", "ILSVRC2012_val_00001114", "ILSVRC2012_val_00003014"]
SYNSETS = {NAMES[0]: ("n01440764", 0), NAMES[1]: ("n02102040", 217), NAMES[2]: ("n01440764", 0)}
SIZES = {NAMES[0]: "80,60", NAMES[1]: "121,90", NAMES[2]: "40,30"}  # the photos are 40 x 30
BOXES = {NAMES[0]: ["10,20,41,50"], NAMES[1]: ["0,0,121,90", "30,30,60,60"], NAMES[2]: ["1,2,3,4"]}
SCALED = {
    NAMES[0]: ((5, 10, 20, 25),),  # halves are rounded to even numbers
    NAMES[1]: ((0, 0, 40, 30), (10, 10, 20, 20)),
    NAMES[2]: ((1, 2, 3, 4),),
}


@pytest.fixture
def root(tmp_path, photo):
    folder = tmp_path / "native"
    for number, (name, (synset, _)) in enumerate(SYNSETS.items()):
        photo(folder / "imagenette2-320" / ("train", "val")[number % 2] / synset / f"{name}.JPEG", seed=number)
    photo(folder / "imagenette2-320" / "train" / "n01440764" / "n01440764_10043.JPEG")  # networks were trained on it
    text = folder / "metadata" / "test"
    text.mkdir(parents=True)
    others = [*NAMES, "ILSVRC2012_val_00000001"]
    tables = {
        "class_labels.txt": [f"{SYNSETS.get(name, ('', 65))[1]}" for name in others],
        "image_sizes.txt": [SIZES.get(name, "9,9") for name in others],
    }
    for table, values in tables.items():
        (text / table).write_text("".join(f"val/{name}.JPEG,{v}\n" for name, v in zip(others, values, strict=True)))
    boxes = [f"val/{name}.JPEG,{box}\n" for name in NAMES for box in BOXES[name]]
    (text / "localization.txt").write_text("".join(boxes))
    return folder


def test_the_validation_photos_of_both_folders_with_boxes_scaled_with_them(root, prepared):
    records = prepared("imagenette", root)
    assert list(records) == NAMES
    for name, record in records.items():
        assert record.class_index == record.imagenet_index == SYNSETS[name][1]
        assert (record.boxes, record.split, record.label_source, record.mask) == (SCALED[name], "val", "ImageNet", None)
        assert record.image.is_relative_to(root)
    assert [records[name].class_name for name in NAMES] == ["tench", "English springer", "tench"]


def test_imagenette_comes_before_a_train_folder_of_something_else(root, prepared):
    (root / "train" / "n01440764").mkdir(parents=True)
    assert list(prepared("imagenette", root)) == NAMES


@pytest.mark.parametrize("place", ["test", "."])
def test_text_files_elsewhere(root, prepared, place):
    (root / place).mkdir(exist_ok=True)
    for path in (root / "metadata" / "test").iterdir():
        path.rename(root / place / path.name)
    assert {name: record.boxes for name, record in prepared("imagenette", root).items()} == SCALED


def test_masks_of_imagenet_s_are_made_smaller_with_their_photo(root, prepared):
    numbers = np.zeros((60, 80, 3), np.uint8)
    numbers[10:30, 20:60, 0] = 1
    folder = root / "ImageNetS919" / "validation-segmentation" / "n01440764"
    folder.mkdir(parents=True)
    Image.fromarray(numbers).save(folder / f"{NAMES[0]}.png")
    records = prepared("imagenette", root)
    np.testing.assert_array_equal(records[NAMES[0]].truth(), numbers[::2, ::2, 0])
    assert records[NAMES[0]].boxes == SCALED[NAMES[0]] and records[NAMES[2]].mask is None


def replaced(table, old, new):
    def damage(root):
        path = root / "metadata" / "test" / table
        content = path.read_text()
        assert old in content
        path.write_text(content.replace(old, new))

    return damage


def moved(root):
    path = root / "imagenette2-320" / "train" / "n01440764" / f"{NAMES[0]}.JPEG"
    (root / "imagenette2-320" / "val" / "n03888257").mkdir(parents=True)
    path.rename(root / "imagenette2-320" / "val" / "n03888257" / path.name)


def elsewhere(root):
    folder = root / "imagenette2-320" / "train"
    (folder / "n01440764").rename(folder / "n01443537")


def emptied(root):
    for path in root.glob("imagenette2-320/*/*/ILSVRC*"):
        path.unlink()


FIRST = f"val/{NAMES[0]}.JPEG"
BROKEN = {
    "no folders": (lambda r: (r / "imagenette2-320").rename(r / "x"), ["holds no train", "give the folder"]),
    "no text files": (lambda r: (r / "metadata").rename(r / "x"), ["holds no image_sizes.txt", "metadata/ILSVRC/test"]),
    "no labels": (lambda r: (r / "metadata/test/class_labels.txt").unlink(), ["class_labels.txt: is missing"]),
    "no boxes": (
        replaced("localization.txt", f"{FIRST},10,20,41,50\n", ""),
        [NAMES[0], "no line in", "localization.txt"],
    ),
    "no size": (replaced("image_sizes.txt", f"{FIRST},80,60\n", ""), [NAMES[0], "no line in", "image_sizes.txt"]),
    "size 0": (replaced("image_sizes.txt", "80,60", "0,60"), ["image_sizes.txt, line 1", "0 x 60"]),
    "other proportions": (
        replaced("image_sizes.txt", "80,60", "60,80"),
        [NAMES[0], "is 40 x 30", "line 1 says 60 x 80"],
    ),
    "class 1000": (replaced("class_labels.txt", f"{FIRST},0", f"{FIRST},1000"), ["line 1", "'1000'", "0 to 999"]),
    "another class": (moved, ["class_labels.txt, line 1", "n03888257 is of another"]),
    "a box outside": (
        replaced("localization.txt", "10,20,41,50", "90,20,95,50"),
        ["localization.txt, line 1: has the box 90, 20, 95, 50", "80 x 60"],
    ),
    "a class twice": (replaced("class_labels.txt", f"{FIRST},0\n", f"{FIRST},0\n{FIRST[4:]},0\n"), ["line 2", "again"]),
    "boxes of two folders": (
        replaced("localization.txt", FIRST, f"{FIRST},1,2,3,4\ntrain/{FIRST[4:]}"),
        ["another folder"],
    ),
    "another synset": (elsewhere, ["n01443537: is no class of Imagenette", "take imagenet"]),
    "no photo": (emptied, ["holds no photo", "ILSVRC2012_val_", "unpack imagenette2-320.tgz"]),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN)
def test_what_does_not_fit_is_named(root, refused, damage, words):
    damage(root)
    refused("imagenette", root, *words)
