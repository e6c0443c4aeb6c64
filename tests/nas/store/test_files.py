import errno
import hashlib
import json
import os
import re
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from nas.store.files import (
    checksum_of,
    expanded,
    is_whole,
    link,
    move,
    new_file,
    read_json,
    reading,
    sha256_of,
    state_of,
    write_bytes,
    write_json,
)
from nas.store.shards import Shard, write_shard
from nas.store.tables import write_table

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(content=st.binary(max_size=3000), copies=st.integers(1, 200))
def test_sha256_of(tmp_path_factory, content, copies):
    path = tmp_path_factory.getbasetemp() / "content"
    path.write_bytes(content * copies)
    assert sha256_of(path) == sha256_of(str(path)) == hashlib.sha256(content * copies).hexdigest()


def test_a_checksum_is_of_the_algorithm_that_is_named(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    for algorithm in ("md5", "sha1", "sha512"):
        assert checksum_of(tmp_path / "file", algorithm) == hashlib.new(algorithm, content).hexdigest()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(VALUES)
def test_json_is_read_as_it_was_written_and_ends_with_a_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "json" / "content.json"
    write_json(path, content)
    assert json.loads(path.read_text(encoding="utf-8")) == content
    assert path.read_text(encoding="utf-8") == json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    assert contents(path.parent).keys() == {"content.json"}


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "result"
    with new_file(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    with pytest.raises(ZeroDivisionError), new_file(path) as file:
        file.write(b"two")
        1 / 0  # noqa: B018
    assert contents(tmp_path) == {"deep/result": b"one"}


@pytest.mark.parametrize("linked", [True, False])
def test_a_link_has_the_content_and_takes_the_place_of_what_was_there(tmp_path, monkeypatch, linked):
    def refuse(*_names):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not linked:
        monkeypatch.setattr(os, "link", refuse)
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.write_bytes(b"content")
    for _ in range(2):
        link(source, target)
        assert target.samefile(source) == linked and target.read_bytes() == b"content"
        assert [path.name for path in target.parent.iterdir()] == ["target"]
    target.unlink()
    target.write_bytes(b"former")
    link(source, target)
    assert target.read_bytes() == b"content" and len(contents(tmp_path)) == 2


def write_a_table(path):
    write_table(pd.DataFrame({"x": np.random.default_rng(0).random(2000)}), path)


WRITERS = {
    "shard": lambda path: write_shard(Shard(["a"], {"x": np.zeros((1, 2000))}), path),
    "bytes": lambda path: write_bytes(path, bytes(16000)),
    "table": write_a_table,
}


@pytest.mark.parametrize("earlier", [None, b"an earlier result"])
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_a_file_that_cannot_be_written_to_its_end_never_gets_its_name(tmp_path, writer, earlier):
    path = tmp_path / "result"
    if earlier is not None:
        path.write_bytes(earlier)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # the write itself fails, after 4096 bytes
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            writer(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(path) in str(caught.value)
    assert contents(tmp_path) == ({} if earlier is None else {"result": earlier})
    writer(path)
    assert path.stat().st_size > 4096


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_is_said_with_the_file(tmp_path, monkeypatch, writer):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*result") as caught:
        writer(tmp_path / "result")
    assert caught.value.errno == errno.ENOSPC
    assert not contents(tmp_path)


# Damaged files


def test_a_file_that_is_cut_short_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "index.json"
    write_json(path, {"a": [1, 2]})
    assert read_json(path) == {"a": [1, 2]}
    for content in (path.read_bytes()[:-4], b"", b"\xff{}"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^{path}: is damaged \(.+\); remove it and run dvc repro, which makes"):
            read_json(path)


def test_a_file_that_is_not_there_says_so_itself(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_json(tmp_path / "absent")
    with pytest.raises(ZeroDivisionError), reading(tmp_path):
        1 / 0  # noqa: B018


def test_what_is_whole_is_opened_at_its_end_too(tmp_path, capsys):
    path = tmp_path / "a.safetensors"
    assert not is_whole(path) and capsys.readouterr().err == ""
    write_shard(Shard(["a"], {"x": np.zeros((1, 5))}), path)
    assert is_whole(path) and capsys.readouterr().err == ""
    content = path.read_bytes()
    for n in (0, 7, 20, len(content) - 1):
        path.write_bytes(content[:n])
        assert not is_whole(path)
        assert capsys.readouterr().err.startswith(f"{path}: is damaged (")
        assert not is_whole(path) and capsys.readouterr().err == ""  # said once: it is gone


def test_the_state_of_a_folder_changes_with_any_file_in_it(tmp_path):
    folder, other = tmp_path / "data", tmp_path / "elsewhere"
    for place in (folder / "a", other):
        place.mkdir(parents=True)
        (place / "1.png").write_bytes(b"1")
        os.utime(place / "1.png", ns=(0, 10))
    (folder / "link").symlink_to(other)
    (folder / "around").symlink_to(folder)
    (folder / "nowhere").symlink_to(tmp_path / "none")
    before = state_of(folder)
    assert re.fullmatch("[0-9a-f]{64}", before) and state_of(folder) == before

    def changed(change, undo):
        change()
        found = state_of(folder)
        undo()
        assert state_of(folder) == before
        return found != before

    files = folder / "a/1.png", other / "1.png"
    for file in files:
        assert changed(lambda: os.utime(file, ns=(0, 11)), lambda: os.utime(file, ns=(0, 10)))  # noqa: B023
        assert changed(lambda: file.rename(file.with_name("2.png")), lambda: file.with_name("2.png").rename(file))  # noqa: B023
    assert changed((folder / "b.txt").touch, (folder / "b.txt").unlink)
    (folder / "a/1.png").write_bytes(b"12")
    os.utime(folder / "a/1.png", ns=(0, 10))
    assert state_of(folder) != before


def test_the_state_of_a_file_is_its_hash_and_of_nothing_none(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"1")
    assert state_of(tmp_path / "a.pth") == sha256_of(tmp_path / "a.pth")
    assert state_of(tmp_path / "b.pth") is None


def test_dvc_looks_at_its_copy_of_a_file_that_was_found_damaged(tmp_path):
    path, copy = tmp_path / "a.json", tmp_path / "cache"
    path.write_text("{")
    os.link(path, copy)
    path.chmod(0o444)  # which DVC takes for: it is as it was
    with pytest.raises(ValueError, match="is damaged"):
        read_json(path)
    assert copy.stat().st_mode & 0o200


def test_a_file_that_is_missing_is_not_damaged(tmp_path):
    for open_missing in (lambda: read_json(tmp_path / "a"), lambda: opened_as_tensors(tmp_path / "a")):
        with pytest.raises(FileNotFoundError):
            open_missing()


def opened_as_tensors(path):
    with reading(path), safe_open(path, framework="numpy"):
        pass


def test_files_get_their_places_in_another_folder(tmp_path):
    for name in ("a", "deep/b", "stays"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_text(name)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "a").write_text("former")
    move([Path("a"), Path("deep/b")], tmp_path / "source", tmp_path / "target")
    assert contents(tmp_path) == {"target/a": b"a", "target/deep/b": b"deep/b", "source/stays": b"stays"}


def test_a_home_folder_that_there_is_not_is_one_line(monkeypatch):
    with pytest.raises(
        ValueError, match=r"^download\.root\.cub is '~nosuchuser/cub': .*Write the whole path$"
    ) as caught:
        expanded("~nosuchuser/cub", "download.root.cub")
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("HOME", "/somewhere")
    assert expanded("~/cub", "download.root.cub") == Path("/somewhere/cub")
