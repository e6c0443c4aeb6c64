"""A folder of the user's own photos, some with masks."""

import sys
from collections.abc import Set
from dataclasses import replace
from functools import partial
from pathlib import Path

from nas.data.about import About
from nas.data.boxes import boxes_of
from nas.data.images import SIDEWAYS, list_images, orientation_of
from nas.data.label_maps import resize_labels
from nas.data.masks import composed, find_masks, is_mask, mask_folders, read_mask
from nas.data.native import Listed, Place, check_size, decoding, open_image, same_proportions, with_mask
from nas.data.records import Record
from nas.data.taken import SHOWN
from nas.store import one_line, sha256_of

ABOUT = About(
    title="Your own photos",
    licence="yours",
    citation="yours",
    used_for="whatever needs no class; with masks also agreement of superpixels, and localization",
    by_hand="put photos, and masks if you have some, into a folder; give the folder",
    size=0,
    rules=("masks",),
)


def photos(place: Place, split: str) -> list[Listed]:
    """The photos of a folder, sorted by name; their ids are their names without ending.

    Which files are masks, and what is read of them, is said in `nas.data.masks`. A mask of another size than its photo,
    but of the same proportions, is resized.

    Parameters
    ----------
    place : its root is the folder
    split : not used, there is none

    Raises
    ------
    ValueError : no photo, a mask of other proportions than its photo, a file that cannot be read
    """
    files = [path for path in list_images(place.root) if not is_mask(path)]
    if not files:
        raise ValueError(f"{place.root}: holds masks and no photo; put the photos there")
    masks = find_masks(place.root, files)
    if unused := _unused(place.root, {*files, *masks.values()}):
        print(f"{place.root}: not photos or masks: {unused}", file=sys.stderr)
    return [
        Listed(Record(id=composed(path.stem), image=path, sha256=""),
               partial(_complete, mask=masks.get(path), place=place))
        for path in files
    ]  # fmt: skip


def _unused(root: Path, used: Set[Path]) -> str:
    """The first files of a folder, and of its folder of masks, that are not used, and how many more there are."""
    folders = mask_folders(root)
    files = {path for folder in (root, *folders) for path in folder.iterdir() if not path.name.startswith(".")}
    names = [str(path.relative_to(root)) for path in sorted(files - used - {*folders})]
    shown = ", ".join(map(one_line, names[:SHOWN]))
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def _complete(record: Record, mask: Path | None, place: Place) -> Record:
    where = "download.root.folder"
    with open_image(record.image, where) as stored, decoding(record.image, where):
        turned = orientation_of(stored) >= SIDEWAYS
        size = (stored.width, stored.height) if turned else (stored.height, stored.width)
    record = replace(record, sha256=sha256_of(record.image), size=size)
    if mask is None:
        return record
    labels = read_mask(mask, where, place.rules.masks)
    if same_proportions((labels.shape[0], labels.shape[1]), size):
        labels = resize_labels(labels, size)
    check_size(labels.shape, size, str(mask))
    return replace(with_mask(record, labels, place), boxes=boxes_of(labels))
