"""Data sets in one form: whatever the native layout, a folder with photos/ and truth/ that every stage reads.

photos/index.json names each photo, its file and its sha256; truth/truth.json holds what is known of it: class,
boxes, parts, and a label map of its masks (PNG, 0 background, 1 to n instances, 255 to be ignored).
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas.data.images import read_image
from nas.data.label_maps import resize_labels
from nas.store import new_file, read_json, reading

TRAIN = "train"  # folder of the photos to fit a linear head to, inside that of the photos to evaluate on
PHOTO_INDEX, TRUTH_INDEX = Path("photos") / "index.json", Path("truth") / "truth.json"
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Record:
    """One photo and what is known of it.

    Attributes
    ----------
    id : unique in its data set
    image : file of the photo
    sha256 : of that file
    size : its height and width, in pixels
    class_index, class_name : of the labelled object, in the data set's classes; None and "" where unknown
    imagenet_index : the same as an ImageNet-1k class, where there is one
    label_source : who says so, for example "ImageNet" or "ours"
    super_class : coarser class, "" where there is none
    boxes : (x0, y0, x1, y1) in pixels of the photo, both ends included
    mask : file of the label map (0 background, 1 to n instances, 255 ignore), or None
    coarse : what the mask is made of, in words, where its boundary is not that of the object; "" where it is
    parts : part name to (x, y) in pixels, visible parts only
    note : what was decided where the extent of the object is debatable
    split : official split that it belongs to, "" where there are none
    """

    id: str
    image: Path
    sha256: str
    size: tuple[int, int] = (0, 0)
    class_index: int | None = None
    class_name: str = ""
    imagenet_index: int | None = None
    label_source: str = ""
    super_class: str = ""
    boxes: tuple[Box, ...] = ()
    mask: Path | None = None
    mask_sha256: str = ""
    coarse: str = ""
    parts: dict[str, tuple[float, float]] | None = None
    note: str = ""
    split: str = ""

    @property
    def fingerprint(self) -> list[Any]:
        """What results depend on: the photo and the truth, wherever the files are."""
        content = asdict(self)
        del content["image"], content["mask"]
        return list(content.values())

    @property
    def has_boundaries(self) -> bool:
        """Whether the boundary of the mask is that of the object."""
        return not self.coarse

    def photo(self) -> NDArray[np.uint8]:
        """The photo, (height, width, 3) uint8 RGB."""
        return read_image(self.image)

    def truth(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8] | None:
        """The label map of the masks as stored, mostly of the photo's size, or resized (nearest) to (height, width)."""
        if self.mask is None:
            return None
        with reading(self.mask), Image.open(self.mask) as stored:
            labels = np.asarray(stored)
        return labels if size is None else resize_labels(labels, size)


def write_records(records: Iterable[Record], folder: Path) -> int:
    """Write photos/index.json and truth/truth.json, and say how many records these are; each is held for itself.

    Files inside `folder` are named relative to it.
    """
    n = 0
    with new_file(folder / PHOTO_INDEX) as photos, new_file(folder / TRUTH_INDEX) as truth:
        for n, record in enumerate(records, start=1):
            content = {each.name: getattr(record, each.name) for each in fields(record)}
            content["image"] = _relative(record.image, folder)
            content["mask"] = None if record.mask is None else _relative(record.mask, folder)
            photo = {name: content.pop(name) for name in ("id", "image", "sha256", "size")}
            photos.write(_item("[" if n == 1 else ",", "", photo))
            truth.write(_item("{" if n == 1 else ",", f"{json.dumps(record.id, ensure_ascii=False)}: ", content))
        photos.write(b"\n]\n" if n else b"[]\n")
        truth.write(b"\n}\n" if n else b"{}\n")
    return n


def _item(before: str, name: str, content: dict[str, Any]) -> bytes:
    """An item of a JSON list or object as `write_json` writes it: bracket or comma, name if it has one, value."""
    text = json.dumps(content, indent=1, ensure_ascii=False).replace("\n", "\n ")
    return f"{before}\n {name}{text}".encode()


def is_prepared(folder: Path) -> bool:
    """Whether a folder holds what `write_records` writes."""
    return (folder / PHOTO_INDEX).is_file() and (folder / TRUTH_INDEX).is_file()


def read_records(folder: Path) -> list[Record]:
    """The records of a prepared data set.

    Raises
    ------
    ValueError : the folder was not prepared
    """
    if not is_prepared(folder):
        raise ValueError(f"{folder}: holds no prepared data set; run the stage download (dvc repro download)")
    truth = read_json(folder / TRUTH_INDEX)
    records = []
    for photo in read_json(folder / PHOTO_INDEX):
        known = truth[photo["id"]]
        mask = known.pop("mask")
        known["boxes"] = tuple(tuple(box) for box in known["boxes"])
        if known["parts"] is not None:
            known["parts"] = {part: tuple(point) for part, point in known["parts"].items()}
        records.append(
            Record(
                id=photo["id"],
                image=folder / photo["image"],
                sha256=photo["sha256"],
                size=tuple(photo["size"]),
                mask=None if mask is None else folder / mask,
                **known,
            )
        )
    return records


def _relative(path: Path, folder: Path) -> str:
    """Path for an index: relative inside the folder, absolute outside."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path.resolve())
