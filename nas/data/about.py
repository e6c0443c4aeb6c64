"""What is known of a data set before it is there: licence, citation, size, where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from nas.data.sources import Https

ALL = "all"  # in place of the name of a split


@dataclass(frozen=True)
class Archive:
    """An official archive.

    source : its addresses and checksums
    members : names inside the archive that are used; None for all
    """

    source: Https
    members: tuple[str, ...] | None = None

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
    size : bytes of the download, by the stage or by hand; None where they are not published
    photos : official split to its number of photos, the split used by default first; "" where there are no splits;
        nothing where the number is the user's
    archives : what the stage fetches where the user gives no copy; none where only a copy will do
    packaged : whether the photos come one by one out of packages instead
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

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the official splits, the one used by default first."""
        return tuple(split for split in self.photos if split)

    def n_photos(self, split: str | None = None, limit: int | None = None) -> int | None:
        """Photos of a split, of "all" of them, or of the default one, at most `limit`; None where that is not known."""
        chosen = split or next(iter(self.photos), "")
        found = sum(self.photos.values()) if chosen == ALL else self.photos.get(chosen, 0)
        return min(found, limit or found) or None
