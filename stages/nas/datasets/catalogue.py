"""The data sets by name, and how each becomes records."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import numpy as np
from tqdm import tqdm

from nas.archives import unpack
from nas.datasets import TRAIN, Record, cub, folder, imagenet, openimages30k, sample, stl10, voc2012, write_records
from nas.datasets.about import ALL, About, Archive
from nas.datasets.native import Listed, Place
from nas.sources import Root, SourceError

ABOUT: dict[str, About] = {
    "sample": sample.ABOUT,
    "stl10": stl10.ABOUT,
    "cub": cub.ABOUT,
    "imagenet": imagenet.ABOUT,
    "voc2012": voc2012.ABOUT,
    "openimages30k": openimages30k.ABOUT,
    "folder": folder.ABOUT,
}
PHOTOS: dict[str, Callable[[Place, str], list[Listed]]] = {
    "stl10": stl10.photos,
    "cub": cub.photos,
    "imagenet": imagenet.photos,
    "voc2012": voc2012.photos,
    "openimages30k": openimages30k.photos,
    "folder": folder.photos,
}
DATASETS = tuple(ABOUT)
BASE = "base"
NONE: Mapping[str, str] = MappingProxyType({})


class Labelled(Protocol):
    """Whatever has a class name."""

    @property
    def class_name(self) -> str:
        """Name of its class, "" where unknown."""


Item = TypeVar("Item", bound=Labelled)
Track = Callable[[Iterator[Any]], Iterable[Any]]


def prepare(
    name: str,
    target: Path,
    *,
    workspace: Path,
    annotations: Path,
    roots: Mapping[str, str] = NONE,
    mirrors: Mapping[str, str] = NONE,
    splits: Mapping[str, str] = NONE,
    limit: int | None = None,
    train: int | None = 0,
    seed: int = 0,
) -> int:
    """Bring a data set into the one form of `nas.datasets`, in the folder `target`; returns the number of photos.

    Photos of the official train split, to fit a linear head to, go into the folder `TRAIN` in it, where there is such
    a split and it is not the one to evaluate on.

    Parameters
    ----------
    workspace : scratch folder for downloads; what was fetched and verified there is not fetched again
    annotations : JSON with the outlines of the sample
    roots : data set to a folder that the user already has, in its native layout, used in place
    mirrors : data set, or "base" for all others, to the base address that replaces the host of its official address
    splits : data set to its official split, or "all"; by default the first of `About.splits`
    limit : keep a class-balanced subset of this many photos, see `subset`
    train : likewise of the train split; None for all of its photos

    Raises
    ------
    ValueError : an unknown data set or split, a native file that is missing or not as it must be
    SourceError : a file that cannot be fetched or a checksum that differs
    """
    if name not in DATASETS:
        raise ValueError(f"datasets has {name!r}: allowed are {', '.join(DATASETS)}")
    fetched = [each for each, about in ABOUT.items() if about.archives]
    _check_keys(roots, "root", PHOTOS)
    _check_keys(mirrors, "mirror", [BASE, *fetched])
    _check_keys(splits, "split", [each for each, about in ABOUT.items() if about.splits])
    split = _split(name, splits)
    shutil.rmtree(target, ignore_errors=True)

    def track(photos: Iterator[Any]) -> Iterable[Any]:
        return tqdm(photos, desc=f"download {name}", unit="photo", disable=None)

    if name == "sample":
        made = sample.prepare(target, workspace=workspace, annotations=annotations, track=track)
        records: Iterable[Record] = subset(made, limit, seed)
    else:
        place = _place(name, target, workspace, roots.get(name), mirrors.get(name, mirrors.get(BASE)))
        listed = PHOTOS[name](place, split)
        if not listed:
            raise ValueError(f"{place.root}: has no photo of the split {split!r}; set download.split.{name} to another")
        _check_ids([each.record for each in listed])
        if TRAIN in ABOUT[name].splits and split not in (TRAIN, ALL) and train != 0:
            _prepare_train(name, replace(place, target=target / TRAIN), train, seed, track)
        records = (each.complete(each.record) for each in track(iter(subset(listed, limit, seed))))
    return write_records(records, target)


def _prepare_train(name: str, place: Place, limit: int | None, seed: int, track: Track) -> None:
    try:
        listed = PHOTOS[name](place, TRAIN)
        if not listed:
            return
        _check_ids([each.record for each in listed])
        write_records((each.complete(each.record) for each in track(iter(subset(listed, limit, seed)))), place.target)
    except ValueError as error:
        raise ValueError(f"{error}; or set download.train: 0, to do without a linear head") from error


def subset(items: Sequence[Item], limit: int | None, seed: int) -> list[Item]:
    """At most `limit` items, drawn without replacement in turns over the classes, in their original order.

    A larger limit with the same seed keeps the items of a smaller one.
    """
    if limit is None or limit >= len(items):
        return list(items)
    order = np.random.default_rng(seed).permutation(len(items))
    turns: dict[str, int] = {}
    ranked = []
    for position in order:
        name = items[position].class_name
        turns[name] = turns.get(name, 0) + 1
        ranked.append((turns[name], int(position)))
    chosen = sorted(ranked, key=lambda turn: turn[0])[:limit]
    return [items[position] for position in sorted(position for _, position in chosen)]


def _place(name: str, target: Path, workspace: Path, root: str | None, mirror: str | None) -> Place:
    """The user's copy, or the unpacked archives."""
    if root is not None:
        found = Root(root, f"download.root.{name}").fetch(target, workspace=workspace)
        if not found.is_dir():
            raise ValueError(f"download.root.{name}: {found} is a file; unpack it and give the folder")
        return Place(found, target)
    about = ABOUT[name]
    if not about.archives:
        raise ValueError(
            f"datasets has {name!r}, which is not fetched: set download.root.{name} to your copy ({about.by_hand})"
        )
    return Place(_unpacked(name, about.archives, workspace, mirror), target, borrowed=False)


def _unpacked(name: str, archives: Sequence[Archive], workspace: Path, mirror: str | None) -> Path:
    """The folder with what all archives hold, fetched and unpacked unless an earlier run did."""
    version = "-".join(next(iter(archive.source.checksums.values()))[:8] for archive in archives)
    whole, growing = workspace / f"{name}-{version}", workspace / f".{name}-{version}.partial"
    if whole.is_dir():
        return whole
    shutil.rmtree(growing, ignore_errors=True)
    for archive in archives:
        unpacked = unpack(_fetched(name, archive, workspace, mirror), growing / "archive", members=archive.members)
        for child in unpacked.iterdir():
            child.rename(growing / child.name)
    unpacked.rmdir()
    return growing.rename(whole)


def _fetched(name: str, archive: Archive, workspace: Path, mirror: str | None) -> Path:
    try:
        source = replace(archive.source, mirror=mirror)
    except ValueError as error:
        raise ValueError(f"download.mirror: {error}") from None
    try:
        return source.fetch(workspace / archive.name, workspace=workspace)
    except SourceError as error:
        raise SourceError(f"{error} (download.mirror.{name}, download.root.{name})") from error


def _split(name: str, splits: Mapping[str, str]) -> str:
    official = ABOUT[name].splits
    split = splits.get(name, official[0] if official else "")
    allowed = (*official, ALL) if official else ("",)
    if split not in allowed:
        raise ValueError(f"download.split.{name} is {split!r}: allowed are {', '.join(allowed)}")
    return split


def _check_keys(settings: Mapping[str, str], parameter: str, allowed: Iterable[str]) -> None:
    for key in settings:
        if key not in allowed:
            raise ValueError(f"download.{parameter} has {key!r}: allowed are {', '.join(allowed)}")


def _check_ids(records: Sequence[Record]) -> None:
    """Refuse two photos of one id, with ValueError: results are kept by id."""
    seen: dict[str, Path] = {}
    for record in records:
        if record.id in seen:
            raise ValueError(
                f"{seen[record.id]} and {record.image}: both are {record.id!r}; call one of them otherwise"
            )
        seen[record.id] = record.image
