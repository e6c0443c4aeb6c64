"""What is known of the objects of a photo, in one form: a mask, drawn or filled boxes."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nas.data.boxes import resize_boxes
from nas.data.records import Record

KINDS = {"mask": ("mask", "masks"), "boxes": ("box", "boxes")}


def truth_in_words(sources: Iterable[str], n: int = 1) -> str:
    """Kinds of truth, as `truth_of` names them, in words, for one photo or for n: "mask", "masks or boxes".

    Several kinds may be in one text, with commas. Photos without any are passed over; where no photo has one, it is
    called a mask.
    """
    found = {kind for text in sources for kind in text.split(",")}
    kinds = [kind for kind in KINDS if kind in found] or ["mask"]
    return " or ".join(KINDS[kind][n > 1] for kind in kinds)


def truth_of(record: Record, size: tuple[int, int]) -> tuple[NDArray[np.uint8] | None, str]:
    """What is known of the objects of a photo, as a mask of `size`, and whether it is its mask or its boxes."""
    mask = record.truth(size)
    if mask is not None:
        return mask, "mask"
    if not record.boxes:
        return None, ""
    filled = np.zeros(size, np.uint8)
    for x0, y0, x1, y1 in resize_boxes(record.boxes, record.size, size):
        filled[y0 : y1 + 1, x0 : x1 + 1] = 1
    return filled, "boxes"
