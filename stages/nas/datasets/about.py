"""What is known of a data set before it is there: licence, citation, size, where it comes from."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from nas.sources import Https


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
    splits : names of the official splits, the one used by default first
    archives : what the stage fetches where the user gives no copy; none where only a copy will do
    """

    title: str
    licence: str
    citation: str
    used_for: str
    by_hand: str
    size: int | None
    splits: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()
