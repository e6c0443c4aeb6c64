"""Unpacking archives that strangers made.

Nothing is written outside the target folder, no more is written than allowed, and the target folder has its
name only once all of it is there.
"""

import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, NamedTuple

from tqdm import tqdm

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    KeyError,
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
    archive
        The file; its ending tells the format.
    target_folder
        Folder to make; it must be absent or empty.
    members
        Names inside the archive to unpack, files or whole folders; None for everything.
    max_total_bytes
        Most bytes to write; a zip bomb exceeds them.
    progress
        Show a bar of archive bytes read; None shows it on a terminal only.

    Returns
    -------
    Path
        `target_folder`. Members keep their names below it; symbolic links that stay inside it are kept.

    Raises
    ------
    ArchiveError
        A member whose name is absolute or holds ``..``, that links outside, or is a device; a link in a
        zip file; an archive that is encrypted, damaged or larger than allowed; an absent member; a
        `target_folder` in use; a full disk. Nothing is left under `target_folder` then, nor
        after a kill: unpack again.
    """
    archive, target = Path(archive), Path(target_folder)
    if not archive.is_file():
        raise ArchiveError(f"{archive} is not a file: correct archive, or download it first")
    if not archive.name.lower().endswith(ENDINGS):
        raise ArchiveError(f"{archive} has an unknown ending: archive must be one of {', '.join(ENDINGS)}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArchiveError(f"{target} exists and is not an empty folder: remove it to unpack {archive.name}")
    wanted = None if members is None else {str(PurePosixPath(name)) for name in members}
    # a fixed name, so that what a killed run left is found and removed
    growing = target.with_name(f".{target.name}.partial")
    try:
        _remove(growing)
        growing.mkdir(parents=True)
        _fill(growing, archive, wanted, max_total_bytes, None if progress is None else not progress)
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
        _remove(growing)


class _Member(NamedTuple):
    name: str
    size: int
    extract: Callable[[Path], object]


def _fill(folder: Path, archive: Path, wanted: set[str] | None, allowed: int, hidden: bool | None) -> None:
    found: set[str] = set()
    links: list[Path] = []
    total, whole = 0, archive.stat().st_size
    walk = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    with (
        archive.open("rb") as file,
        tqdm(desc=archive.name, total=whole, unit="B", unit_scale=True, disable=hidden) as bar,
    ):
        for member in walk(file):
            _check_name(member.name, archive)
            name = PurePosixPath(member.name)
            if wanted is not None:
                chosen = wanted & {str(name), *map(str, name.parents)}
                found |= chosen
                if not chosen:
                    continue
            total += member.size
            if total > allowed or member.size < 0:
                raise ArchiveError(
                    f"{archive} holds more than max_total_bytes = {allowed} bytes (seen at {member.name}): "
                    "raise it if you trust the archive"
                )
            member.extract(folder)
            if (folder / name).is_symlink():
                links.append(folder / name)
            elif not (folder / name).exists():  # tarfile leaves out a link whose target is not in the archive
                raise tarfile.ExtractError(f"{member.name} cannot be written")
            bar.update(file.tell() - bar.n)
    if wanted is not None and wanted - found:
        raise ArchiveError(f"{archive} has no member {min(wanted - found)!r}: correct members")
    for link in links:  # one link may lead outside through another, so they are judged together
        if not Path(os.path.realpath(link)).is_relative_to(folder.resolve()):
            raise ArchiveError(f"{archive} holds the link {link.name}, which leads outside: do not trust it")


def _tar_members(file: BinaryIO) -> Iterator[_Member]:
    """Files first and links last, so that no file is written through a link."""
    links = []
    with tarfile.open(fileobj=file) as tar:
        for member in tar:
            if member.issym() or member.islnk():
                links.append(member)
            else:
                yield _Member(member.name, member.size, partial(tar.extract, member, filter="data"))
        _check_end(tar, file)
        sizes = {member.name: member.size for member in tar.getmembers()}
        for member in links:
            # a hard link to a file that was left out is written as a copy
            size = sizes.get(member.linkname, 0) if member.islnk() else 0
            yield _Member(member.name, size, partial(tar.extract, member, filter="data"))


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


def _zip_members(file: BinaryIO) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise zipfile.BadZipFile(f"{info.filename} is encrypted")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise tarfile.SpecialFileError(tarfile.TarInfo(info.filename))
            yield _Member(info.filename, info.file_size, partial(archive.extract, info))


def _check_name(name: str, archive: Path) -> None:
    path = PureWindowsPath(name)  # reads both kinds of slash, and drives
    if path.anchor or ".." in path.parts:
        raise ArchiveError(f"{archive} holds {name!r}, which leads outside its folder: do not trust it")


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
