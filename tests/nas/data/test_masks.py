"""Masks as people have them: each is read by its meaning, or refused in one line that says what to set."""

import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from nas.data.mask_values import FULL, Values, voc_colour
from nas.data.masks import find_masks, read_mask, recognized

SIZE = (24, 30)
random = settings(max_examples=60, deadline=None, derandomize=True)


def disc(where=(12, 15), radius=7):
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    return np.hypot(rows - where[0], columns - where[1]) <= radius


OBJECT = disc()
TWO = np.where(disc((8, 8), 5), 1, np.where(disc((14, 22), 6), 2, 0)).astype(np.uint8)
TRIMAP = np.where(disc(radius=5), 255, np.where(disc(radius=9), 128, 0)).astype(np.uint8)
THREE = np.where(TWO > 0, TWO, np.where(disc((20, 5), 4), 3, 0)).astype(np.uint8)
VOIDED = np.where(disc((8, 8), 6) & (TWO == 0), 255, TWO).astype(np.uint8)


def anti_aliased():
    """A disc drawn four times as large and made smaller: levels between 0 and 255 at its edge."""
    large = Image.new("L", (4 * SIZE[1], 4 * SIZE[0]))
    ImageDraw.Draw(large).ellipse([4 * 8, 4 * 5, 4 * 23, 4 * 20], fill=255)
    return np.asarray(large.resize(SIZE[::-1], Image.Resampling.BOX))


def palette(numbers, colours):
    image = Image.frombytes("P", SIZE[::-1], np.asarray(numbers, np.uint8).tobytes())
    image.putpalette([part for colour in colours for part in colour])
    return image


VOC = [voc_colour(index) for index in range(255)] + [(224, 224, 192)]
BLACK, WHITE, RED, GREEN = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0)
ALPHA = np.dstack([np.full((*SIZE, 3), 90, np.uint8), OBJECT * np.uint8(255)])
OPAQUE = np.dstack([*[OBJECT * np.uint8(255)] * 3, np.full(SIZE, 255, np.uint8)])
FIVE = (51 * sum(disc(radius=radius).astype(int) for radius in (6, 7, 7, 7, 8))).astype(np.uint8)
COLOURED = np.array([BLACK, RED, GREEN], np.uint8)[TWO]

# what people have, and what it means
MEANING = {
    "black and white": (Image.fromarray(OBJECT * np.uint8(255)), OBJECT),
    "0 and 1": (Image.fromarray(OBJECT.astype(np.uint8)), OBJECT),
    "0 and 128": (Image.fromarray(OBJECT * np.uint8(128)), OBJECT),
    "1 bit": (Image.fromarray(OBJECT), OBJECT),
    "16 bits": (Image.fromarray(OBJECT * np.uint16(65535)), OBJECT),
    "16 bits, instances": (Image.fromarray(TWO.astype(np.uint16)), TWO),
    "instances": (Image.fromarray(TWO), TWO),
    "instances with void": (Image.fromarray(VOIDED), VOIDED),
    "no object": (Image.new("L", SIZE[::-1]), np.zeros(SIZE)),
    "anti-aliased": (Image.fromarray(anti_aliased()), anti_aliased() > 127),
    "of five annotators": (Image.fromarray(FIVE), disc()),
    "palette of VOC": (palette(VOIDED, VOC), VOIDED),
    "palette, white first": (palette(1 - OBJECT.astype(int), [WHITE, BLACK]), OBJECT),
    "palette, black first": (palette(OBJECT, [BLACK, WHITE]), OBJECT),
    "palette, red first": (palette(1 - OBJECT.astype(int), [RED, BLACK]), OBJECT),
    "palette of greys": (palette(np.where(OBJECT, 7, 0), [(i, i, i) for i in range(256)]), OBJECT),
    "palette of VOC, void alone": (palette(np.where(OBJECT, 255, 0), VOC), np.where(OBJECT, 255, 0)),
    "void alone": (Image.fromarray(np.array([BLACK, VOC[255]], np.uint8)[OBJECT.astype(int)]), OBJECT * 255),
    "own colours and void": (
        Image.fromarray(np.array([BLACK, RED, GREEN, VOC[255]], np.uint8)[np.where(VOIDED == 255, 3, VOIDED)]),
        np.where(VOIDED == 255, 255, np.where(TWO == 1, 2, np.where(TWO == 2, 1, 0))),
    ),
    "wholly transparent": (Image.fromarray(np.dstack([ALPHA[..., :3], np.zeros(SIZE, np.uint8)])), np.zeros(SIZE)),
    "16 bits, anti-aliased": (Image.fromarray(anti_aliased().astype(np.uint16) * 257), anti_aliased() > 127),
    "16 bits, 0 and 100": (Image.fromarray(OBJECT * np.uint16(100)), OBJECT),
    "palette of own colours": (palette(TWO, [BLACK, GREEN, RED]), TWO),
    "colours": (Image.fromarray(COLOURED), np.where(TWO == 1, 2, np.where(TWO == 2, 1, 0))),
    "colours that are grey": (Image.fromarray(np.dstack([OBJECT * np.uint8(255)] * 3)), OBJECT),
    "opaque": (Image.fromarray(ALPHA), OBJECT),
    "white, wholly opaque": (Image.fromarray(OPAQUE), OBJECT),
    "white where opaque": (Image.fromarray(np.dstack([*[OBJECT * np.uint8(255)] * 4])), OBJECT),
    "grey with alpha": (Image.fromarray(np.dstack([np.zeros(SIZE, np.uint8), OBJECT * np.uint8(255)]), "LA"), OBJECT),
}  # fmt: skip
APART = np.dstack([COLOURED, disc((4, 4), 4) * np.uint8(255)])
SMALL_VOID = np.where(TWO == 2, 255, TWO).astype(np.uint8)
AMBIGUOUS = {
    "one level everywhere": (Image.new("L", SIZE[::-1], 255), "could mean several things, with the values 255;"),
    "more to be ignored than not": (Image.fromarray(SMALL_VOID), "with the values 0, 1, 255;"),
    "numbers with gaps": (Image.fromarray(np.array([0, 3, 17], np.uint8)[TWO]), "with the values 0, 3, 17;"),
    "colours made grey": (Image.fromarray(np.array([0, 76, 150], np.uint8)[TWO]), "with the values 0, 76, 150;"),
    "a trimap": (Image.fromarray(TRIMAP), "with the values 0, 128, 255;"),
    "two shapes, two levels": (Image.fromarray(np.array([0, 128, 255], np.uint8)[TWO]), "the values 0, 128, 255;"),
    "three shapes": (Image.fromarray(np.array([0, 85, 170, 255], np.uint8)[THREE]), "the values 0, 85, 170, 255;"),
    "16 bits, gaps": (Image.fromarray(np.array([0, 100, 1000], np.uint16)[TWO]), "the values 0, 100, 1000;"),
    "16 bits, numbers": (Image.fromarray(np.array([0, 26001, 26002], np.uint16)[TWO]), "the values 0, 26001, 26002;"),
    "16 bits, many": (Image.fromarray(np.arange(720, dtype=np.uint16).reshape(SIZE)), "with the values 0, 1, 2, 3,"),
    "mostly between": (Image.fromarray(np.array([0, 128, 255], np.uint8)[np.where(TWO == 2, 1, 2 * TWO)]), "several"),
}  # fmt: skip
REDS = [(level, 0, 0) for level in range(17)]
TRANSPARENT = Image.fromarray(TWO.astype(np.uint16) * 9000)
TRANSPARENT.info["transparency"] = 9000
UNREADABLE = {  # whatever download.masks is
    "a grey twice": (palette(TWO, [BLACK, WHITE, WHITE]), "two numbers of one colour"),
    "a number without a colour": (palette(10 * TWO, REDS), "has the number 20, and a palette of 17"),
    "floats": (Image.fromarray(TWO.astype(np.float32)), "has mode F"),
    "no black": (palette(TWO, [WHITE, GREEN, RED]), "has mode P and 3 colours, none of them black"),
    "a colour twice": (palette(TWO, [BLACK, RED, RED]), "has mode P and two numbers of one colour"),
    "a photo": (Image.fromarray(np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)), "colours"),
    "colours and alpha apart": (Image.fromarray(APART), "transparency"),
    "a level of 16 bits is transparent": (TRANSPARENT, "has 16 bits and transparency"),
    "32 bits": (Image.fromarray(TWO.astype(np.int32) * 10**6), "holds 32-bit values"),
}  # fmt: skip


def smooth(method, colours=(RED, GREEN)):
    """Two discs of colours drawn four times as large and made smaller."""
    large = Image.new("RGB", (4 * SIZE[1], 4 * SIZE[0]))
    for colour, (left, top) in zip(colours, ((12, 12), (60, 40)), strict=True):
        ImageDraw.Draw(large).ellipse([left, top, left + 45, top + 45], fill=colour)
    return large.resize(SIZE[::-1], method)


@pytest.mark.parametrize("method", ["BOX", "BILINEAR", "BICUBIC", "LANCZOS"])
@pytest.mark.parametrize("colours", [(RED, GREEN), ((200, 30, 90), (10, 120, 220))])
def test_colours_with_smooth_edges_are_no_instances(tmp_path, method, colours):
    image = smooth(Image.Resampling[method], colours)
    path = saved(image, tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"colours at edges, mixed of others; .* set download.masks to object, soft"):
        read_mask(path, "here")
    np.testing.assert_array_equal(read_mask(path, "here", "object"), np.asarray(image).max(-1) > 0)


def numbered(method, numbers):
    """Two discs of numbers drawn four times as large and made smaller, as if they were greys."""
    large = Image.new("L", (4 * SIZE[1], 4 * SIZE[0]))
    for number, (left, top) in zip(numbers, ((12, 12), (60, 40)), strict=True):
        ImageDraw.Draw(large).ellipse([left, top, left + 45, top + 45], fill=number)
    return large.resize(SIZE[::-1], method)


@pytest.mark.parametrize("numbers", [(3, 3), (2, 3), (4, 4), (1, 5)])
def test_numbers_with_smooth_edges_are_no_instances(tmp_path, numbers):
    image = numbered(Image.Resampling.BILINEAR, numbers)
    path = saved(image, tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"could mean several things, .* set download.masks to object, soft"):
        read_mask(path, "here")
    np.testing.assert_array_equal(read_mask(path, "here", "object"), np.asarray(image) > 0)


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)])
def test_numbers_with_sharp_edges_are_instances_thin_ones_too(tmp_path, numbers):
    levels = np.asarray(numbered(Image.Resampling.NEAREST, numbers)).copy()
    levels[2] = 3
    levels[:, 1] = 4
    np.testing.assert_array_equal(read_mask(saved(Image.fromarray(levels), tmp_path / "m.png"), "here"), levels)


@random
@given(n=st.integers(1, 30), seed=st.integers(0, 99))
def test_flat_colours_are_instances_however_many(tmp_path_factory, n, seed):
    draw = np.random.default_rng(seed)
    colours = np.concatenate([[BLACK], draw.permutation(216)[:n, None] // [36, 6, 1] % 6 * 50 + [1, 3, 2]])
    numbers = np.kron(draw.integers(0, n + 1, (8, 10)), np.ones((3, 3), int))
    path = tmp_path_factory.getbasetemp() / "flat.png"
    Image.fromarray(colours[numbers].astype(np.uint8)).save(path)
    if (numbers > 0).any() and (numbers == 0).any():
        found = read_mask(path, "here")
        # one to one
        pairs = np.unique(np.stack([found.ravel(), numbers.ravel()]), axis=1).shape[1]
        assert pairs == len(np.unique(found)) == len(np.unique(numbers))
        np.testing.assert_array_equal(found > 0, numbers > 0)


@pytest.mark.parametrize(
    ("levels", "kind", "expected"),
    [
        ([0, 100, 1000], "object", [0, 1, 1]),
        ([0, 100, 1000], "instances", [0, 1, 2]),
        ([0, 26001, 26002], "instances", [0, 1, 2]),
        ([24001, 26001, 26002], "instances", [1, 2, 3]),
        ([0, 26001, 65535], "instances", [0, 1, 255]),
        ([0, 30000, 40000], "soft", [0, 0, 1]),
        ([0, 100, 200], "soft", [0, 0, 1]),
    ],
)
def test_numbers_of_16_bits_keep_what_they_tell_apart(tmp_path, levels, kind, expected):
    path = saved(Image.fromarray(np.array(levels, np.uint16)[TWO]), tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(path, "here", kind), np.array(expected)[TWO])


@pytest.mark.parametrize(
    ("levels", "kind"),
    [([0, 255, 255], "instances"), ([0, 1, 1], "soft"), ([0, 1, 2], "soft"), ([0, 65535, 65535], "instances")],
)
def test_a_kind_that_leaves_no_object_is_refused(tmp_path, levels, kind):
    dtype = np.uint16 if max(levels) > 255 else np.uint8
    path = saved(Image.fromarray(np.array(levels, dtype)[TWO]), tmp_path / "m.png")
    with pytest.raises(ValueError, match=rf"m\.png has no object where download\.masks is {kind}; set it to another"):
        read_mask(path, "here", kind)


@pytest.mark.parametrize(("suffix", "quality"), [("jpg", 50), ("jpg", 95), ("webp", 75)])
@pytest.mark.parametrize("n", [1, 2])
def test_low_levels_of_a_lossy_file_are_refused(tmp_path, suffix, quality, n):
    path = tmp_path / f"m.{suffix}"
    Image.fromarray(np.kron(np.minimum(TWO, n), np.ones((8, 8), np.uint8))).save(path, quality=quality)
    try:
        found = read_mask(path, "here")
    except ValueError as error:
        assert "m." in str(error) and "\n" not in str(error)
    else:
        assert not found.any()  # nothing of it is left in the file
    Image.fromarray(np.kron(255 * np.minimum(TWO, 1), np.ones((8, 8))).astype(np.uint8)).save(path, quality=quality)
    found = read_mask(path, "here", "soft")
    assert (found == np.kron(TWO > 0, np.ones((8, 8)))).mean() > 0.99


def test_levels_of_a_lossless_webp_are_as_they_were_saved(tmp_path):
    Image.fromarray(TWO).save(tmp_path / "m.webp", lossless=True)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.webp", "here"), TWO)


@pytest.mark.parametrize("mode", ["RGB;16B", "LA;16B"])
def test_several_channels_of_16_bits_are_refused(tmp_path, mode):
    path = tmp_path / "m.png"
    channels = {"RGB;16B": 3, "LA;16B": 2}[mode]
    raw = b"".join(b"\0" + row.tobytes() for row in np.dstack([TWO.astype(">u2")] * channels))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", SIZE[1], SIZE[0], 16, {3: 2, 2: 4}[channels], 0, 0, 0)),
              (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]  # fmt: skip
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ))  # fmt: skip
    with pytest.raises(ValueError, match=r"m\.png has 16 bits and several channels; save it as 8-bit grey"):
        read_mask(path, "here")


def test_more_instances_than_can_be_told_apart_are_refused(tmp_path):
    path = saved(Image.fromarray(np.arange(720).reshape(SIZE).astype(np.uint16)), tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"m\.png has 720 values, and instances can be 254 .* download\.masks"):
        read_mask(path, "here", "instances")


@pytest.mark.parametrize("turned", [True, False])
def test_a_mask_is_turned_as_exif_says_where_its_photo_is(tmp_path, turned):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(TWO).save(tmp_path / "m.png", exif=exif)
    expected = np.rot90(TWO, -1) if turned else TWO
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", "here", turned=turned), expected)


def saved(image, path):
    path = path.with_suffix(".tif") if image.mode in ("F", "I") else path
    image.save(path)
    return path


@pytest.mark.parametrize("name", MEANING)
def test_a_mask_is_read_by_its_meaning(tmp_path, name):
    image, expected = MEANING[name]
    found = read_mask(saved(image, tmp_path / "m.png"), "here")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["auto", "object", "soft", "instances"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_means_nothing_is_refused_whatever_is_set(tmp_path, name, kind):
    image, said = UNREADABLE[name]
    path = saved(image, tmp_path / "m.png")
    with pytest.raises(ValueError, match=rf"^here: {re.escape(str(path))} ") as caught:
        read_mask(path, "here", kind)
    line = str(caught.value)
    assert said in line and "\n" not in line
    assert line.endswith("; save it as 8-bit grey, 0 where there is no object")


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_could_mean_several_things_is_refused_with_what_to_set(tmp_path, name):
    image, said = AMBIGUOUS[name]
    path = saved(image, tmp_path / "m.png")
    with pytest.raises(ValueError, match=rf"^here: {re.escape(str(path))} ") as caught:
        read_mask(path, "here")
    line = str(caught.value)
    assert said in line and "\n" not in line
    assert line.endswith("or set download.masks to object, soft or instances") and "8-bit grey" in line


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("one level everywhere", "object", np.ones(SIZE)),
        ("one level everywhere", "soft", np.ones(SIZE)),
        ("one level everywhere", "instances", np.full(SIZE, 255)),
        ("more to be ignored than not", "instances", SMALL_VOID),
        ("more to be ignored than not", "soft", TWO == 2),
        ("numbers with gaps", "instances", np.array([0, 3, 17])[TWO]),
        ("numbers with gaps", "object", TWO > 0),
        ("colours made grey", "instances", np.array([0, 76, 150])[TWO]),
        ("mostly between", "soft", (TWO == 1) | (TWO == 2)),
    ],
)
def test_a_kind_says_what_it_means(tmp_path, name, kind, expected):
    path = saved(AMBIGUOUS[name][0], tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(path, "here", kind), expected)


def test_colours_are_no_shares(tmp_path):
    with pytest.raises(ValueError, match="has colours, and no shares from 0 to 255"):
        read_mask(saved(Image.fromarray(COLOURED), tmp_path / "m.png"), "here", "soft")


@random
@given(
    n=st.integers(1, 100),
    ignored=st.integers(0, 60),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    data=st.data(),
)
def test_numbers_without_a_gap_are_instances(n, ignored, shape, data):
    levels = np.repeat(np.arange(n + 1), 2)
    levels = np.concatenate([levels, np.full(min(ignored, 2 * n - 1), 255)])
    found = recognized(Values(np.random.default_rng(0).permutation(levels).astype(np.uint16)[None], graded=True))
    assert found == ("object" if n == 1 and not ignored else "instances")


@random
@given(radius=st.floats(4, 9), row=st.floats(10, 14), column=st.floats(12, 18), large=st.sampled_from([3, 4, 8]))
def test_edges_between_black_and_white_are_soft(radius, row, column, large):
    rows, columns = np.ogrid[: SIZE[0] * large, : SIZE[1] * large]
    inside = np.hypot(rows / large - row, columns / large - column) <= radius
    shares = inside.reshape(SIZE[0], large, SIZE[1], large).mean((1, 3))
    levels = np.round(FULL * shares).astype(np.uint16)
    found = recognized(Values(levels, graded=True))
    assert found == "soft" or (found == "" and (levels == FULL).sum() <= ((levels > 0) & (levels < FULL)).sum())


# Names


@pytest.mark.parametrize(
    "name",
    ["a.mask.png", "a_mask.png", "a-mask.png", "a mask.png", "a.jpg.png", "a.MASK.PNG", "a_mask.bmp",
     "masks/a.png", "masks/a.PNG", "masks/a.bmp", "masks/a.tif",
     "masks/a.gif", "masks/a_mask.png", "masks/a.jpg.png", "Masks/a.png", "masks/A.png", "masks/a.mask.tiff"],
)  # fmt: skip
def test_the_mask_of_a_photo_is_found(tmp_path, name):
    photos = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    for path in [*photos, tmp_path / name, tmp_path / "._a.png", tmp_path / "notes.txt"]:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / name).parent.joinpath("._b_mask.png").touch()
    assert find_masks(tmp_path, photos) == {photos[0]: tmp_path / name}


def test_names_are_the_same_however_their_accents_are_written(tmp_path):
    photo, mask = tmp_path / "V\u00f6gel.jpg", tmp_path / "masks/Vo\u0308gel.png"
    mask.parent.mkdir()
    photo.touch(), mask.touch()
    assert find_masks(tmp_path, [photo]) == {photo: mask}


def test_a_name_that_is_the_same_comes_before_one_that_differs_in_case(tmp_path):
    photos = [tmp_path / "A.jpg", tmp_path / "a.jpg"]
    (tmp_path / "masks").mkdir()
    for path in (*photos, tmp_path / "masks/a.png", tmp_path / "masks/A.png"):
        path.touch()
    assert find_masks(tmp_path, photos) == {path: tmp_path / f"masks/{path.stem}.png" for path in photos}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["masks/z.png"], "z.png: is the mask of no photo; call it like its photo, or take it out"),
        (["z_mask.bmp"], "z_mask.bmp: is the mask of no photo"),
        (["masks/a.png", "a.mask.png"], "a.png: is a second mask of a.jpg, beside a.mask.png; take one out"),
        (["masks/a.png", "masks/a.bmp"], "a.png: is a second mask of a.jpg, beside a.bmp; take one out"),
    ],
)
def test_masks_of_no_photo_and_second_ones_are_refused(tmp_path, names, message):
    photo = tmp_path / "a.jpg"
    (tmp_path / "masks").mkdir()
    for path in (photo, *(tmp_path / name for name in names)):
        path.touch()
    with pytest.raises(ValueError, match=rf"{re.escape(message)}") as caught:
        find_masks(tmp_path, [photo])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n1234"])
def test_a_damaged_mask_is_one_line(tmp_path, content):
    path = tmp_path / "m.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^here: .*m\.png cannot be decoded \(.*\); save it anew as PNG$"):
        read_mask(path, "here")
    with pytest.raises(ValueError, match=r"^here: .*n\.png is missing"):
        read_mask(tmp_path / "n.png", "here")
