"""Each kind of photo is written with Pillow and compared with pixel values worked out plainly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from nas.data.images import SIDEWAYS, ImageError, list_images, opened, orientation_of, read_image

COLOURS = arrays(np.uint8, st.tuples(st.integers(8, 12), st.integers(8, 12), st.just(3)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("photos")


def checker(height=9, width=11, channels=3, seed=0):
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "ppm", "webp"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(colours=COLOURS)
def test_lossless_colours_come_back(folder, extension, colours):
    Image.fromarray(colours).save(folder / f"colours.{extension}", lossless=True)
    image = read_image(folder / f"colours.{extension}")
    assert image.dtype == np.uint8 and image.flags.writeable and image.flags.c_contiguous
    np.testing.assert_array_equal(image, colours)


def test_jpeg_of_one_colour(folder):
    Image.new("RGB", (16, 24), (200, 100, 50)).save(folder / "flat.jpg", quality=100)
    image = read_image(folder / "flat.jpg").astype(int)
    assert image.shape == (24, 16, 3)
    assert np.abs(image - [200, 100, 50]).max() <= 2


def test_grey_is_repeated(folder):
    grey = checker(channels=1)
    Image.fromarray(grey).save(folder / "grey.png")
    np.testing.assert_array_equal(read_image(folder / "grey.png"), np.stack([grey] * 3, axis=-1))


def test_one_bit(folder):
    bits = checker(channels=1) > 127
    Image.fromarray(bits).save(folder / "bits.png")
    np.testing.assert_array_equal(read_image(folder / "bits.png")[..., 1], np.where(bits, 255, 0))


@pytest.mark.parametrize("extension", ["png", "tif", "pgm"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(grey=arrays(np.uint16, (8, 8)))
def test_sixteen_bits_are_scaled_not_clipped(folder, extension, grey):
    grey[0, 0], grey[0, 1] = 0, 65535
    path = folder / f"deep.{extension}"
    if extension == "pgm":  # plain text header, big-endian values
        path.write_bytes(b"P5 8 8 65535\n" + grey.astype(">u2").tobytes())
    else:
        Image.fromarray(grey).save(path)
    expected = np.rint(grey / 257).astype(np.uint8)
    np.testing.assert_array_equal(read_image(path), np.stack([expected] * 3, axis=-1))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(pixels=arrays(np.uint8, (8, 9, 4)))
def test_alpha_is_composited_over_white(folder, pixels):
    Image.fromarray(pixels).save(folder / "alpha.png")
    opacity = pixels[..., 3:] / 255
    expected = pixels[..., :3] * opacity + 255 * (1 - opacity)
    assert np.abs(read_image(folder / "alpha.png") - expected).max() <= 1


def test_grey_with_alpha(folder):
    pixels = checker(channels=2)
    Image.fromarray(pixels, "LA").save(folder / "grey_alpha.png")
    opacity = pixels[..., 1] / 255
    expected = pixels[..., 0] * opacity + 255 * (1 - opacity)
    assert np.abs(read_image(folder / "grey_alpha.png") - expected[..., None]).max() <= 1


@pytest.mark.parametrize("transparent", [None, 2])
def test_palette(folder, transparent):
    colours = np.array([[10, 20, 30], [200, 0, 0], [0, 250, 5]], dtype=np.uint8)
    indices = checker(channels=1) % 3
    image = Image.fromarray(indices, "P")
    image.putpalette(colours.flatten().tolist())
    image.save(folder / "palette.png", **({} if transparent is None else {"transparency": transparent}))
    if transparent is not None:
        colours[transparent] = 255
    np.testing.assert_array_equal(read_image(folder / "palette.png"), colours[indices])


def test_one_transparent_colour(folder):
    colours = checker()
    colours[3, 4] = (1, 2, 3)
    Image.fromarray(colours).save(folder / "keyed.png", transparency=(1, 2, 3))
    colours[3, 4] = 255
    np.testing.assert_array_equal(read_image(folder / "keyed.png"), colours)


def test_cmyk(folder):
    inks = checker(channels=4)
    Image.fromarray(inks, "CMYK").save(folder / "inks.tif")
    inks = inks / 255
    expected = 255 * (1 - inks[..., :3]) * (1 - inks[..., 3:])
    assert np.abs(read_image(folder / "inks.tif") - expected).max() <= 1


TURNS = [lambda a, n=n: np.rot90(a, n) for n in range(4)]


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.swapaxes(0, 1)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda a: np.rot90(a)),
    ],
)
@pytest.mark.parametrize("kind", [{"format": "PNG"}, {"format": "TIFF"}, {"format": "TIFF", "compression": "tiff_lzw"},
                                  {"format": "WEBP", "lossless": True}, {"format": "JPEG"}])  # fmt: skip
def test_exif_orientation(folder, orientation, upright, kind):
    colours, path = checker(8, 13), folder / "turned"
    Image.fromarray(colours).save(path, **kind)
    plain = read_image(path)  # a JPEG has other colours
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(colours).save(path, exif=exif, **kind)
    np.testing.assert_array_equal(read_image(path), upright(plain))
    if kind["format"] != "JPEG":
        np.testing.assert_array_equal(plain, colours)


TIFF = [b"Exif\0\0MM\0*\0\0\0\x08", b"Exif\0\0II*\0\x08\0\0\0"]  # how EXIF begins


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    start=st.sampled_from([b"", b"Exif\0\0", *TIFF, TIFF[0] + b"\0\x01\x01\x12", TIFF[1] + b"\x01\0\x12\x01"]),
    rest=st.binary(max_size=40),
    extension=st.sampled_from(["png", "jpg", "webp"]),
)
def test_whatever_stands_in_exif_the_photo_is_read(folder, start, rest, extension):
    path = folder / f"plain.{extension}"
    Image.fromarray(checker(8, 13)).save(path)
    plain = read_image(path)
    Image.fromarray(checker(8, 13)).save(path, exif=start + rest)
    turned = [turn(flipped) for flipped in (plain, plain[:, ::-1]) for turn in TURNS]
    found = read_image(path)
    assert any(np.array_equal(found, each) for each in turned)
    with opened(path) as image:
        sideways = orientation_of(image) >= SIDEWAYS
    assert found.shape == ((13, 8, 3) if sideways else (8, 13, 3))


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(folder, value):
    exif = Image.Exif()
    exif[0x0112] = value
    Image.fromarray(checker(8, 13)).save(folder / "odd.png", exif=exif)
    np.testing.assert_array_equal(read_image(folder / "odd.png"), checker(8, 13))


@pytest.mark.parametrize("extension", ["gif", "webp", "png", "tif"])
def test_first_frame_of_an_animation(folder, extension):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    frames[0].save(folder / f"moving.{extension}", save_all=True, append_images=frames[1:], lossless=True, loop=0)
    assert (read_image(folder / f"moving.{extension}") == [255, 0, 0]).all()


def test_the_ending_does_not_matter(folder):
    colours = checker()
    Image.fromarray(colours).save(folder / "named.jpg", format="PNG")
    np.testing.assert_array_equal(read_image(folder / "named.jpg"), colours)


def one_line(call, *words):
    with pytest.raises(ImageError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message
    return message


def test_one_pixel(folder):
    path = folder / "dot.png"
    Image.new("RGB", (1, 1), (9, 8, 7)).save(path)
    assert read_image(path, minimum_side=1).tolist() == [[[9, 8, 7]]]
    one_line(lambda: read_image(path), path, "1 x 1 pixels", "minimum_side = 8")


@pytest.mark.parametrize("shape", [(7, 100), (100, 7)])
def test_the_shorter_side_counts(folder, shape):
    Image.new("L", shape).save(folder / "strip.png")
    one_line(lambda: read_image(folder / "strip.png"), "strip.png", "minimum_side")
    assert read_image(folder / "strip.png", minimum_side=7).shape == (shape[1], shape[0], 3)


@pytest.mark.parametrize("extension", ["png", "jpg", "bmp", "tif", "webp", "ppm", "gif"])
def test_truncated(folder, extension):
    whole = folder / f"whole.{extension}"
    Image.fromarray(checker(64, 64)).save(whole)
    assert read_image(whole).shape == (64, 64, 3)
    cut = folder / f"cut.{extension}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    one_line(lambda: read_image(cut), cut)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(data=st.data(), extension=st.sampled_from(["png", "jpg", "tif", "webp", "gif"]))
def test_damage_gives_an_image_or_one_line(folder, data, extension):
    path = folder / f"bitten.{extension}"
    Image.fromarray(checker(16, 16)).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(3):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        image = read_image(path)
    except ImageError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert image.dtype == np.uint8 and image.shape[2] == 3


def test_empty_and_foreign_files(folder):
    (folder / "empty.jpg").write_bytes(b"")
    one_line(lambda: read_image(folder / "empty.jpg"), "empty.jpg", "is empty")
    (folder / "page.jpg").write_text("<html>404</html>")
    one_line(lambda: read_image(folder / "page.jpg"), "page.jpg", "convert")
    (folder / "drawing.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n")
    one_line(lambda: read_image(folder / "drawing.png"), "drawing.png", "convert")
    one_line(lambda: read_image(folder / "absent.jpg"), "absent.jpg", "not a file")
    one_line(lambda: read_image(folder), folder, "not a file")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("limit", [1023, 511])
def test_too_many_pixels(folder, monkeypatch, limit):
    Image.new("L", (32, 32)).save(folder / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1024)
    assert read_image(folder / "large.png").shape == (32, 32, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    one_line(lambda: read_image(folder / "large.png"), "large.png", "pixels", "smaller")


@pytest.mark.parametrize("values", [np.full((8, 8), 0.5, np.float32), np.full((8, 8), 70000, np.int32)])
def test_values_without_a_range(folder, values):
    Image.fromarray(values).save(folder / "measured.tif")
    one_line(lambda: read_image(folder / "measured.tif"), "measured.tif", "range is unknown")


def test_list_images(tmp_path):
    for name in ("b.JPG", "a.png", "c.webp", "10.tiff", "9.bmp", ".hidden.png", "notes.txt", "mask.npy"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["10.tiff", "9.bmp", "a.png", "b.JPG", "c.webp"]


def test_a_folder_without_images(tmp_path):
    one_line(lambda: list_images(tmp_path), tmp_path, "no photo")
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.png").touch()
    one_line(lambda: list_images(tmp_path), tmp_path, "but notes.txt: they lie in the folder itself", ".webp")
    (tmp_path / "images").mkdir()
    one_line(lambda: list_images(tmp_path), tmp_path, "no photo, but images, notes.txt: they lie")
    one_line(lambda: list_images(tmp_path / "absent"), "absent", "not a folder")


def test_a_link_to_nothing_is_listed_and_refused(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert list_images(tmp_path) == [tmp_path / "gone.png"]
    one_line(lambda: read_image(tmp_path / "gone.png"), "gone.png", "is not a file")


def test_integers_of_a_tiff_have_no_range(folder):
    Image.fromarray(np.full((9, 9), 200, np.int32)).save(folder / "a.tif")
    one_line(lambda: read_image(folder / "a.tif"), "a.tif", "32-bit values")


def test_one_transparent_grey_of_sixteen_bits(folder):
    Image.fromarray(np.tile(np.arange(9, dtype=np.uint16) * 5000, (9, 1))).save(folder / "a.png", transparency=10000)
    expected = [round(grey / 257) if grey != 10000 else 255 for grey in range(0, 45000, 5000)]
    np.testing.assert_array_equal(read_image(folder / "a.png")[3, :, 1], expected)


@settings(deadline=None)
@given(data=st.data())
def test_a_changed_byte_of_a_png_does_not_pass(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.png"
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(8, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = read_image(path)
    except ImageError as error:
        assert "\n" not in str(error)
    else:
        np.testing.assert_array_equal(found, pixels)


def test_a_photo_above_half_of_what_is_refused_is_read_without_a_word(folder, monkeypatch, recwarn):
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(folder / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    one_line(lambda: read_image(folder / "a.png"), "20 x 20 pixels, more than 300")
    assert not recwarn.list
