"""What is known of a data set before it is there: licence, citation, size, where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from nas.data.sources import Https

ALL = "all"  # in place of the name of a split
VERSION = 12  # digits


@dataclass(frozen=True)
class Archive:
    """An official archive, or a single file.

    source : its addresses and checksums
    members : names inside the archive that are used; None for all
    place : of a single file, its path below the root of the data set; None of an archive, which is unpacked there
    """

    source: Https
    members: tuple[str, ...] | None = None
    place: str | None = None

    @property
    def name(self) -> str:
        """File name of the archive."""
        return PurePosixPath(urlsplit(self.source.url).path).name


@dataclass(frozen=True)
class About:
    """A data set in words.

    title : official name
    licence : of the photos and of the annotations
    citation : the publication to cite
    used_for : which results use it, and which truth it has
    by_hand : how a user gets a copy for `download.root`, in one line
    size : bytes of the download, by the stage or by hand, as far as they are published; None where none are
    photos : official split to its number of photos, the split used by default first; "" where there are no splits;
        nothing where the number is the user's
    archives : what the stage fetches where the user gives no copy; none where only a copy will do
    packaged : whether the photos come one by one out of packages instead
    rules : which of `nas.data.rules` it is read by
    beside : folders that are read next to the root of the user's copy, where they are there
    """

    title: str
    licence: str
    citation: str
    used_for: str
    by_hand: str
    size: int | None
    photos: Mapping[str, int] = field(default_factory=dict)
    archives: tuple[Archive, ...] = ()
    packaged: bool = False
    rules: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the official splits, the one used by default first."""
        return tuple(split for split in self.photos if split)

    @property
    def version(self) -> str:
        """What changes when another archive is fetched, or something else is taken of one."""
        used = [(archive.source.checksums, archive.members, archive.place) for archive in self.archives]
        return sha256(repr(used).encode()).hexdigest()[:VERSION]

    def n_photos(self, split: str | None = None, limit: int | None = None) -> int | None:
        """Photos of a split, of "all" of them, or of the default one, at most `limit`; None where that is not known."""
        chosen = split or next(iter(self.photos), "")
        found = sum(self.photos.values()) if chosen == ALL else self.photos.get(chosen, 0)
        return min(found, limit or found) or None
