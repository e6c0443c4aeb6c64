"""Files: checksums, and writing so that a file is whole, on disk, or absent."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def checksum_of(path: str | Path, algorithm: str) -> str:
    """Return the checksum of a file in lower-case hexadecimal digits; `algorithm` as hashlib names it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file as 64 lower-case hexadecimal digits."""
    return checksum_of(path, "sha256")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, see `new_file`."""
    with new_file(path) as file:
        file.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write: it is whole, on disk, or absent. An OSError, of a full disk say, names the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename not in (None, str(temporary)):  # of a file that was read to write this one
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically, indented, with a final newline."""
    with new_file(path) as file:
        for text in json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(content):
            file.write(text.encode())
        file.write(b"\n")


def link(source: Path, target: Path) -> None:
    """Hard link, or copy where the file system has none; atomic."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.link(source, temporary)
    except OSError:
        write_bytes(target, source.read_bytes())
        return
    os.replace(temporary, target)
    temporary.unlink(missing_ok=True)  # where both are links to one file already, replacing does nothing
