"""Unpacking archives that strangers made.

Nothing is written outside the target folder, no more is written than allowed, and the target folder has its
name only once all of it is there. Of tar files it is tarfile's own data filter that judges the members.
"""

import errno
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, cast

from tqdm import tqdm

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
DAMAGE = (
    tarfile.ReadError,
    tarfile.HeaderError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
)


class ArchiveError(ValueError):
    """An archive that is damaged or not to be trusted: one line naming it, its member and what to do."""


def unpack(
    archive: str | Path,
    target_folder: str | Path,
    *,
    members: Iterable[str] | None = None,
    max_total_bytes: int = 64 * 1024**3,
    progress: bool | None = None,
) -> Path:
    """Unpack a .tar, .tar.gz, .tgz, .tar.bz2, .tbz2, .tar.xz, .txz or .zip file.

    Parameters
    ----------
    archive : the file; its ending tells the format
    target_folder : folder to make; it must be absent or empty
    members : names inside the archive to unpack, files or whole folders; None for everything
    max_total_bytes : most bytes to write; a zip bomb exceeds them
    progress : show a bar of archive bytes read; None shows it on a terminal only

    Returns
    -------
    `target_folder`; members keep their names below it.

    Raises
    ------
    ArchiveError
        A member whose name is absolute or holds ``..``, that is a link or a device; an archive that is encrypted,
        damaged or larger than allowed; an absent member; a `target_folder` in use; a full disk. Nothing is left under
        `target_folder` then, nor after a kill: unpack again.
    """
    archive, target = Path(archive), Path(target_folder)
    if not archive.is_file():
        raise ArchiveError(f"{archive} is not a file: correct archive, or download it first")
    if not archive.name.lower().endswith(ENDINGS):
        raise ArchiveError(f"{archive} has an unknown ending: archive must be one of {', '.join(ENDINGS)}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArchiveError(f"{target} exists and is not an empty folder: remove it to unpack {archive.name}")
    wanted = _Wanted(archive, members, max_total_bytes)
    # a fixed name, so that what a killed run left is found and removed
    growing = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(growing, ignore_errors=True)
        growing.mkdir(parents=True)
        _fill(archive, growing, wanted, None if progress is None else not progress)
        if target.exists():
            target.rmdir()
        return growing.replace(target)
    except tarfile.FilterError as error:
        raise ArchiveError(f"{archive} is not safe to unpack ({error}): do not trust it") from error
    except DAMAGE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ArchiveError(f"{archive} is damaged ({reason}): download it again") from error
    except OSError as error:
        hint = "make room" if error.errno == errno.ENOSPC else f"check {error.filename or target}"
        raise ArchiveError(f"{archive} cannot be unpacked to {target} ({error.strerror}): {hint}") from error
    finally:
        shutil.rmtree(growing, ignore_errors=True)


def _fill(archive: Path, folder: Path, wanted: "_Wanted", hidden: bool | None) -> None:
    """Write what is wanted of an archive into a folder."""
    size = archive.stat().st_size
    with (
        archive.open("rb") as file,
        tqdm.wrapattr(file, "read", desc=archive.name, total=size, disable=hidden) as shown,
    ):
        fill = _fill_from_zip if archive.name.lower().endswith(".zip") else _fill_from_tar
        fill(cast(BinaryIO, shown), folder, wanted)
    wanted.check_all_found()


class _Wanted:
    """Decides on each member, by name and size, and adds up."""

    def __init__(self, archive: Path, members: Iterable[str] | None, allowed: int) -> None:
        self._archive, self._allowed, self._total = archive, allowed, 0
        self._members = None if members is None else {str(PurePosixPath(name)) for name in members}
        self._found: set[str] = set()

    def take(self, name: str, size: int) -> bool:
        """Whether a member is to be unpacked. Raises ArchiveError for one that is not to be trusted."""
        path = PureWindowsPath(name)  # reads both kinds of slash, and drives
        if path.anchor or ".." in path.parts:
            raise ArchiveError(f"{self._archive} holds {name!r}, which leads outside its folder: do not trust it")
        posix = PurePosixPath(name)
        chosen = {str(posix), *map(str, posix.parents)} & (self._members or set())
        self._found |= chosen
        if self._members is not None and not chosen:
            return False
        self._total += size
        if self._total > self._allowed or size < 0:
            raise ArchiveError(
                f"{self._archive} holds more than max_total_bytes = {self._allowed} bytes (seen at {name}): "
                "raise it if you trust the archive"
            )
        return True

    def check_all_found(self) -> None:
        """Raise ArchiveError for a name that the archive lacks."""
        missing = (self._members or set()) - self._found
        if missing:
            raise ArchiveError(f"{self._archive} has no member {min(missing)!r}: correct members")


def _fill_from_tar(file: BinaryIO, folder: Path, wanted: _Wanted) -> None:
    def judge(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        if not wanted.take(member.name, member.size):
            return None
        if member.issym() or member.islnk():  # of no use in a data set, and one may lead outside through another
            raise tarfile.SpecialFileError(member)
        return tarfile.data_filter(member, path)

    with tarfile.open(fileobj=file) as tar:
        tar.errorlevel = 2  # a member that is refused ends it
        tar.extractall(folder, filter=judge)
        _check_end(tar, file)


def _check_end(tar: tarfile.TarFile, file: BinaryIO) -> None:
    """Raise ReadError for a tar file that breaks off, where tarfile itself would see a shorter archive."""
    stream = tar.fileobj
    if stream is file:
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no end-of-archive block")
    elif stream is not None:
        while stream.read(tarfile.RECORDSIZE):  # the checksum of a compressed stream is at its end
            pass


def _fill_from_zip(file: BinaryIO, folder: Path, wanted: _Wanted) -> None:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise zipfile.BadZipFile(f"{info.filename} is encrypted")
            if not wanted.take(info.filename, info.file_size):
                continue
            if _is_special(info):
                raise tarfile.SpecialFileError(tarfile.TarInfo(info.filename))
            archive.extract(info, folder)


def _is_special(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a link or a device: neither file nor folder by its Unix mode, where it has one."""
    return stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR)
