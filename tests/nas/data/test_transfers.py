"""Downloads from a server on this machine that follows a script: the next answers, then honest ones."""

import errno
import hashlib
import io
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.sources import Https, SourceError
from nas.data.transfers import Transfer, TransferError, check_address, note_of, open_session, size_of

DATA = random.Random(0).randbytes(200_000)
OTHER = random.Random(1).randbytes(200_000)


@dataclass
class Answer:
    """What the server does with one request; by default all that HTTP asks for."""

    data: bytes = DATA
    etag: str = '"one"'
    modified: str = ""
    status: int = 0
    location: str = ""
    retry_after: str = ""
    encoding: str = ""
    announced: int | None = None  # Content-Length, whatever the body is
    cut: int | None = None  # bytes of the body after which ...
    ending: str = "close"  # ... the connection is closed, reset or stalls
    first: int | None = None  # Content-Range, whatever was asked for
    ranges: bool = True
    if_range: bool = True


@dataclass
class Asked:
    path: str
    start: int
    guarded: bool
    sent: int = 0


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self):
        answer = self.server.script.pop(0) if self.server.script else self.server.usual
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        guard = self.headers.get("If-Range")
        asked = Asked(self.path, int(wanted[1]) if wanted else 0, guard is not None)
        self.server.asked.append(asked)
        start, status = 0, 200
        validators = {value for value in (answer.etag, answer.modified) if value}
        if wanted and answer.ranges and (guard is None or guard in validators or not answer.if_range):
            start, status = asked.start, 206
        if status == 206 and start >= len(answer.data):
            status = 416
        body = answer.data[start:] if status in (200, 206) else b""
        if answer.status:
            status, body = answer.status, b"sorry"
        self.send_response(status)
        fields = {"ETag": answer.etag, "Last-Modified": answer.modified, "Location": answer.location}
        fields |= {"Retry-After": answer.retry_after, "Content-Encoding": answer.encoding}
        if status == 206:
            first = start if answer.first is None else answer.first
            fields["Content-Range"] = f"bytes {first}-{len(answer.data) - 1}/{len(answer.data)}"
        fields["Content-Length"] = str(len(body) if answer.announced is None else answer.announced)
        for field, value in fields.items():
            if value:
                self.send_header(field, value)
        self.end_headers()
        body = body[: answer.cut]
        for first in range(0, len(body), 1 << 20):
            piece = body[first : first + (1 << 20)]
            asked.sent += len(piece)  # before it is sent, so that a client that has it finds it counted
            self.wfile.write(piece)
        if answer.cut is not None and answer.ending == "stall":
            self.server.released.wait(20)
        if answer.cut is not None and answer.ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True

    def log_message(self, *_args):
        pass


class Server(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.released = threading.Event()
        self.reset()

    def reset(self, *script, usual=None):
        self.script, self.usual, self.asked = list(script), usual or Answer(), []
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_args):
        pass  # clients that go away in the middle are what is tested


@pytest.fixture(scope="module")
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


def source(url, **options):
    """The file DATA, with little patience."""
    options = {"size": len(DATA), "attempts": 3, "backoff": 0.0, "timeout": 0.3} | options
    if "md5" not in options:
        options.setdefault("sha256", hashlib.sha256(DATA).hexdigest())
    return Https(url, **options)


def fetched(description, folder):
    target = folder / "out" / "set.tgz"
    assert description.fetch(target, workspace=folder / "work") == target
    assert target.read_bytes() == DATA
    assert list((folder / "work").iterdir()) == []
    return True


def failed(description, folder, *words):
    with pytest.raises(SourceError) as caught:
        description.fetch(folder / "out" / "set.tgz", workspace=folder / "work")
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message
    assert not (folder / "out" / "set.tgz").exists()
    return message


def part_of(folder, content, algorithm="sha256"):
    digits = hashlib.new(algorithm, DATA).hexdigest()
    (folder / "work").mkdir()
    part = folder / "work" / f"{digits[:12]}-set.tgz.part"
    part.write_bytes(content)
    return part


def transfer(session, url, part, **options):
    """The file DATA on its way, with no patience."""
    options = {"size": None, "attempts": 1, "difference": lambda path: None} | options
    return Transfer(session, url, part, "set", backoff=0.0, timeout=0.3, hidden=True, **options)


def test_what_tells_a_file_from_the_wanted_one_decides(server, tmp_path):
    url, part = server.reset() + "/set.tgz", tmp_path / "part"
    part.write_bytes(b"something else, and longer")
    with open_session() as session:
        transfer(
            session, url, part, difference=lambda path: None if path.read_bytes() == DATA else "other", attempts=2
        ).run()
        assert part.read_bytes() == DATA and size_of(part) == len(DATA)
        with pytest.raises(TransferError, match=r"^it is another$"):
            transfer(session, url, tmp_path / "fresh", difference=lambda path: "it is another").run()
    assert size_of(tmp_path / "fresh") == 0 and not (tmp_path / "fresh").exists()


def test_the_version_of_a_file_is_noted_beside_it(server, tmp_path):
    url, part = server.reset(Answer(cut=1000, etag='"three"')) + "/set.tgz", tmp_path / "part"
    with open_session() as session:
        with pytest.raises(TransferError, match="broke off"):
            transfer(session, url, part, size=len(DATA), difference=lambda path: "short").run()
        assert json.loads(note_of(part).read_text()) == {"address": url, "ETag": '"three"', "Last-Modified": ""}
        assert note_of(part).parent == part.parent and size_of(part) == 1000


@pytest.mark.parametrize("address", ["https://x/y", "http://127.0.0.1/y", "http://localhost:8/y", "http://[::1]/y"])
def test_addresses_that_may_be_asked(address):
    check_address(address)


@pytest.mark.parametrize(
    "address", ["http://x/y", "http://127.0.0.1.x/y", "ftp://x/y", "x/y", "https:///y", "file:///y"]
)
def test_addresses_that_may_not(address):
    with pytest.raises(ValueError, match=f"https.*got '{address}'"):
        check_address(address)


@pytest.mark.parametrize("known", [{}, {"size": None}, {"md5": hashlib.md5(DATA).hexdigest()}])
def test_one_request_and_none_when_the_file_is_there(server, tmp_path, known):
    description = source(server.reset() + "/set.tgz", **known)
    assert fetched(description, tmp_path) and fetched(description, tmp_path)
    assert [asked.path for asked in server.asked] == ["/set.tgz"]


def test_a_damaged_target_is_replaced(server, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "set.tgz").write_bytes(DATA[:-1] + b"x")
    assert fetched(source(server.reset()), tmp_path)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    cuts=st.lists(st.tuples(st.integers(1, 90_000), st.sampled_from(["close", "reset"])), max_size=5),
    size=st.sampled_from([None, len(DATA)]),
    modified=st.sampled_from(["", "Mon, 01 Jan 2024 00:00:00 GMT"]),
    etag=st.sampled_from(["", '"one"', 'W/"one"']),
)
def test_each_byte_is_sent_once(server, tmp_path_factory, cuts, size, modified, etag):
    honest = {"modified": modified, "etag": etag}
    script = [Answer(cut=cut, ending="close", **honest) for cut, _ in cuts]
    description = source(server.reset(*script, usual=Answer(**honest)), size=size, attempts=2)
    assert fetched(description, tmp_path_factory.mktemp("cuts"))
    assert sum(asked.sent for asked in server.asked) == len(DATA)
    strong = bool(modified) or etag == '"one"'
    assert all(asked.guarded == strong for asked in server.asked if asked.start)


def test_a_connection_reset(server, tmp_path):
    assert fetched(source(server.reset(*[Answer(cut=50_000, ending="reset")] * 2)), tmp_path)


def test_a_stall_keeps_what_arrived(server, tmp_path):
    assert fetched(source(server.reset(Answer(cut=70_000, ending="stall"))), tmp_path)
    assert [asked.start for asked in server.asked] == [0, 70_000]


def test_stalls_without_end(server, tmp_path):
    url = server.reset(usual=Answer(cut=0, ending="stall"))
    failed(source(url, attempts=2, timeout=0.1), tmp_path, url, "timed out", "2 attempts")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_that_passes(server, tmp_path, status):
    assert fetched(source(server.reset(*[Answer(status=status, retry_after="0")] * 2)), tmp_path)
    assert len(server.asked) == 3


def test_trouble_that_stays(server, tmp_path):
    url = server.reset(usual=Answer(status=503))
    failed(source(url), tmp_path, url, "503", "3 attempts")
    assert len(server.asked) == 3


def test_waiting_grows_with_jitter_and_heeds_the_server(server, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("nas.data.transfers.time.sleep", waits.append)
    script = [Answer(status=500)] * 3 + [
        Answer(status=503, retry_after="20"),
        Answer(status=503, retry_after="9999"),
    ]
    assert fetched(source(server.reset(*script), attempts=6, backoff=1.0), tmp_path)
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits[:3]))
    assert waits[3:] == [20, 60]


def test_progress_renews_the_attempts(server, tmp_path):
    assert fetched(source(server.reset(*[Answer(cut=20_000)] * 8), attempts=2), tmp_path)


def test_not_found_is_not_asked_again(server, tmp_path):
    url = server.reset(usual=Answer(status=404)) + "/set.tgz"
    failed(source(url), tmp_path, url, "404", "mirror")
    assert len(server.asked) == 1


def test_the_next_mirror_continues(server, tmp_path):
    url = server.reset(Answer(cut=60_000, etag='"a"'), Answer(status=404), usual=Answer(etag='"b"'))
    assert fetched(source(url + "/first", mirrors=(url + "/second", url + "/third")), tmp_path)
    asked = [(asked.path, asked.start, asked.guarded) for asked in server.asked]
    # the validator of one host means nothing to another, so the range there is not conditional
    assert asked == [("/first", 0, False), ("/first", 60_000, True), ("/second", 60_000, False)]


def test_each_mirror_is_named_in_the_failure(server, tmp_path):
    url = server.reset(Answer(status=404), Answer(status=403), usual=Answer(data=OTHER))
    words = ["/a: answered 404", "/b: answered 403", "/c: expected sha256", hashlib.sha256(OTHER).hexdigest()]
    failed(source(url + "/a", mirrors=(url + "/b", url + "/c")), tmp_path, *words)


def test_mirror_replaces_scheme_and_host(server, tmp_path):
    description = source("https://far.invalid/sets/set.tgz?raw=1", mirror=server.reset() + "/copy/")
    assert fetched(description, tmp_path)
    assert [asked.path for asked in server.asked] == ["/copy/sets/set.tgz?raw=1"]


def test_nobody_listens(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/set.tgz"
        failed(source(url), tmp_path, url, "refused", "3 attempts")


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("validator", [{"etag": '"two"'}, {"etag": "", "modified": "Tue, 02 Jan 2024 00:00:00 GMT"}])
def test_a_file_that_changes_between_two_ranges(server, tmp_path, if_range, validator):
    """The first bytes are of another version: a server that heeds If-Range, and one that does not."""
    first = {key: "Mon, 01 Jan 2024 00:00:00 GMT" if key == "modified" else '"one"' for key in validator}
    first["etag"] = first["etag"] if validator["etag"] else ""
    script = [Answer(data=OTHER, cut=80_000, **first)]
    if not if_range:
        script.append(Answer(if_range=False, cut=10, **validator))
    assert fetched(source(server.reset(*script, usual=Answer(**validator))), tmp_path)
    # of a range that belongs to another version nothing is kept, else the last request would continue it
    assert [asked.start for asked in server.asked] == ([0, 80_000] if if_range else [0, 80_000, 0])


def test_a_change_that_no_validator_tells(server, tmp_path):
    silent = Answer(etag="")
    assert fetched(source(server.reset(Answer(data=OTHER, cut=80_000, etag=""), usual=silent)), tmp_path)
    assert [asked.start for asked in server.asked] == [0, 80_000, 0]


def test_a_range_from_elsewhere(server, tmp_path):
    assert fetched(source(server.reset(Answer(cut=80_000), Answer(first=79_000, cut=10))), tmp_path)
    assert [asked.start for asked in server.asked] == [0, 80_000, 0]


def test_a_server_without_ranges(server, tmp_path):
    url = server.reset(Answer(cut=80_000), usual=Answer(ranges=False))
    assert fetched(source(url), tmp_path)
    assert [asked.start for asked in server.asked] == [0, 80_000]


def test_a_server_without_ranges_that_always_breaks_off(server, tmp_path):
    url = server.reset(usual=Answer(cut=80_000, ranges=False))
    failed(source(url), tmp_path, "3 attempts")


@pytest.mark.parametrize("size", [None, len(DATA)])
def test_a_length_that_is_too_long(server, tmp_path, size):
    assert fetched(source(server.reset(Answer(announced=len(DATA) + 9)), size=size), tmp_path)
    assert len(server.asked) == 1


def test_a_length_that_is_too_short(server, tmp_path):
    assert fetched(source(server.reset(Answer(announced=1000))), tmp_path)
    assert [asked.start for asked in server.asked] == [0, 1000]


def test_a_body_without_end_is_cut_off(server, tmp_path):
    url = server.reset(usual=Answer(data=DATA * 250))
    failed(source(url), tmp_path, f"expected {len(DATA)} bytes", "or more")
    assert [asked.sent < 125 * len(DATA) for asked in server.asked] == [True]
    assert not list((tmp_path / "work").glob("*.part"))


@pytest.mark.parametrize("known", [{}, {"size": None}, {"md5": hashlib.md5(DATA).hexdigest()}])
def test_another_file_never_gets_the_name(server, tmp_path, known):
    url = server.reset(usual=Answer(data=OTHER))
    failed(source(url, **known), tmp_path, "md5" if "md5" in known else "sha256", "expected", "found")
    assert len(server.asked) == 1


def test_a_content_encoding_is_not_undone(server, tmp_path):
    assert fetched(source(server.reset(usual=Answer(encoding="gzip"))), tmp_path)


@pytest.mark.parametrize("size", [None, len(DATA)])
def test_a_partial_file_that_is_whole(server, tmp_path, size):
    url = server.reset()
    part_of(tmp_path, DATA)
    assert fetched(source(url, size=size), tmp_path)
    # without a size the server says that nothing is left: 416
    assert [asked.start for asked in server.asked] == ([] if size else [len(DATA)])


@pytest.mark.parametrize("size", [None, len(DATA)])
@pytest.mark.parametrize("content", [DATA + b"more", OTHER, OTHER[:-1] + b"x", DATA[:1000][::-1]])
def test_a_partial_file_of_something_else(server, tmp_path, size, content):
    url = server.reset()
    part_of(tmp_path, content)
    assert fetched(source(url, size=size), tmp_path)
    assert sum(asked.sent for asked in server.asked) <= 2 * len(DATA)


def test_a_file_that_became_shorter(server, tmp_path):
    url = server.reset(usual=Answer(data=DATA[:1000]))
    part_of(tmp_path, DATA[:5000])
    failed(source(url), tmp_path, f"expected {len(DATA)} bytes, found 1000")


def test_a_torn_note_is_no_obstacle(server, tmp_path):
    url = server.reset()
    part = part_of(tmp_path, DATA[:5000])
    part.with_name(part.name + ".validator").write_text('{"addr')
    assert fetched(source(url), tmp_path)
    assert [asked.start for asked in server.asked] == [5000]


def test_redirects(server, tmp_path):
    url = server.reset()
    server.script = [Answer(status=302, location=url + "/there")]
    assert fetched(source(url), tmp_path)
    server.script = [Answer(status=302, location="http://far.invalid/there")]
    (tmp_path / "out" / "set.tgz").unlink()
    failed(source(url), tmp_path, "far.invalid", "https")


class SmallDisk(io.BufferedWriter):
    def write(self, chunk):
        if self.tell() + len(chunk) > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(chunk)


def test_a_full_disk(server, tmp_path, monkeypatch):
    real = io.open

    def open_on_a_small_disk(file, mode="r", *args, **options):
        if str(file).endswith(".part") and mode in ("wb", "ab"):
            return SmallDisk(io.FileIO(file, mode))
        return real(file, mode, *args, **options)

    url = server.reset(Answer(cut=60_000))
    with monkeypatch.context() as patch:
        patch.setattr(io, "open", open_on_a_small_disk)
        failed(source(url), tmp_path, "no space left", "set.tgz", tmp_path / "work", "make room")
    asked = len(server.asked)
    assert fetched(source(url), tmp_path)
    assert server.asked[asked].start >= 60_000  # what fitted on the disk was kept


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "work").write_text("in the way")
    with pytest.raises(SourceError, match=r"cannot write .*work"):
        source(server.reset()).fetch(tmp_path / "set.tgz", workspace=tmp_path / "work")


def test_a_target_on_another_file_system(server, tmp_path, monkeypatch):
    replace = Path.replace

    def replace_nearby(self, target):
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_nearby)
    assert fetched(source(server.reset()), tmp_path)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["set.tgz"]


def test_a_killed_download_continues(server, tmp_path, root):
    url = server.reset(Answer(cut=150_000, ending="stall")) + "/set.tgz"
    description = source(url, timeout=30.0)
    program = f"from pathlib import Path\nfrom nas.data.sources import Https\n{description!r}.fetch("
    program += f"Path({str(tmp_path / 'out' / 'set.tgz')!r}), workspace=Path({str(tmp_path / 'work')!r}))"
    environment = os.environ | {"PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)

    def arrived():
        return sum(path.stat().st_size for path in tmp_path.glob("work/*.part"))

    try:
        while arrived() < 100_000 and process.poll() is None:
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "out" / "set.tgz").exists()
    kept = arrived()
    assert kept >= 100_000
    assert fetched(description, tmp_path)
    assert [(asked.start, asked.guarded) for asked in server.asked] == [(0, False), (kept, True)]
    assert server.asked[1].sent == len(DATA) - kept


def test_progress_on_request_only(server, tmp_path, capfd):
    for name, progress in (("quiet", None), ("silent", False), ("shown", True)):
        source(server.reset()).fetch(tmp_path / name, workspace=tmp_path / "work", progress=progress)
        assert (name in capfd.readouterr().err) == (name == "shown")
