"""The folder and the text files of wsolevaluation, against that protocol's own combination of masks."""

import cv2
import numpy as np
import pytest
from PIL import Image

PHOTOS = {"test/0bt_c3/aa01": (40, 30), "test/0bt_c3/bb02": (40, 30), "test/0bt9lr/aa01": (20, 40)}


def protocol(masks, ignore, side):
    """The label map of Choe et al. 2020 at side x side pixels: 1 object, 255 ignore."""

    def load(path):
        levels = np.float32(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
        return cv2.resize(levels, (side, side), interpolation=cv2.INTER_NEAREST) > 0.5

    inside = np.any([load(path) for path in masks], axis=0)
    return inside + 255 * (load(ignore) & ~inside)


def blob(generator, width, height, share):
    """Noise in which nearest pixels are alike, binary."""
    coarse = generator.random((height // 5, width // 5)) < share
    return coarse.repeat(5, axis=0).repeat(5, axis=1)


@pytest.fixture
def root(tmp_path, photo):
    folder = tmp_path / "native"
    generator = np.random.default_rng(0)
    localization = []
    for number, (path, (width, height)) in enumerate(PHOTOS.items()):
        photo(folder / f"{path}.jpg", (width, height), seed=number)
        scale = (1, 2, 1)[number]  # masks are of the original photo, which may have been larger
        for name, share in (("m1", 0.3), ("m2", 0.3), ("ignore", 0.5)):
            pixels = blob(generator, width * scale, height * scale, share)
            mask = Image.fromarray(pixels.astype(np.uint8) * 255)
            mask.convert("1" if number == 0 else "L").save(folder / f"{path}_{name}.png")
        localization += [f"{path}.jpg,{path}_m1.png,{path}_ignore.png", f"{path}.jpg,{path}_m2.png,"]
    (folder / "metadata" / "test").mkdir(parents=True)
    lines = {
        "image_ids.txt": [f"{path}.jpg" for path in PHOTOS],
        "class_labels.txt": [f"{path}.jpg,{n}" for path, n in zip(PHOTOS, (0, 0, 99), strict=True)],
        "localization.txt": localization,
    }
    for name, content in lines.items():
        (folder / "metadata" / "test" / name).write_text("\n".join(content))
    return folder


def test_masks_and_ignored_regions_are_the_protocol_s(root, prepared):
    records = prepared("openimages30k", root)
    assert list(records) == ["0bt_c3-aa01", "0bt_c3-bb02", "0bt9lr-aa01"]
    for path, record in zip(PHOTOS, records.values(), strict=True):
        files = [root / f"{path}_{name}.png" for name in ("m1", "m2")]
        expected = protocol(files, root / f"{path}_ignore.png", 224)
        truth = cv2.resize(record.truth(), (224, 224), interpolation=cv2.INTER_NEAREST)
        assert {1, 2, 255} <= set(np.unique(truth))
        np.testing.assert_array_equal(np.where(truth == 255, 255, truth > 0), expected)


def test_instances_boxes_and_classes(root, prepared):
    records = prepared("openimages30k", root)
    assert [(r.class_index, r.class_name) for r in records.values()] == [(0, "0bt_c3"), (0, "0bt_c3"), (99, "0bt9lr")]
    for path, record in zip(PHOTOS, records.values(), strict=True):
        first, second = (np.asarray(Image.open(root / f"{path}_{name}.png").convert("L")) > 0 for name in ("m1", "m2"))
        truth = record.truth()
        np.testing.assert_array_equal(truth == 2, second)  # later ones lie over earlier ones
        np.testing.assert_array_equal(truth == 1, first & ~second)
        width, height = PHOTOS[path]
        factor = truth.shape[1] / width
        rows, columns = np.nonzero(truth == 2)
        ends = columns.min(), rows.min(), columns.max() + 1 - factor, rows.max() + 1 - factor
        assert record.boxes[1] == tuple(int(end / factor) for end in ends)
        assert record.photo().shape == (height, width, 3) and record.split == "test"


def test_the_train_split_has_classes_alone(root, prepared, photo):
    photo(root / "train" / "0bt_c3" / "cc03.jpg")
    (root / "metadata" / "train").mkdir()
    (root / "metadata" / "train" / "image_ids.txt").write_text("train/0bt_c3/cc03.jpg\n")
    (root / "metadata" / "train" / "class_labels.txt").write_text("train/0bt_c3/cc03.jpg,0\n")
    (record,) = prepared("openimages30k", root, split="train").values()
    assert (record.id, record.mask, record.boxes, record.split) == ("0bt_c3-cc03", None, (), "train")


def table(name, old, new):
    def damage(root):
        path = root / "metadata" / "test" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return damage


A = "test/0bt_c3/aa01"
BROKEN = {
    "no text files": (lambda r: (r / "metadata").rename(r / "x"), ["holds no image_ids.txt in metadata/test, test"]),
    "no truth": (lambda r: (r / "metadata/test/localization.txt").unlink(), ["localization.txt: is missing", "<mask>"]),
    "two fields": (table("localization.txt", f"{A}_m2.png,", f"{A}_m2.png"), ["localization.txt, line 2", "<ignore>"]),
    "no mask file": (lambda r: (r / f"{A}_m2.png").unlink(), ["localization.txt, line 2", "_m2.png is missing"]),
    "no ignore file": (lambda r: (r / f"{A}_ignore.png").unlink(), ["localization.txt, line 1", "_ignore.png"]),
    "no photo": (lambda r: (r / f"{A}.jpg").unlink(), ["image_ids.txt, line 1", "is missing"]),
    "class 100": (table("class_labels.txt", ",99", ",100"), ["class_labels.txt, line 3", "'100'", "0 to 99"]),
    "no class": (table("class_labels.txt", f"{A}.jpg,0\n", ""), ["image_ids.txt, line 1", "class_labels.txt"]),
    "proportions": (
        lambda r: Image.new("L", (30, 40)).save(r / f"{A}_m1.png"),
        ["localization.txt, line 1", "30 x 40", "40 x 30", "proportions"],
    ),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(root, refused, damage, words):
    damage(root)
    refused("openimages30k", root, *words)


@pytest.mark.parametrize("split", ["val", "all"])
def test_a_split_that_is_not_there_is_named(root, refused, split):
    refused(
        "openimages30k",
        root / "test",
        "metadata/val" if split == "val" else "metadata/train",
        split=split,
    )
