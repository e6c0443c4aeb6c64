"""How much disk the maps of a data set take, before they are computed."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

BYTES = {"float32": 4, "float16": 2}
SAVING = "download.limit, activations.precision: float16 or activations.cache: false"
Shape = tuple[int, int, int]


def bytes_of_activations(
    shapes: Mapping[int, Shape], size: int, n_classes: int, precision: str = "float32", cache: bool = True
) -> int:
    """Bytes that the stage activations stores of one photo: maps, the view and the logits of two views.

    Parameters
    ----------
    shapes : depth to channels, height and width
    size : side of the view, in pixels
    n_classes : number of logits
    precision : "float32" or "float16", of the maps
    cache : whether maps are stored at all
    """
    values = sum(channels * height * width for channels, height, width in shapes.values())
    return cache * values * BYTES[precision] + 3 * size**2 + 2 * n_classes * BYTES["float32"]


def bytes_of_superpixels(n_maps: int, size: int) -> int:
    """Bytes that the stage superpixels stores of one photo: label maps in 16 bits."""
    return n_maps * size**2 * 2


def bytes_of_saliency(n_methods: int, size: int) -> int:
    """Bytes, at most, that the stage saliency stores of one photo: a float32 map per method and each of two classes.

    Maps of activation methods are stored at their own, smaller size.
    """
    return 2 * n_methods * size**2 * BYTES["float32"]


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk where a folder is or will be."""
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free


def check_room(
    n_photos: int, each: int, folder: Path, free: Callable[[Path], int] = free_bytes, saving: str = SAVING
) -> str:
    """What the arrays of a data set need, beside what is free, in one line.

    Parameters
    ----------
    n_photos, each : number of photos, and bytes of one of them
    folder : where the arrays are written; those that a killed run left there need no room again
    free : from a folder to the free bytes of its disk
    saving : the parameters that make the arrays fewer or smaller

    Raises
    ------
    ValueError : the disk is too small
    """
    needed, room = n_photos * each, free(folder)
    missing = needed - sum(part.stat().st_size for part in folder.glob("[!.]*.safetensors")) - room
    line = f"{n_photos} photos x {readable(each)} = {readable(needed)} on disk (free: {readable(room)})"
    if missing > 0:
        raise ValueError(f"{line}: {readable(missing)} too little in {folder}; make room, or set {saving}")
    return line


def readable(n_bytes: float) -> str:
    """Bytes in the decimal unit that leaves one to three digits before the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.95:
            return f"{n_bytes:.1f} {unit}" if unit != "B" else f"{n_bytes:.0f} B"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"
