"""Files: checksums, writing so that a file is whole, on disk, or absent, and reading what may be damaged."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open

from nas.store.words import one_line


def checksum_of(path: str | Path, algorithm: str) -> str:
    """Return the checksum of a file in lower-case hexadecimal digits.

    Parameters: `algorithm`, as hashlib names it, or "git_blob": the name that git gives to the content of a file, the
    sha1 of "blob", a blank, the number of bytes, a zero byte and the content.
    """
    with open(path, "rb") as file:
        if algorithm != "git_blob":
            return hashlib.file_digest(file, algorithm).hexdigest()
        digest = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size)
        while block := file.read(2**20):
            digest.update(block)
        return digest.hexdigest()


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file as 64 lower-case hexadecimal digits."""
    return checksum_of(path, "sha256")


def expanded(path: str, key: str) -> Path:
    """A path with `~` in place of a home folder; ValueError, with the key of params.yaml, where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{key} is {path!r}: {error} Write the whole path") from None


def state_of(path: Path) -> str | None:
    """What changes when a file, or any file in a folder, does: 64 hexadecimal digits, None where there is nothing.

    It is the sha256 of a file; of a folder that of the names, sizes and times of change of all files in it.
    """
    if not path.is_dir():
        return sha256_of(path) if path.exists() else None
    digest, seen = hashlib.sha256(), set()
    for folder, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else sorted(folders)  # those that are walked, in this order
        seen.add(real)
        for name in sorted(names):
            file = os.path.join(folder, name)
            known = os.stat(file) if os.path.exists(file) else os.lstat(file)  # of a link that leads nowhere
            entry = f"{os.path.relpath(file, path)}\0{known.st_size}\0{known.st_mtime_ns}\0"
            digest.update(entry.encode(errors="surrogateescape"))
    return digest.hexdigest()


def distrust(path: Path) -> None:
    """Make DVC look at the content of its copy of a damaged file, which it does not while that is read-only."""
    with suppress(OSError):
        path.chmod(0o644)  # both are one file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """While a file is read that a stage wrote.

    Raises
    ------
    ValueError : it is damaged, cut short say; what to do
    """
    try:
        yield
    except (OSError, SafetensorError, KeyError, SyntaxError, TypeError, ValueError) as error:  # of a PNG, SyntaxError
        # it says itself what is wrong, and with which file
        if isinstance(error, FileNotFoundError) or (isinstance(error, OSError) and error.errno is not None):
            raise
        distrust(path)
        raise ValueError(
            f"{path}: is damaged ({one_line(error)}); remove it and run dvc repro, which makes it anew"
        ) from None


def read_json(path: Path) -> Any:
    """The content of a JSON file that a stage wrote. Raises ValueError where it is damaged."""
    with reading(path):
        return json.loads(path.read_text(encoding="utf-8"))


def is_whole(path: Path) -> bool:
    """Whether a safetensors file is there; one that is damaged is removed, and a line on stderr says so."""
    try:
        with safe_open(path, framework="numpy"):
            return True
    except FileNotFoundError:
        return False
    except SafetensorError as error:
        distrust(path)
        path.unlink()
        print(f"{path}: is damaged ({error}); removed, it is computed again", file=sys.stderr)
        return False


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, see `new_file`."""
    with new_file(path) as file:
        file.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write: it is whole, on disk, or absent. An OSError, of a full disk say, names the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):  # of what was read to write this one
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """A name next to a file that no other process takes, on this machine or another one that sees the folder."""
    return path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.part")


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically, indented, with a final newline."""
    with new_file(path) as file:
        for text in json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(content):
            file.write(text.encode())
        file.write(b"\n")


def move(names: Iterable[Path], source: Path, target: Path) -> None:
    """Give files that are whole, in one folder, their places in another on the same disk, which needs no room."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(source / name, target / name)


def link(source: Path, target: Path) -> None:
    """Hard link, or copy where the file system has none; atomic."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    try:
        os.link(source, temporary)
    except OSError:
        write_bytes(target, source.read_bytes())
        return
    os.replace(temporary, target)
    temporary.unlink(missing_ok=True)  # where both are links to one file already, replacing does nothing
