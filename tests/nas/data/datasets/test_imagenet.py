"""Photos flat or in folders of synsets, with the official XML or the text files of wsolevaluation."""

import numpy as np
import pytest
from PIL import Image
from torchvision.models import MobileNet_V2_Weights

CATEGORIES = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
SYNSETS = {"n01440764": 0, "n01614925": 22, "n02123045": 281, "n15075141": 999}  # tench, eagle, tabby, toilet tissue
NAMES = [f"ILSVRC2012_val_0000000{n}" for n in (1, 2, 3)]
XML = """<annotation><folder>val</folder><filename>{name}</filename>
<source><database>ILSVRC_2012</database></source><size><width>40</width><height>30</height><depth>3</depth></size>
<segmented>0</segmented>{objects}</annotation>"""
OBJECT = """<object><name>{0}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
<bndbox><xmin>{1}</xmin><ymin>{2}</ymin><xmax>{3}</xmax><ymax>{4}</ymax></bndbox></object>"""
OBJECTS = {
    NAMES[0]: [("n15075141", 3, 4, 39, 29)],
    NAMES[1]: [("n01440764", 0, 0, 10, 12), ("n01440764", 5, 6, 41, 30)],
    NAMES[2]: [("n02123045", 1, 2, 30, 20)],
}
BOXES = {NAMES[0]: ((3, 4, 39, 29),), NAMES[1]: ((0, 0, 10, 12), (5, 6, 40, 30)), NAMES[2]: ((1, 2, 30, 20),)}


def write_xml(folder, name, objects):
    folder.mkdir(parents=True, exist_ok=True)
    text = XML.format(name=name, objects="".join(OBJECT.format(*each) for each in objects))
    (folder / f"{name}.xml").write_text(text)


@pytest.fixture
def flat(tmp_path, photo):
    root = tmp_path / "native"
    for number, name in enumerate(NAMES):
        photo(root / "val" / f"{name}.JPEG", seed=number)
    return root


@pytest.fixture
def annotated(flat):
    for name, objects in OBJECTS.items():
        write_xml(flat / "Annotations" / "CLS-LOC" / "val", name, objects)
    return flat


@pytest.fixture
def tabled(flat):
    """metadata/ILSVRC/test of wsolevaluation, beside val/."""
    paths = {name: f"val/{name}.JPEG" for name in NAMES}
    lines = {
        "image_ids.txt": list(paths.values()),
        "class_labels.txt": [f"{paths[name]},{SYNSETS[OBJECTS[name][0][0]]}" for name in NAMES],
        "localization.txt": [f"{paths[n]},{','.join(map(str, each[1:]))}" for n in NAMES for each in OBJECTS[n]],
        "image_sizes.txt": [f"{path},40,30" for path in paths.values()],
    }
    (flat / "metadata" / "test").mkdir(parents=True)
    for name, content in lines.items():
        (flat / "metadata" / "test" / name).write_text("\n".join(content) + "\n")
    return flat


def check(records, boxes=BOXES):
    assert list(records) == NAMES
    for name, record in records.items():
        index = SYNSETS[OBJECTS[name][0][0]]
        assert record.class_index == record.imagenet_index == index
        assert record.class_name == CATEGORIES[index]
        assert record.boxes == boxes.get(name, ())
        assert (record.label_source, record.split, record.mask) == ("ImageNet", "val", None)


def test_class_and_boxes_of_the_xml(annotated, prepared):
    check(prepared("imagenet", annotated))


def test_class_and_boxes_of_the_text_files(tabled, prepared):
    check(prepared("imagenet", tabled))


@pytest.mark.parametrize("place", ["test", "."])
def test_text_files_elsewhere(tabled, prepared, place):
    for path in (tabled / "metadata" / "test").iterdir():
        (tabled / place).mkdir(exist_ok=True)
        path.rename(tabled / place / path.name)
    check(prepared("imagenet", tabled))


@pytest.mark.parametrize("annotation", ["none", "official", "beside"])
def test_folders_of_synsets(annotated, prepared, annotation):
    for name in NAMES:
        target = annotated / "val" / OBJECTS[name][0][0] / f"{name}.JPEG"
        target.parent.mkdir()
        (annotated / "val" / f"{name}.JPEG").rename(target)
        xml = annotated / "Annotations" / "CLS-LOC" / "val" / f"{name}.xml"
        if annotation == "beside":
            xml.rename(target.with_suffix(".xml"))
        elif annotation == "none":
            xml.unlink()
    check(prepared("imagenet", annotated), {} if annotation == "none" else BOXES)


@pytest.mark.parametrize("place", ["Data/CLS-LOC/val", "."])
def test_photos_elsewhere(annotated, prepared, place):
    for path in list((annotated / "val").iterdir()):
        (annotated / place).mkdir(parents=True, exist_ok=True)
        path.rename(annotated / place / path.name)
    check(prepared("imagenet", annotated))


def test_boxes_beside_the_photos(annotated, prepared):
    for path in list((annotated / "Annotations" / "CLS-LOC" / "val").iterdir()):
        path.rename(annotated / "val" / path.name)
    check(prepared("imagenet", annotated))


def test_a_photo_that_exif_would_turn_keeps_the_pixels_that_boxes_are_of(annotated, photo, prepared):
    path = photo(annotated / "val" / f"{NAMES[1]}.JPEG", seed=1, orientation=6)
    record = prepared("imagenet", annotated)[NAMES[1]]
    with Image.open(path) as image:
        np.testing.assert_array_equal(record.photo(), np.asarray(image))
    assert record.photo().shape == (30, 40, 3) and record.boxes == BOXES[NAMES[1]]


def table(name, old, new):
    def damage(root):
        path = root / "metadata" / "test" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return damage


FIRST = f"val/{NAMES[0]}.JPEG"
BROKEN_TABLES = {
    "no labels": (lambda r: (r / "metadata/test/class_labels.txt").unlink(), ["class_labels.txt: is missing"]),
    "no boxes": (lambda r: (r / "metadata/test/localization.txt").unlink(), ["localization.txt: is missing", "<x0>"]),
    "no class": (table("class_labels.txt", f"{FIRST},999\n", ""), ["image_ids.txt, line 1", "no line in class_labels"]),
    "no box": (table("localization.txt", f"{FIRST},3,4,39,29\n", ""), ["image_ids.txt, line 1", "in localization.txt"]),
    "class 1000": (table("class_labels.txt", ",999", ",1000"), ["class_labels.txt, line 1", "'1000'", "0 to 999"]),
    "negative class": (table("class_labels.txt", ",999", ",-1"), ["class_labels.txt, line 1", "'-1'"]),
    "three corners": (table("localization.txt", ",3,4,39,29", ",3,4,39"), ["localization.txt, line 1", "<x1>,<y1>"]),
    "inside out": (table("localization.txt", ",3,4,39,29", ",9,4,3,29"), ["localization.txt, line 1", "9, 4, 3, 29"]),
    "words": (table("localization.txt", ",3,4,39,29", ",3,4,a,29"), ["localization.txt, line 1", "must be numbers"]),
    "no photo": (lambda r: (r / FIRST).unlink(), ["image_ids.txt, line 1", "is missing"]),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN_TABLES.values(), ids=BROKEN_TABLES)
def test_broken_tables_are_named(tabled, refused, damage, words):
    damage(tabled)
    refused("imagenet", tabled, *words)


def annotate(objects):
    return lambda root: write_xml(root / "Annotations" / "CLS-LOC" / "val", NAMES[0], objects)


def in_another_folder(root):
    (root / "val" / "n01614925").mkdir()
    (root / FIRST).rename(root / "val" / "n01614925" / f"{NAMES[0]}.JPEG")


BROKEN_XML = {
    "no photos": (lambda r: (r / "val").rename(r / "x"), ["no photo ILSVRC2012_val_*.JPEG", "holds val/"]),
    "no annotation": (
        lambda r: (r / f"Annotations/CLS-LOC/val/{NAMES[0]}.xml").unlink(),
        [f"{NAMES[0]}.JPEG has the classes none", "1000 synsets"],
    ),
    "no object": (annotate([]), [f"{NAMES[0]}.xml", "the classes none"]),
    "unknown class": (annotate([("n00000001", 1, 1, 2, 2)]), [f"{NAMES[0]}.xml", "n00000001"]),
    "two classes": (annotate([("n01440764", 1, 1, 2, 2), ("n15075141", 1, 1, 2, 2)]), ["n01440764, n15075141"]),
    "another folder": (in_another_folder, [f"{NAMES[0]}.xml", "n01614925, n15075141"]),
    "outside": (annotate([("n15075141", 41, 1, 45, 2)]), [f"{NAMES[0]}.xml", "41, 1, 45, 2", "40 x 30"]),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN_XML.values(), ids=BROKEN_XML)
def test_broken_annotations_are_named(annotated, refused, damage, words):
    damage(annotated)
    refused("imagenet", annotated, *words)
