"""One file over https into one partial file that survives interruptions.

What has arrived is never asked for again, unless the file changed in between: a range is conditional on the
ETag or Last-Modified noted when the partial file began (RFC 9110, sections 13.1.5 and 14). Servers that
ignore ranges, announce a wrong length, stall or answer 5xx are all met by the same rule: size and checksum
decide, and an attempt is repeated, later and later, for as long as new bytes arrive.
"""

import ipaddress
import json
import random
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from tqdm import tqdm

CHUNK = 1 << 18
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 60.0


class TransferError(Exception):
    """This address does not give the file, and asking again would not help."""


class BrokenTransferError(TransferError):
    """The transfer may succeed when it is tried again, after `retry_after` seconds at least."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Transfer:
    """The file at `address` on its way into `part`.

    Parameters
    ----------
    session
        From `open_session`.
    address
        Where the file is.
    part
        Partial file; what it holds is continued. Its validator lies beside it, in `note_of(part)`.
    label
        Name on the progress bar.
    size
        Bytes of the whole file, None where unknown.
    difference
        Says what tells a file from the wanted one, None where it is the wanted one.
    attempts, backoff, timeout
        See `nas.data.sources.Https`.
    hidden
        No progress bar; None hides it where stderr is no terminal.
    """

    session: requests.Session
    address: str
    part: Path
    label: str
    size: int | None
    difference: Callable[[Path], str | None]
    attempts: int
    backoff: float
    timeout: float
    hidden: bool | None

    def run(self) -> None:
        """Complete `part` and verify it. Raises TransferError, and OSError where the disk refuses."""
        failures, furthest = 0, size_of(self.part)
        while True:
            try:
                return self._attempt()
            except BrokenTransferError as reason:
                arrived = size_of(self.part)
                failures = 1 if arrived > furthest else failures + 1
                furthest = max(furthest, arrived)
                if failures >= self.attempts:
                    raise TransferError(f"{reason} ({failures} attempts)") from reason
                wait = self.backoff * 2.0 ** (failures - 1) * random.uniform(0.5, 1.0)
                time.sleep(min(max(wait, reason.retry_after), LONGEST_WAIT))

    def _attempt(self) -> None:
        if self.size is not None and size_of(self.part) > self.size:
            self.part.unlink()
        start = size_of(self.part)
        unsatisfiable, broken = False, None
        if start == 0 or start != self.size:
            try:
                with self._request(start) as response:
                    unsatisfiable = response.status_code == 416
                    if not unsatisfiable:
                        start = self._receive(response)
            except BrokenTransferError as reason:
                broken = reason
        difference = self.difference(self.part) if self.part.exists() else "nothing arrived"
        if difference is None:
            return
        if broken is not None:
            raise broken
        if self.size is not None and size_of(self.part) < self.size and not unsatisfiable:
            raise BrokenTransferError(f"ended after {size_of(self.part)} of {self.size} bytes")
        self.part.unlink()
        # bytes of an earlier request may be to blame: one transfer from the start decides
        raise BrokenTransferError(difference) if start else TransferError(difference)

    @contextmanager
    def _request(self, start: int) -> Iterator[requests.Response]:
        """Ask for all from offset `start`: yields a 200, a 206 that begins there, or a 416."""
        # a body compressed on its way would make ranges count other bytes than the file's
        headers = {"Accept-Encoding": "identity"}
        field, value = self._validator() if start else ("", "")
        if start:
            headers["Range"] = f"bytes={start}-"
        if field:
            headers["If-Range"] = value
        try:
            response = self.session.get(self.address, headers=headers, stream=True, timeout=self.timeout)
        except (requests.ConnectionError, requests.Timeout) as error:
            root = _root(error)
            if isinstance(root, ssl.SSLCertVerificationError):
                raise TransferError(f"its certificate is not trusted ({root})") from error
            raise BrokenTransferError(f"no answer ({root or type(root).__name__})") from error
        except requests.RequestException as error:
            raise TransferError(str(error)) from error
        with response:
            status = response.status_code
            if status in TEMPORARY:
                seconds = response.headers.get("Retry-After", "")
                after = float(seconds) if seconds.isdecimal() else 0.0
                raise BrokenTransferError(f"answered {status} {response.reason}", after)
            if status == 206:
                # some servers ignore If-Range, and some continue elsewhere than asked
                same = response.headers.get(field, value) == value
                if not same or not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                    self.part.unlink(missing_ok=True)
                    raise BrokenTransferError("the file changed between two ranges")
            elif status != 200 and not (status == 416 and start):
                raise TransferError(f"answered {status} {response.reason}")
            yield response

    def _receive(self, response: requests.Response) -> int:
        """Write the body at its place in `part`; return the offset of its first byte."""
        start = size_of(self.part) if response.status_code == 206 else 0
        if start == 0:
            self.part.write_bytes(b"")
            fields = {field: response.headers.get(field, "") for field in ("ETag", "Last-Modified")}
            note_of(self.part).write_text(encoding="utf-8", data=json.dumps({"address": self.address, **fields}))
        with (
            self.part.open("ab") as file,
            tqdm(
                desc=self.label,
                total=self.size,
                initial=start,
                unit="B",
                unit_scale=True,
                disable=self.hidden,
            ) as bar,
        ):
            for chunk in _body(response):
                file.write(chunk)
                bar.update(len(chunk))
                if self.size is not None and file.tell() > self.size:
                    break
        return start

    def _validator(self) -> tuple[str, str]:
        """Header and value that tell this version of the file from others at the same address, or two ''."""
        try:
            note = json.loads(note_of(self.part).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return "", ""
        if note["address"] == self.address:
            # a weak ETag does not promise equal bytes, so it may not guard a range
            if note["ETag"] and not note["ETag"].startswith("W/"):
                return "ETag", note["ETag"]
            if note["Last-Modified"]:
                return "Last-Modified", note["Last-Modified"]
        return "", ""


def open_session() -> requests.Session:
    """Return a session that no redirect can lead to plain http on another machine."""
    session = requests.Session()
    session.mount("http://", _LoopbackAdapter())
    return session


def check_address(address: str) -> None:
    """Refuse, with ValueError, what is neither https nor plain http on a loopback host."""
    parts = urlsplit(address)
    if not parts.hostname or parts.scheme not in ("https", "http"):
        raise ValueError(f"an address must look like https://host/path, got {address!r}")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"plain http can be tampered with on its way: use https, got {address!r}")


def size_of(part: Path) -> int:
    """Bytes in `part`, 0 where there is no such file."""
    return part.stat().st_size if part.exists() else 0


def note_of(part: Path) -> Path:
    """Where the address and the validator of `part` are noted."""
    return part.with_name(part.name + ".validator")


class _LoopbackAdapter(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            check_address(str(request.url))
        except ValueError as error:
            raise requests.exceptions.InvalidURL(f"leads elsewhere: {error}") from error
        return super().send(request, *args, **kwargs)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _body(response: requests.Response) -> Iterator[bytes]:
    """Bytes as they arrive and as they were sent: a Content-Encoding must not unpack an archive."""
    try:
        # read1 returns what is there; read would wait for a full chunk and lose it when the connection breaks
        while chunk := response.raw.read1(CHUNK, decode_content=False):
            yield chunk
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise BrokenTransferError(f"broke off ({_root(error) or type(error).__name__})") from error


def _root(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error
