"""Bring a data set, whatever its native layout, into the one form that every stage reads."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from tqdm import tqdm

from nas.data.about import ALL, Archive
from nas.data.archives import unpack
from nas.data.catalogue import DATASETS, DataSet
from nas.data.images import check_pixels
from nas.data.native import Listed, Place
from nas.data.records import TRAIN, Record, write_records
from nas.data.rules import DEFAULT, Rules
from nas.data.sources import Https, Root, SourceError
from nas.data.taken import Taken, write_taken
from nas.store import link

BASE = "base"
LONGEST = 200  # bytes of an id, which names files with endings of their own; file systems take 255


class Labelled(Protocol):
    """Whatever has a class name."""

    @property
    def class_name(self) -> str:
        """Name of its class, "" where unknown."""


Item = TypeVar("Item", bound=Labelled)


def prepare(
    name: str,
    target: Path,
    *,
    workspace: Path,
    annotations: Path,
    root: str | None = None,
    mirror: str | None = None,
    split: str | None = None,
    limit: int | None = None,
    train: int | None = 0,
    seed: int = 0,
    rules: Rules = DEFAULT,
) -> Taken:
    """Bring a data set into the one form of `nas.data.records`, in the folder `target`; returns what was taken.

    What was in `target` is replaced at the end, and stays where anything is raised before.

    Photos of the official train split, to fit a linear head to, go into the folder `TRAIN` in it, where there is such
    a split and it is not the one to evaluate on.

    Parameters
    ----------
    workspace : scratch folder for downloads; what was fetched and verified there is not fetched again
    annotations : folder of the annotations that come with this project
    root : a folder that the user already has, in the data set's native layout, used in place
    mirror : base address that replaces the host of the official address
    split : official split, or "all"; by default the first of `About.splits`
    limit : keep a class-balanced subset of this many photos, see `subset`
    train : likewise of the train split; None for all of its photos
    rules : how truth is read that is not sharp

    Raises
    ------
    ValueError : an unknown data set or split, a native file that is missing or not as it must be, a root in `target`
    SourceError : a file that cannot be fetched or a checksum that differs
    """
    if name not in DATASETS:
        raise ValueError(f"datasets has {name!r}: allowed are {', '.join(DATASETS)}")
    chosen = DATASETS[name]
    part = split_of(name, split)
    growing = target.with_name(f".{target.name}.partial")  # a fixed name, so that what a killed run left is found
    shutil.rmtree(growing, ignore_errors=True)
    if chosen.about.packaged:
        place = Place(annotations / name, growing, workspace, borrowed=False)
    else:
        place = replace(_place(chosen, growing, workspace, root, mirror), rules=rules)
    if place.root.resolve().is_relative_to(target.resolve()):
        raise ValueError(f"{place.root}: is in {target}, where the prepared data set is to be; give another target")
    try:
        taken = _prepare(chosen, place, part, limit, train, seed)
        shutil.rmtree(target, ignore_errors=True)
        growing.rename(target)
    finally:
        shutil.rmtree(growing, ignore_errors=True)
    return taken


def _prepare(chosen: DataSet, place: Place, part: str, limit: int | None, train: int | None, seed: int) -> Taken:
    """Fill the target of a place with the photos of a split, and of the train split, see `prepare`."""
    listed = _listed(chosen, place, part)
    if not listed:
        raise ValueError(
            f"{place.root}: has no photo of the split {part!r}; set download.split.{chosen.name} to another"
        )
    if TRAIN in chosen.about.splits and part not in (TRAIN, ALL) and train != 0:
        _prepare_train(chosen, replace(place, target=place.target / TRAIN, left_out=Counter()), train, seed)
    taken = Taken()
    write_records(taken.counted(_completed(chosen.name, subset(listed, limit, seed))), place.target)
    taken.left_out = {what: n for what, n in sorted(place.left_out.items()) if n}
    write_taken(taken, place.target)
    return taken


def _listed(chosen: DataSet, place: Place, split: str) -> list[Listed]:
    found = chosen.photos(place, split)
    _check_ids([each.record for each in found])
    return found


def _completed(name: str, listed: Sequence[Listed]) -> Iterator[Record]:
    for each in tqdm(listed, desc=f"download {name}", unit="photo", disable=None):
        record = each.complete(each.record)
        check_pixels(record.image, record.size)
        yield record


def _prepare_train(chosen: DataSet, place: Place, limit: int | None, seed: int) -> None:
    try:
        listed = _listed(chosen, place, TRAIN)
        if listed:
            write_records(_completed(chosen.name, subset(listed, limit, seed)), place.target)
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


def _place(chosen: DataSet, target: Path, workspace: Path, root: str | None, mirror: str | None) -> Place:
    """The user's copy, or the unpacked archives."""
    name, about = chosen.name, chosen.about
    if root is not None:
        found = Root(root, f"download.root.{name}").fetch(target, workspace=workspace)
        if not found.is_dir():
            raise ValueError(f"download.root.{name}: {found} is a file; unpack it and give the folder")
        return Place(found, target, workspace)
    if not about.archives:
        raise ValueError(
            f"datasets has {name!r}, which is not fetched: set download.root.{name} to your copy ({about.by_hand})"
        )
    return Place(_unpacked(chosen, workspace, mirror), target, workspace, borrowed=False)


def _unpacked(chosen: DataSet, workspace: Path, mirror: str | None) -> Path:
    """The folder with what all archives hold, fetched and unpacked unless an earlier run did."""
    name = f"{chosen.name}-{chosen.about.version}"
    whole, growing = workspace / name, workspace / f".{name}.partial"
    if whole.is_dir():
        return whole
    shutil.rmtree(growing, ignore_errors=True)
    for archive in chosen.about.archives:
        fetched = _fetched(chosen.name, archive, workspace, mirror)
        if archive.place is not None:
            link(fetched, growing / archive.place)
            continue
        unpacked = unpack(fetched, growing / "archive", members=archive.members)
        for child in unpacked.iterdir():
            child.rename(growing / child.name)
        unpacked.rmdir()
    return growing.rename(whole)


def mirrored(archive: Archive, mirror: str | None) -> Https:
    """Where an archive comes from. Raises ValueError for an address that is none."""
    try:
        return replace(archive.source, mirror=mirror)
    except ValueError as error:
        raise ValueError(f"download.mirror: {error}") from None


def _fetched(name: str, archive: Archive, workspace: Path, mirror: str | None) -> Path:
    source = mirrored(archive, mirror)
    try:
        return source.fetch(workspace / archive.name, workspace=workspace)
    except SourceError as error:
        raise SourceError(f"{error} (download.mirror.{name}, download.root.{name})") from error


def split_of(name: str, split: str | None) -> str:
    """The split of a data set that is used. Raises ValueError for one that it does not have."""
    official = DATASETS[name].about.splits
    chosen = split or (official[0] if official else "")
    allowed = (*official, ALL) if official else ("",)
    if chosen not in allowed:
        raise ValueError(f"download.split.{name} is {chosen!r}: allowed are {', '.join(allowed)}")
    return chosen


def _check_ids(records: Sequence[Record]) -> None:
    """Refuse, with ValueError, an id that cannot name a file, and two photos of one id: results are kept by id."""
    seen: dict[str, Path] = {}
    for record in records:
        try:
            n_bytes = len(record.id.encode())
        except UnicodeEncodeError:
            raise ValueError(f"{record.image}: its name is not in UTF-8; rename it") from None
        if n_bytes > LONGEST:
            raise ValueError(f"{record.image}: its name has {n_bytes} bytes; give it {LONGEST} at most")
        if record.id in seen:
            raise ValueError(
                f"{seen[record.id]} and {record.image}: both are {record.id!r}; call one of them otherwise"
            )
        seen[record.id] = record.image
