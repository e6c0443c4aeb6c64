"""A wheel made by hand, served by an index on this machine, and wheels that are damaged."""

import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.wheels import WheelError, copy_member, download_wheel

random = settings(max_examples=25, deadline=None, derandomize=True)
NAME = "tiny-1.0-py3-none-any.whl"


def one_line(call, *words):
    with pytest.raises(WheelError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_a_wheel_is_downloaded_whole_and_nothing_beside_it(index, wheel_index, tmp_path, capfd):
    wheel = download_wheel("tiny", "1.0", tmp_path / "a" / "b")
    assert wheel == tmp_path / "a" / "b" / NAME
    assert wheel.read_bytes() == (wheel_index / "tiny" / NAME).read_bytes()
    assert [path.name for path in wheel.parent.iterdir()] == [NAME]
    assert capfd.readouterr().err == "" and index.downloads == 1


def test_the_progress_of_pip_is_shown_on_request(index, tmp_path, capfd):
    download_wheel("tiny", "1.0", tmp_path, progress=False)
    assert capfd.readouterr().err == ""
    download_wheel("tiny", "1.0", tmp_path, progress=True)
    assert NAME in capfd.readouterr().err


@pytest.mark.parametrize(("package", "version"), [("tiny", "7.0"), ("huge", "1.0")])
def test_what_the_index_lacks_is_said_in_one_line_and_leaves_nothing(index, tmp_path, package, version):
    words = f"cannot download {package}=={version}: ERROR: No matching distribution found for {package}=={version}"
    one_line(lambda: download_wheel(package, version, tmp_path), words)
    assert not list(tmp_path.iterdir())


def test_without_pip_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{python}: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    one_line(lambda: download_wheel("tiny", "1.0", tmp_path / "out"), f"No module named pip: run {python} -m ensurepip")


def test_a_pip_that_says_nothing_is_no_riddle(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 0\n")  # and downloads nothing
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    one_line(lambda: download_wheel("tiny", "1.0", tmp_path / "out"), "tiny==1.0", "pip said nothing")


@random
@given(st.dictionaries(st.text("ab/", min_size=1, max_size=5), st.binary(max_size=3000), min_size=1, max_size=4))
def test_a_member_is_copied_as_it_is(tmp_path_factory, members):
    folder = tmp_path_factory.getbasetemp()
    with zipfile.ZipFile(folder / NAME, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
    for name, content in members.items():
        copy_member(folder / NAME, name, folder / "copy")
        assert (folder / "copy").read_bytes() == content


def test_an_absent_member_is_named_with_one_that_is_alike(tmp_path, wheel_index):
    wheel = wheel_index / "tiny" / NAME
    one_line(lambda: copy_member(wheel, "tiny/data/on.bin", tmp_path / "x"), "no member 'tiny/data/on.bin'",
             "perhaps to 'tiny/data/one.bin'")  # fmt: skip
    one_line(lambda: copy_member(wheel, "?", tmp_path / "x"), f"{NAME} has no member '?': correct it, or version")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
def test_a_damaged_wheel_leaves_no_copy(tmp_path, wheel_index, damage):
    whole, wheel = (wheel_index / "tiny" / NAME).read_bytes(), tmp_path / NAME
    damaged = {"truncated": whole[:3000], "changed": whole.replace(b"1" * 5000, b"3" * 5000), "empty": b""}
    wheel.write_bytes(damaged[damage])
    one_line(lambda: copy_member(wheel, "tiny/data/one.bin", tmp_path / "x"), f"{NAME} is damaged", "run again")
    assert not (tmp_path / "x").exists()
