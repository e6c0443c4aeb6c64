"""Wheels made by hand and served by an index on this machine, and what each source refuses."""

import hashlib
import os
import socket
import sys

import pytest

from nas.data.sources import Https, Pypi, Root, SourceError

# of the wheel that the index serves
MEMBERS = {
    "tiny/__init__.py": b"raise RuntimeError('imported')",
    "tiny/data/one.bin": b"1" * 5000,
    "tiny/two": b"2",
}


def digits(content):
    return hashlib.sha256(content).hexdigest()


def tiny(member="tiny/data/one.bin", **changed):
    fields = {
        "package": "tiny",
        "version": "1.0",
        "member": member,
        "sha256": digits(MEMBERS.get(member, b"")),
    }
    return Pypi(**(fields | changed))


def failed(description, target, workspace, *words):
    with pytest.raises(SourceError) as caught:
        description.fetch(target, workspace=workspace)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message
    assert not target.exists()
    return message


def test_members_of_one_wheel_are_fetched_once(index, tmp_path, monkeypatch, capfd):
    for name in ("tiny/data/one.bin", "tiny/two", "tiny/__init__.py"):
        target = tmp_path / "out" / name.replace("/", "-")
        assert tiny(name).fetch(target, workspace=tmp_path / "work") == target
        assert target.read_bytes() == MEMBERS[name]
    assert index.downloads == 1
    assert capfd.readouterr().err == ""

    # a target that is right needs neither wheel nor index; a wrong one is replaced
    target = tmp_path / "out" / "tiny-two"
    asked = len(index.paths)
    target.write_bytes(b"wrong")
    tiny("tiny/two").fetch(target, workspace=tmp_path / "work")
    assert target.read_bytes() == b"2" and len(index.paths) == asked
    tiny("tiny/two").fetch(target, workspace=tmp_path / "elsewhere")
    assert len(index.paths) == asked


@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_damaged_kept_wheel_is_fetched_again(index, wheel_index, tmp_path, damage):
    (tmp_path / "tiny-1.0").mkdir()
    kept = tmp_path / "tiny-1.0" / "tiny-1.0-py3-none-any.whl"
    whole = (wheel_index / "tiny" / kept.name).read_bytes()
    kept.write_bytes(whole[:3000] if damage == "truncated" else whole.replace(b"1" * 5000, b"3" * 5000))
    target = tiny().fetch(tmp_path / "one.bin", workspace=tmp_path)
    assert target.read_bytes() == MEMBERS["tiny/data/one.bin"]
    assert kept.read_bytes() == whole and index.downloads == 1


def test_a_wrong_checksum(index, tmp_path):
    wrong = digits(b"something else")
    failed(
        tiny(sha256=wrong),
        tmp_path / "one",
        tmp_path,
        "tiny/data/one.bin",
        wrong,
        digits(b"1" * 5000),
        "expected",
    )
    assert not list(tmp_path.glob("*.part"))


def test_a_missing_member(index, tmp_path):
    description = tiny("tiny/data/on.bin")
    failed(description, tmp_path / "one", tmp_path, "no member 'tiny/data/on.bin'", "'tiny/data/one.bin'")


def test_a_missing_version(index, tmp_path):
    words = ("tiny==7.0", "ERROR: No matching distribution found for tiny==7.0", "correct package or version")
    failed(tiny(version="7.0"), tmp_path / "one", tmp_path, *words)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_missing_package(index, tmp_path):
    failed(
        tiny(package="huge"),
        tmp_path / "one",
        tmp_path,
        "huge==1.0",
        "ERROR: No matching distribution",
        "404",
    )


def test_an_index_that_nobody_serves(index, tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("PIP_INDEX_URL", address)
        words = ("tiny==1.0", "ERROR: No matching distribution", address, "refused", "check the connection")
        failed(tiny(), tmp_path / "one", tmp_path, *words)


def test_an_environment_without_pip(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{python}: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    failed(tiny(), tmp_path / "one", tmp_path / "work", "No module named pip", "-m ensurepip")


@pytest.mark.parametrize("member", ["/etc/passwd", "../outside", "a/../../b", "a\\b", "", "folder/", "."])
def test_malicious_members(member):
    with pytest.raises(ValueError, match="member must be"):
        tiny(member)


@pytest.mark.parametrize("name", ["package", "version"])
@pytest.mark.parametrize("value", ["", "--index-url=x", "-r", "a b", "tiny @ https://x", "a;b", "a\n", "../x", ">=1"])
def test_names_that_are_more_than_names(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        tiny(**{name: value})


@pytest.mark.parametrize("value", ["", "abc", "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"])
def test_checksums_that_are_none(value):
    for make in (lambda: tiny(sha256=value), lambda: Https("https://x/y", sha256=value)):
        with pytest.raises(ValueError, match="sha256 must be 64 hexadecimal digits"):
            make()


def test_upper_case_checksums(tmp_path):
    (tmp_path / "one").write_bytes(b"1")
    upper = digits(b"1").upper()
    assert tiny(sha256=upper).fetch(tmp_path / "one", workspace=tmp_path / "work") == tmp_path / "one"
    assert Https("https://x/y", sha256=upper).fetch(tmp_path / "one", workspace=tmp_path) == tmp_path / "one"


def test_a_download_needs_a_checksum():
    with pytest.raises(ValueError, match="sha256, md5 or git_blob must be given"):
        Https("https://x/y", size=3)
    with pytest.raises(ValueError, match="md5 must be 32"):
        Https("https://x/y", md5="a" * 64)
    with pytest.raises(ValueError, match="git_blob must be 40"):
        Https("https://x/y", git_blob="a" * 64)


@pytest.mark.parametrize("where", ["url", "mirrors", "mirror"])
@pytest.mark.parametrize(
    "address",
    ["http://x/y", "http://127.0.0.1.x/y", "http://localhost.x/y", "http://user@x/y", "ftp://x/y", "x/y"],
)
def test_addresses_that_are_not_safe(where, address):
    options = {"url": "https://x/y", "sha256": "0" * 64} | {where: (address,) if where == "mirrors" else address}
    with pytest.raises(ValueError, match=r"https"):
        Https(**options)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
def test_plain_http_to_this_machine(host):
    assert Https(f"http://{host}:80/y", sha256="0" * 64).addresses == (f"http://{host}:80/y",)


@pytest.mark.parametrize("options", [{"size": 0}, {"size": -1}, {"attempts": 0}, {"backoff": -1.0}, {"timeout": 0.0}])
def test_numbers_out_of_range(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be .*, got"):
        Https("https://x/y", sha256="0" * 64, **options)


def test_root_is_used_in_place(tmp_path, monkeypatch):
    file = tmp_path / "set.zip"
    file.write_bytes(b"1")
    for path in (tmp_path, file, str(file)):
        assert os.fspath(Root(path).fetch(tmp_path / "unused", workspace=tmp_path / "work")) == os.fspath(path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Root("~/set.zip").fetch(tmp_path / "unused", workspace=tmp_path / "work") == file
    assert list(tmp_path.iterdir()) == [file]


def test_root_that_is_missing(tmp_path):
    absent = tmp_path / "absent"
    failed(Root(absent, "datasets.cub.root"), tmp_path / "x", tmp_path, absent, "datasets.cub.root")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_root_that_cannot_be_read(tmp_path, monkeypatch, kind):
    path = tmp_path / "mine"
    path.touch() if kind == "file" else path.mkdir()
    denied = os.R_OK if kind == "file" else os.X_OK
    # the user who runs the tests may read everything
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & denied)
    failed(Root(path, "root"), tmp_path / "x", tmp_path, path, "cannot be read", "set root")


@pytest.mark.parametrize("digits", ["", "1234567", "g" * 8, "a" * 65])
def test_first_digits_that_are_too_few_or_none(digits):
    with pytest.raises(ValueError, match="sha256_prefix must be 8 to 64 hexadecimal digits"):
        Https("https://x/y", sha256_prefix=digits)
