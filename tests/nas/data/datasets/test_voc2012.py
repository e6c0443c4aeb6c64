"""A tiny VOCdevkit: XML annotations and palette PNGs, as the official archive has them."""

import numpy as np
import pytest
from PIL import Image

from nas.data.datasets.voc2012 import CLASSES

PALETTE = [value for index in range(256) for value in (index, 255 - index, 7 * index % 256)]
XML = """<annotation>
\t<folder>VOC2012</folder>
\t<filename>{name}.jpg</filename>
\t<size><width>40</width><height>30</height><depth>3</depth></size>
\t<segmented>1</segmented>{objects}
</annotation>
"""
OBJECT = """
\t<object>
\t\t<name>{name}</name>
\t\t<pose>Left</pose><truncated>0</truncated><difficult>0</difficult>
\t\t<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
\t\t<bndbox><xmax>{2}</xmax><xmin>{0}</xmin><ymax>{3}</ymax><ymin>{1}</ymin></bndbox>
\t</object>"""


def write_xml(root, name, objects):
    text = "".join(OBJECT.format(*box, name=cls) for cls, box in objects)
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    (root / "Annotations" / f"{name}.xml").write_text(XML.format(name=name, objects=text))


def write_masks(root, name, objects, classes):
    for folder, values in (("SegmentationObject", objects), ("SegmentationClass", classes)):
        image = Image.fromarray(values.astype(np.uint8), "L")
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(PALETTE)
        (root / folder).mkdir(parents=True, exist_ok=True)
        image.save(root / folder / f"{name}.png")


def regions(*areas):
    """Instances and classes, each of (instance, class, rows, columns)."""
    objects, classes = np.zeros((30, 40), int), np.zeros((30, 40), int)
    for instance, cls, rows, columns in areas:
        objects[rows, columns], classes[rows, columns] = instance, cls
    return objects, classes


@pytest.fixture
def root(tmp_path, photo):
    folder = tmp_path / "native" / "VOCdevkit" / "VOC2012"
    sets = folder / "ImageSets" / "Segmentation"
    sets.mkdir(parents=True)
    (sets / "val.txt").write_text("2007_000033\n2008_000123\n")
    (sets / "train.txt").write_text("2009_000001\n")
    for number, name in enumerate(("2007_000033", "2008_000123", "2009_000001")):
        photo(folder / "JPEGImages" / f"{name}.jpg", seed=number)
    # two aeroplanes with a void outline
    rows = slice(5, 15)
    write_masks(
        folder,
        "2007_000033",
        *regions((255, 255, slice(4, 16), slice(2, 14)), (1, 1, rows, slice(3, 13)), (2, 1, rows, slice(20, 30))),
    )
    write_xml(folder, "2007_000033", [("aeroplane", (4, 6, 13, 15)), ("aeroplane", (21, 6, 40.7, 30))])
    # a horse, larger than each of two persons but not than both, and one pixel of it under a person's number
    write_masks(
        folder,
        "2008_000123",
        *regions(
            (1, 15, slice(0, 9), slice(0, 10)),
            (2, 13, slice(10, 20), slice(0, 10)),
            (3, 15, slice(20, 29), slice(0, 10)),
        ),
    )
    write_xml(
        folder,
        "2008_000123",
        [("person", (1, 1, 10, 9)), ("horse", (1, 11, 10, 20)), ("person", (1, 21, 10, 29))],
    )
    write_masks(folder, "2009_000001", *regions((1, 8, slice(3, 9), slice(3, 9))))
    write_xml(folder, "2009_000001", [("cat", (4, 4, 9, 9))])
    return folder


def test_instances_void_and_boxes_of_a_photo_of_one_class(root, prepared):
    record = prepared("voc2012", root)["2007_000033"]
    assert (record.class_index, record.class_name, record.split) == (0, "aeroplane", "val")
    stored = np.asarray(Image.open(root / "SegmentationObject" / "2007_000033.png"))
    np.testing.assert_array_equal(record.truth(), stored)
    assert set(np.unique(stored)) == {0, 1, 2, 255}
    assert record.boxes == ((3, 5, 12, 14), (20, 5, 39, 29))  # from 0, the numbers of the XML are from 1
    assert record.image == root / "JPEGImages" / "2007_000033.jpg"
    assert not record.has_boundaries and record.coarse == "pixels, with a band of void around objects"


def test_the_class_is_that_of_the_largest_object_and_other_classes_are_ignored(root, prepared):
    record = prepared("voc2012", root)["2008_000123"]
    assert (record.class_name, record.boxes) == ("horse", ((0, 10, 9, 19),))
    stored = np.asarray(Image.open(root / "SegmentationObject" / "2008_000123.png"))
    np.testing.assert_array_equal(record.truth(), np.select([stored == 2, stored > 0], [2, 255], 0))


@pytest.mark.parametrize(
    ("split", "ids"),
    [("val", ["2007_000033", "2008_000123"]), ("train", ["2009_000001"]), ("all", ["2009_000001", "2007_000033"])],
)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_splits_and_roots(root, prepared, split, ids, level):
    at = [root, *root.parents][level]
    assert list(prepared("voc2012", at, split=split))[:2] == ids


def test_the_twenty_classes_are_in_the_order_of_the_masks():
    assert len(CLASSES) == 20 and list(CLASSES) == sorted(CLASSES)
    assert CLASSES[14] == "person"


def only_void(root):
    write_masks(root, "2007_000033", *regions((255, 255, slice(0, 9), slice(0, 9))))


def of_another_size(root):
    for folder in ("SegmentationObject", "SegmentationClass"):
        Image.new("P", (30, 40), 1).save(root / folder / "2007_000033.png")


BROKEN = {
    "no list": (lambda r: (r / "ImageSets/Segmentation/val.txt").unlink(), ["val.txt: is missing"]),
    "no folder": (lambda r: (r / "ImageSets").rename(r / "x"), ["holds no ImageSets/Segmentation", "VOC2012"]),
    "no photo": (lambda r: (r / "JPEGImages/2007_000033.jpg").unlink(), ["val.txt, line 1", "2007_000033.jpg"]),
    "no objects": (lambda r: (r / "SegmentationObject/2007_000033.png").unlink(), ["val.txt, line 1", "missing"]),
    "no classes": (lambda r: (r / "SegmentationClass/2007_000033.png").unlink(), ["val.txt, line 1", "missing"]),
    "no annotation": (lambda r: (r / "Annotations/2007_000033.xml").unlink(), ["2007_000033.xml: is missing"]),
    "no XML": (lambda r: (r / "Annotations/2007_000033.xml").write_text("<a>"), ["000033.xml: is no XML", "line 1"]),
    "no box": (
        lambda r: (r / "Annotations/2007_000033.xml").write_text("<a><object><name>cat</name></object></a>"),
        ["2007_000033.xml, object 1", "xmin, ymin, xmax, ymax"],
    ),
    "other classes": (lambda r: write_xml(r, "2007_000033", [("cat", (1, 1, 3, 3))]), ["no object 'aeroplane'"]),
    "letters": (lambda r: write_xml(r, "2007_000033", [("cat", ("a", 1, 3, 3))]), ["object 1", "must be numbers"]),
    "only void": (only_void, ["val.txt, line 1", "no object of the 20 classes"]),
    "another size": (of_another_size, ["val.txt, line 1", "30 x 40", "40 x 30"]),
    "cut mask": (
        lambda r: (r / "SegmentationObject/2007_000033.png").write_bytes(
            (r / "SegmentationObject/2007_000033.png").read_bytes()[:-30]
        ),
        ["val.txt, line 1", "cannot be decoded"],
    ),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(root, refused, damage, words):
    damage(root)
    refused("voc2012", root, *words)
