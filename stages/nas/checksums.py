"""Checksums of files of any size."""

import hashlib
from pathlib import Path


def checksum_of(path: str | Path, algorithm: str) -> str:
    """Return the checksum of a file in lower-case hexadecimal digits; `algorithm` as hashlib names it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file as 64 lower-case hexadecimal digits."""
    return checksum_of(path, "sha256")
