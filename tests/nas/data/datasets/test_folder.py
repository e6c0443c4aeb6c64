import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nas.data.masks import composed
from nas.data.preparing import prepare
from nas.data.records import read_records
from nas.data.rules import Rules


@pytest.fixture
def root(tmp_path, photo):
    folder = tmp_path / "photos"
    for number, name in enumerate(("a.jpg", "b.JPEG", "c.png", "d.webp", "e.bmp", "f.tif")):
        photo(folder / name, seed=number)
    (folder / "notes.txt").write_text("no photo")
    return folder


def instances():
    labels = np.zeros((30, 40), np.uint8)
    labels[2:9, 3:12], labels[12:20, 20:31], labels[12:20, 31] = 1, 2, 255
    return labels


def test_photos_without_masks(root, prepared):
    records = prepared("folder", root)
    assert list(records) == list("abcdef")
    for record in records.values():
        assert record.image.parent == root
        assert (record.class_index, record.class_name, record.label_source) == (None, "", "")
        assert (record.mask, record.boxes, record.split) == (None, (), "")
        assert record.photo().shape == (30, 40, 3)


@pytest.mark.parametrize("name", ["b.mask.png", "masks/b.png"])
@pytest.mark.parametrize("kind", ["grey", "palette", "colours that are grey"])
def test_masks_beside_or_in_their_folder(root, prepared, name, kind):
    (root / "masks").mkdir()
    image = Image.fromarray(instances())
    if kind == "palette":
        image = Image.frombytes("P", image.size, image.tobytes())
        colours = [0, 0, 0, 128, 0, 0, 0, 128, 0, *[0] * (3 * 252), 224, 224, 192]  # of PASCAL VOC
        image.putpalette(colours)
    (image.convert("RGB") if kind == "colours that are grey" else image).save(root / name)
    records = prepared("folder", root)
    np.testing.assert_array_equal(records["b"].truth(), instances())
    assert records["b"].boxes == ((3, 2, 11, 8), (20, 12, 30, 19))
    assert [name for name, record in records.items() if record.mask] == ["b"]


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_a_black_and_white_mask_is_of_one_object(root, prepared, mode):
    pixels = (instances() > 0) * np.uint8(255)
    Image.fromarray(pixels).convert(mode).save(root / "a.mask.png")
    record = prepared("folder", root)["a"]
    np.testing.assert_array_equal(record.truth(), (instances() > 0).astype(np.uint8))
    assert record.boxes == ((3, 2, 31, 19),)


def test_a_photo_is_turned_upright_and_its_mask_is_of_the_upright_photo(root, photo, prepared):
    photo(root / "a.jpg", size=(30, 40), orientation=6)  # upright it is 40 x 30
    Image.fromarray(instances()).save(root / "a.mask.png")
    record = prepared("folder", root)["a"]
    assert record.photo().shape[:2] == record.truth().shape == (30, 40)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_and_its_mask_are_turned_once(root, photo, prepared, orientation):
    size = (30, 40) if orientation >= 5 else (40, 30)
    photo(root / "g.tif", size=size, orientation=orientation)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(instances()[::-1, ::-1].copy()).save(root / "g.mask.tif", exif=exif)
    record = prepared("folder", root)["g"]
    assert record.size == record.photo().shape[:2] == (30, 40)
    np.testing.assert_array_equal(record.truth(), instances())


@pytest.mark.parametrize("scale", [0.5, 2])
def test_a_mask_of_the_photos_proportions_is_resized(root, prepared, scale):
    size = int(40 * scale), int(30 * scale)
    Image.fromarray(instances()).resize(size, Image.Resampling.NEAREST).save(root / "a.mask.png")
    record = prepared("folder", root)["a"]
    assert record.truth().shape == record.size == (30, 40)
    assert (record.truth() == instances()).mean() > 0.95


def test_masks_are_of_the_kind_that_is_said(root, prepared):
    levels = np.where(instances() == 255, 0, 3 * instances()).astype(np.uint8)
    Image.fromarray(levels).save(root / "a.mask.png")
    np.testing.assert_array_equal(prepared("folder", root, rules=Rules(masks="object"))["a"].truth(), levels > 0)
    np.testing.assert_array_equal(prepared("folder", root, rules=Rules(masks="instances"))["a"].truth(), levels)


def test_names_are_composed_and_hidden_files_are_none(root, photo, prepared):
    photo(root / "Vo\u0308gel.jpg")
    Image.fromarray(instances()).save(root / "V\u00f6gel_mask.PNG")
    (root / "._a.jpg").write_bytes(b"written by another system")
    (root / "masks").mkdir()
    (root / "masks/._a.png").write_bytes(b"written by another system")
    records = prepared("folder", root)
    assert next(iter(records)) == "V\u00f6gel" and [name for name, each in records.items() if each.mask] == [
        "V\u00f6gel"
    ]


def test_files_that_are_not_used_are_said(root, photo, prepared, capsys):
    photo(root / "g.gif")
    (root / "masks").mkdir()
    for name in ("b.heic", "masks/a.npy", "masks/sub", "x.txt", ".hidden"):
        (root / name).touch()
    assert "g" in prepared("folder", root)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{root}: not photos or masks: b.heic, masks/a.npy, masks/sub and 2 more"


def test_names_that_differ_in_case_alone_are_two(root, photo, prepared):
    for name in ("Dog", "dog"):
        photo(root / f"{name}.jpg", seed=ord(name[0]))
    Image.fromarray(instances()).save(root / "dog.mask.png")
    Image.fromarray(instances()[::-1].copy()).save(root / "Dog.mask.PNG")
    records = prepared("folder", root)
    np.testing.assert_array_equal(records["dog"].truth(), instances())
    np.testing.assert_array_equal(records["Dog"].truth(), instances()[::-1])


# of a page, a formula, a shell, a table, a path; right to left, and what changes the direction
NAMES = [
    "$x_1^2$",
    "<img src=x onerror=alert(1)>",
    "a & b | c",
    "new\nline",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u202ecod",
    "a: b",
    "~",
]
NAME = st.sampled_from(NAMES) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=30
).filter(lambda name: not name.startswith(".") and not name.endswith(("_mask", ".mask")))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(NAME, min_size=1, max_size=3, unique_by=composed))
def test_any_name_is_taken(tmp_path_factory, photo, names):
    root, target = tmp_path_factory.mktemp("photos: mine"), tmp_path_factory.mktemp("raw")
    (root / "masks").mkdir()
    for name in names:
        photo(root / f"{name}.png", seed=len(name))
        Image.fromarray(instances()).save(root / f"masks/{name}.png")
    prepare("folder", target, workspace=target, annotations=target, root=str(root))
    records = read_records(target)
    assert sorted(record.id for record in records) == sorted(map(composed, names))
    for record in records:
        assert record.photo().shape == (30, 40, 3) and composed(record.image.stem) == record.id
        np.testing.assert_array_equal(record.truth(), instances())


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n%%EndComments\nshowpage\n%%EOF\n"
BROKEN = {
    "PostScript": (lambda r: (r / "a.jpg").write_bytes(EPS), ["a.jpg", "is no picture"]),
    "two masks": (
        lambda r: [Image.fromarray(instances()).save(r / name) for name in ("a.mask.png", "a_mask.bmp")],
        ["a_mask.bmp", "second mask of a.jpg"],
    ),
    "an ambiguous mask": (
        lambda r: Image.fromarray(instances() * np.uint8(3)).save(r / "a.mask.png"),
        ["a.mask.png", "could mean several things", "download.masks"],
    ),
    "no photo": (lambda r: [path.unlink() for path in list(r.iterdir())[:]], ["holds no photo"]),
    "another size": (lambda r: Image.new("L", (30, 40)).save(r / "a.mask.png"), ["a.mask.png", "30 x 40", "40 x 30"]),
    "colours": (lambda r: Image.new("RGB", (40, 30), "red").save(r / "a.mask.png"), ["a.mask.png", "8-bit grey"]),
    "sixteen bits": (
        lambda r: Image.fromarray(np.ones((30, 40), np.uint16)).save(r / "a.mask.png"),
        ["a.mask.png", "8-bit grey"],
    ),
    "a mask of nothing": (lambda r: Image.new("L", (40, 30)).save(r / "z.mask.png"), ["z.mask.png", "of no photo"]),
    "a mask of nothing in the folder": (
        lambda r: ((r / "masks").mkdir(), Image.new("L", (40, 30)).save(r / "masks" / "z.png")),
        ["z.png", "of no photo"],
    ),
    "the same name": (lambda r: Image.new("RGB", (40, 30)).save(r / "a.png"), ["a.jpg", "a.png", "both are 'a'"]),
    "a mask of two that differ in case": (
        lambda r: (
            [Image.new("RGB", (40, 30)).save(r / name) for name in ("Dog.png", "dog.png")],
            Image.new("L", (40, 30)).save(r / "DOG.mask.png"),
        ),
        ["DOG.mask.png", "Dog.png and dog.png", "exactly"],
    ),
    "cut short": (
        lambda r: (r / "c.png").write_bytes((r / "c.png").read_bytes()[:-200]),
        ["c.png", "cannot be decoded", "truncated"],
    ),
    "one pixel": (lambda r: Image.new("L", (1, 1)).save(r / "z.png"), ["z.png", "1 x 1 pixels", "minimum_side = 8"]),
    "too many pixels": (
        lambda r: Image.new("1", (20_000, 20_000)).save(r / "z.png"),
        ["z.png", "400000000 pixels", "make it smaller"],
    ),
    "more pixels than are read": (
        lambda r: Image.new("1", (10_000, 10_000)).save(r / "z.png"),
        ["z.png", "10000 x 10000 pixels", "make it smaller"],
    ),
    "a long name": (lambda r: Image.new("L", (9, 9)).save(r / f"{'ö' * 101}.png"), ["ö.png", "202 bytes", "200"]),
    "a name in another encoding": (
        lambda r: (r / "a.jpg").rename(os.fsdecode(os.fsencode(r) + b"/\xf6.jpg")),
        ["not in UTF-8", "rename"],
    ),
    "no picture": (lambda r: (r / "a.jpg").write_text("x"), ["a.jpg", "is no picture"]),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(root, refused, damage, words):
    damage(root)
    refused("folder", root, *words)
