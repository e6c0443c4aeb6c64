"""Photos of any common kind as one kind of array: height x width x RGB, 8 bits, as a person sees them."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Pillow knows more, among them PostScript, which it would hand to an interpreter
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
ORIENTATION = 0x0112  # EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = 5  # and higher orientations: width and height are exchanged
MINIMUM_SIDE = 8  # pixels, less of which are not worth segmenting


class ImageError(ValueError):
    """A photo or folder of photos that cannot be used: one line naming the file and what to do."""


def read_image(path: str | Path, *, minimum_side: int = MINIMUM_SIDE) -> NDArray[np.uint8]:
    """Read a photo as sRGB values.

    Parameters
    ----------
    path
        BMP, GIF, JPEG, PNG, PPM, TIFF or WebP file, whatever its ending. Of an animation, the first frame.
    minimum_side
        Least height and width, in pixels, that are worth segmenting.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Turned upright where the EXIF orientation says so and can be read. Grey is repeated into three channels,
        palettes are looked up, CMYK is converted by Pillow without its colour profile, and transparency is
        composited over white. 16-bit grey v becomes round(v / 257), so that 0 and 65535 become 0 and 255; 16-bit
        colour is what Pillow gives, the upper byte of each value. Other colour profiles are ignored.

    Raises
    ------
    ImageError
        The file is missing, empty, truncated or no image; it has more pixels than
        ``PIL.Image.MAX_IMAGE_PIXELS``; its values have no defined range (32-bit); a side is too short.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (12, 8), 200).save(f"{folder}/grey.png")
    ...     read_image(f"{folder}/grey.png")[0, 0]
    array([200, 200, 200], dtype=uint8)
    """
    path = Path(path)
    if not path.is_file():
        raise ImageError(f"{path} is not a file: correct its name")
    if path.stat().st_size == 0:
        raise ImageError(f"{path} is empty: download or copy it again")
    try:
        with opened(path) as image:
            check_pixels(path, (image.height, image.width), minimum_side)
            pixels = _rgb(upright(image), path, image.format)
            check_sums(path)
            return pixels
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is none of {', '.join(FORMATS)}: convert it to PNG") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{path} has too many pixels ({error}): make it smaller") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise ImageError(f"{path} cannot be decoded ({error}): download or copy it again") from error


def opened(path: Path) -> Image.Image:
    """A picture of a format that we know, undecoded; raises what Pillow raises. Damage of its EXIF is no matter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Corrupt EXIF data", UserWarning)
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # of half of what Pillow refuses
        return Image.open(path, formats=FORMATS)


def check_sums(path: Path) -> None:
    """Raise SyntaxError where the checksums in a PNG are not those of its bytes; other formats have none.

    Pillow looks at some of them when it decodes.
    """
    with opened(path) as image:
        if image.format == "PNG":
            image.verify()


def orientation_of(image: Image.Image) -> int:
    """How a person sees a picture, 1 to 8 as in EXIF; 1, as it is stored, where EXIF says nothing that can be read.

    A PNG is decoded, since its EXIF may follow the pixels, and so is a TIFF, which Pillow turns when it decodes it;
    what Pillow raises where it cannot be decoded is not caught.
    """
    if image.format in ("PNG", "TIFF"):
        image.load()
    try:
        with warnings.catch_warnings(action="ignore"):
            found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises nearly anything on EXIF that is none
        return 1
    return found if isinstance(found, int) and found in TURNS else 1


def upright(image: Image.Image) -> Image.Image:
    """A picture as a person sees it, see `orientation_of`."""
    turn = TURNS.get(orientation_of(image))
    return image if turn is None else image.transpose(turn)


def check_pixels(path: Path, size: tuple[int, int], minimum_side: int = MINIMUM_SIDE) -> None:
    """Raise ImageError where a photo of `size` (height, width) has too few or too many pixels, see `read_image`."""
    height, width = size
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and height * width > limit:
        raise ImageError(f"{path} has {width} x {height} pixels, more than {limit} in all: make it smaller")
    if min(size) < minimum_side:
        raise ImageError(
            f"{path} has {width} x {height} pixels, and each side needs minimum_side = {minimum_side}: leave it out"
        )


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name, and not hidden; a link to nothing is, too, so that it is refused."""
    named = not path.name.startswith(".") and path.suffix.lower() in EXTENSIONS
    return named and (path.is_file() or (path.is_symlink() and not path.exists()))


def list_images(folder: str | Path) -> list[Path]:
    """Return the photos directly inside `folder`, sorted by name; hidden files are left out.

    A photo is a file that ends, in upper or lower case, in one of `EXTENSIONS`. Raises ImageError where there
    is no such folder, or no photo in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError(f"{folder} is not a folder: set it to a folder of photos")
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    images = [path for path in found if is_picture(path)]
    if not images:
        others = f", but {', '.join(path.name for path in found[:3])}" if found else ""
        allowed = ", ".join(EXTENSIONS)
        raise ImageError(f"{folder} holds no photo{others}: they lie in the folder itself, and end in one of {allowed}")
    return images


def _rgb(image: Image.Image, path: Path, kind: str | None) -> NDArray[np.uint8]:
    grey = np.asarray(image) if image.mode == "I" or image.mode.startswith("I;16") else None
    if image.mode == "F" or (kind == "TIFF" and image.mode == "I"):
        raise ImageError(f"{path} holds 32-bit values, whose range is unknown: save it with 8 or 16 bits")
    if grey is not None:  # Pillow's own conversion clips at 255 instead of scaling, and knows no transparency here
        grey = np.where(grey == image.info.get("transparency", -1), 65535, grey)
        return np.repeat(((grey.astype(np.int64) + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))
