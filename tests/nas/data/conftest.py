"""Native files made up here, and data sets prepared of them."""

import os
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data.preparing import prepare
from nas.data.records import read_records


@pytest.fixture(scope="session")
def photo():
    """A function that writes a photo of noise, (width, height)."""

    def write(path, size=(40, 30), seed=0, orientation=None):
        width, height = size
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        if orientation is not None:
            exif[0x0112] = orientation
        Image.fromarray(pixels).save(path, exif=exif)
        return path

    return write


@pytest.fixture
def prepared(tmp_path):
    """A function that prepares a data set and reads its records by id."""

    def run(name, root=None, **settings):
        target = tmp_path / "raw" / name
        where = {"workspace": tmp_path / "scratch", "annotations": Path("absent")}
        taken = prepare(name, target, root=None if root is None else str(root), **where, **settings)
        records = {record.id: record for record in read_records(target)}
        assert len(records) == taken.n_photos
        return records

    return run


@pytest.fixture
def refused(prepared):
    """A function that checks that a data set is refused with one line that holds some words."""

    def check(name, root, *words, **settings):
        with pytest.raises(ValueError) as caught:
            prepared(name, root, **settings)
        message = str(caught.value)
        assert "\n" not in message
        for word in words:
            assert str(word) in message, message

    return check


class Server(ThreadingHTTPServer):
    """Serves `files` by their path; the next answers end after the numbers of bytes in `cuts`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.asked = {}, [], []
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write((body or b"")[:cut])
        self.close_connection = True

    def log_message(self, *_args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


MEMBERS = {
    "tiny/__init__.py": b"raise RuntimeError('imported')",
    "tiny/data/one.bin": b"1" * 5000,
    "tiny/two": b"2",
}
METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Index(ThreadingHTTPServer):
    """A package index with one wheel, which counts its downloads."""

    def __init__(self, folder):
        self.paths = []
        index = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_args):
                index.paths.append(self.path)

        super().__init__(("127.0.0.1", 0), partial(Handler, directory=folder))

    @property
    def downloads(self):
        return sum(path.endswith(".whl") for path in self.paths)


@pytest.fixture(scope="session")
def wheel_index(tmp_path_factory):
    """The folder that the index serves."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "tiny").mkdir()
    name = "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder / "tiny" / name, "w") as wheel:
        information = {"METADATA": METADATA, "WHEEL": WHEEL, "RECORD": ""}
        for member, content in MEMBERS.items() | {(f"tiny-1.0.dist-info/{k}", v) for k, v in information.items()}:
            wheel.writestr(member, content)
    (folder / "tiny" / "index.html").write_text(f'<!DOCTYPE html><html><body><a href="{name}">{name}</a></body></html>')
    return folder


@pytest.fixture
def index(wheel_index, monkeypatch):
    """The only index that pip sees."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    index = Index(wheel_index)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.server_port}")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("NO_PROXY", "*")
    thread = threading.Thread(target=index.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield index
    index.shutdown()
    thread.join()
    index.server_close()
