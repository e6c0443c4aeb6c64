"""Native files made up here, and the stage's function on them."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
        if root is not None:
            settings["roots"] = {name: str(root)}
        target = tmp_path / "raw" / name
        n = prepare(name, target, workspace=tmp_path / "scratch", annotations=Path("absent.json"), **settings)
        records = {record.id: record for record in read_records(target)}
        assert len(records) == n
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
