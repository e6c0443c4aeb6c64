"""Imagenette: photos of ten classes of ImageNet, of which 500 are validation photos, with the boxes of these.

The archive is that of torchvision.datasets.Imagenette; the boxes are those of the text files of wsolevaluation.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from nas.data.about import About, Archive
from nas.data.datasets.imagenet import PATTERN, TEXT, class_names, masked, record_of
from nas.data.imagenet_s import FOLDER as MASKS
from nas.data.imagenet_s import SMALLER, find_masks, synsets
from nas.data.native import (
    REPAIR,
    Line,
    Listed,
    Place,
    below,
    class_index,
    clip_box,
    numbers,
    read_table,
    same_proportions,
    with_photo,
)
from nas.data.records import Record
from nas.data.sources import Https
from nas.data.wsolevaluation import LABELS, LOCALIZATION, folder_of

FOLDER, SIZES = "imagenette2-320", "image_sizes.txt"
SYNSETS = (
    "n01440764",
    "n02102040",
    "n02979186",
    "n03000684",
    "n03028079",
    "n03394916",
    "n03417042",
    "n03425413",
    "n03445777",
    "n03888257",
)
TABLES = (
    "https://raw.githubusercontent.com/clovaai/wsolevaluation/96f4b88679af41f005824661f47e6fe3628af2aa"
    "/metadata/ILSVRC/test"
)
CHECKSUMS = {
    LABELS: "a226044e3e00900291053ecb8e68640385a196c5521c793d242df9e084e898b6",
    LOCALIZATION: "c4a9929837b61e9c2a03524f5b963945782ddc9930c4f8ea764cc10004c5ee62",
    SIZES: "dde3957c4bf3bdab41ec759386c6ebaa8bed2c1790891ec3465e3a235ed63f3e",
}
ABOUT = About(
    title="Imagenette, its validation photos of ImageNet",
    licence="the photos are ImageNet's: for non-commercial research and education; boxes: those of wsolevaluation, MIT",
    citation="Howard 2019, Imagenette; Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge, "
    "International Journal of Computer Vision 115; Choe, Oh, Lee, Chun, Akata and Shim 2020, Evaluating Weakly "
    "Supervised Object Localization Methods Right, CVPR",
    used_for="localization against boxes, relevance curves, class-level clusterings; ten of the networks' own classes, "
    "without an account; with ImageNet-S also agreement of superpixels with masks",
    by_hand="unpack imagenette2-320.tgz, put the text files of wsolevaluation's metadata/ILSVRC/test into "
    "metadata/test beside it; give the folder that holds both",
    size=341_663_724,
    photos={"val": 500},
    beside=(MASKS, *SMALLER),
    archives=(
        Archive(
            Https(
                "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz",
                md5="3df6f0d01a2c9592104656642f5e78a3",
                size=341_663_724,
            ),
            members=(FOLDER,),
        ),
        *(
            Archive(Https(f"{TABLES}/{name}", sha256=digits), place=f"metadata/test/{name}")
            for name, digits in CHECKSUMS.items()
        ),
    ),
)


def photos(place: Place, split: str) -> list[Listed]:
    """The validation photos of ImageNet in Imagenette's folders, in the order of their names.

    Imagenette's own split mixes them with photos that networks were trained on; these are left out. Boxes are of the
    original photos, and scaled with them; masks are those of ImageNet-S, where there are some.

    Parameters
    ----------
    place : its root is imagenette2-320 or the folder that holds it; the text files are in metadata/test, test or the
        root itself
    split : "val"

    Raises
    ------
    ValueError : a file that is missing or not as it must be, a photo that no table names, or of another class than its
        folder
    """
    inside = place.root / FOLDER
    folder = below(inside if inside.is_dir() else place.root, "train")
    text = folder_of(place.root, "test", SIZES)
    if text is None:
        raise ValueError(
            f"{place.root}: holds no {SIZES} in metadata/test, test or itself; put the text files of wsolevaluation's "
            "metadata/ILSVRC/test there"
        )
    labels, sizes = (
        {name: rows[0] for name, rows in _by_photo(read_table(text / table, form), once=True).items()}
        for table, form in ((LABELS, "<photo>,<class>"), (SIZES, "<photo>,<width>,<height>"))
    )
    boxes, masks = _by_photo(read_table(text / LOCALIZATION, TEXT)), find_masks(place)
    listed = []
    for path in sorted(folder.glob(f"*/n*/{PATTERN}"), key=lambda path: path.name):
        if path.parent.name not in SYNSETS:
            raise ValueError(f"{path.parent}: is no class of Imagenette; give {FOLDER}, or take imagenet as data set")
        for name, known in ((LABELS, labels), (SIZES, sizes), (LOCALIZATION, boxes)):
            if path.name not in known:
                raise ValueError(f"{path}: has no line in {text / name}; add it, or take the photo out")
        label = labels[path.name]
        index = class_index(label.fields[1], len(class_names()), label.where)
        if synsets()[path.parent.name] != index:
            raise ValueError(f"{label.where}: has class {index}, the folder {path.parent} is of another; {REPAIR}")
        size, mask = sizes[path.name], masks.get(path.stem)
        complete = partial(_complete, size=size, boxes=boxes[path.name], mask=mask, place=place)
        listed.append(Listed(record_of(path, index), complete))
    if not listed:
        raise ValueError(f"{folder}: holds no photo */n*/{PATTERN}; unpack {FOLDER}.tgz anew")
    return listed


def _by_photo(rows: Iterable[Line], *, once: bool = False) -> dict[str, list[Line]]:
    """Lines by the name of their photo, which is in one folder; `once`, of a table with one line for each."""
    found: dict[str, list[Line]] = {}
    for row in rows:
        same = found.setdefault(Path(row.fields[0]).name, [])
        if same and (row.fields[0] != same[0].fields[0] or (once and row.fields != same[0].fields)):
            raise ValueError(
                f"{row.where}: has {row.fields[0]!r} again, with another folder or other values than line "
                f"{same[0].line}; take one out"
            )
        same.append(row)
    return found


def _complete(record: Record, size: Line, boxes: list[Line], mask: Path | None, place: Place) -> Record:
    record = with_photo(record, place, str(record.image))
    original = numbers(size.fields[1:], size.where)
    if min(original) < 1:
        raise ValueError(f"{size.where}: has {' x '.join(size.fields[1:])} pixels; {REPAIR}")
    width, height = original
    if not same_proportions(record.size, (int(height), int(width))):
        found = f"{record.size[1]} x {record.size[0]}"
        raise ValueError(f"{record.image}: is {found} pixels, {size.where} says {width:g} x {height:g}; {REPAIR}")
    scales = (record.size[1] / width, record.size[0] / height) * 2
    scaled = []
    for box in boxes:
        corners = numbers(box.fields[1:], box.where)
        clip_box(corners, (int(height), int(width)), box.where)  # else an error would name other numbers than the line
        smaller = [round(corner * scale) for corner, scale in zip(corners, scales, strict=True)]
        scaled.append(clip_box(smaller, record.size, box.where))
    return masked(replace(record, boxes=tuple(scaled)), mask, str(record.image), place)
