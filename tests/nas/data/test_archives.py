"""Archives, honest and hostile, are written member by member and compared with what comes out."""

import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.archives import ArchiveError, unpack

ENDINGS = ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "zip"]
FILES = {"set/a.txt": b"alpha", "set/deep/b.bin": bytes(range(256)) * 300, "set/empty": b"", "other/c": b"c"}
NAMES = st.lists(st.text("abc.é ", min_size=1, max_size=6).filter(lambda s: s.strip(" .")), min_size=1, max_size=3)


def pack(path, files):
    """Write names and contents, or TarInfo / ZipInfo and contents, as they are."""
    items = files.items() if isinstance(files, dict) else files
    if path.name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in items:
                archive.writestr(name, content)
        return path
    kind = {"gz": "gz", "tgz": "gz", "bz2": "bz2", "xz": "xz"}.get(path.name.rsplit(".")[-1], "")
    with tarfile.open(path, f"w:{kind}") as archive:
        for name, content in items:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(archive, target, *words, **options):
    """Unpacking fails with one line, and leaves the surroundings of `target` as they were."""
    before = sorted(target.parent.rglob("*"))
    with pytest.raises(ArchiveError) as caught:
        unpack(archive, target, **options)
    message = str(caught.value)
    assert "\n" not in message and archive.name in message
    for word in words:
        assert word in message
    assert sorted(target.parent.rglob("*")) == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_everything_comes_out(tmp_path, ending):
    archive = pack(tmp_path / f"set.{ending}", FILES)
    target = unpack(archive, tmp_path / "out" / "set")
    assert target == tmp_path / "out" / "set" and contents(target) == FILES
    assert sorted(path.name for path in target.parent.iterdir()) == ["set"]


@pytest.mark.parametrize("ending", ["tar.gz", "zip"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(drawn=st.lists(st.tuples(NAMES, st.binary(max_size=2000)), max_size=5))
def test_any_tree_survives_the_round_trip(tmp_path_factory, ending, drawn):
    folder = tmp_path_factory.mktemp("tree")
    # numbered folders, so that no name is both a file and a folder
    files = {f"{i}/" + "/".join(part.strip(" .") for part in parts): data for i, (parts, data) in enumerate(drawn)}
    assert contents(unpack(pack(folder / f"x.{ending}", files), folder / "out")) == files


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (["set/a.txt"], ["set/a.txt"]),
        (["set/deep/"], ["set/deep/b.bin"]),
        (["other", "set/empty"], ["other/c", "set/empty"]),
    ],
)
def test_chosen_members(tmp_path, ending, members, expected):
    target = unpack(pack(tmp_path / f"set.{ending}", FILES), tmp_path / "out", members=members)
    assert contents(target) == {name: FILES[name] for name in expected}


@pytest.mark.parametrize("ending", ["tar", "zip"])
def test_absent_member(tmp_path, ending):
    archive = pack(tmp_path / f"set.{ending}", FILES)
    refused(archive, tmp_path / "out", "'set/a'", "no member", members=["set/a", "other"])


@pytest.mark.parametrize("ending", ["tar", "tgz", "zip"])
@pytest.mark.parametrize(
    "name", ["/absolute", "../outside", "set/../../outside", "..\\outside", "C:\\outside", "\\outside"]
)
def test_names_that_lead_outside(tmp_path, ending, name):
    archive = pack(tmp_path / f"evil.{ending}", {"good": b"1", name: b"evil", "later": b"2"})
    refused(archive, tmp_path / "out", repr(name), "outside")


@pytest.mark.parametrize(
    "links",
    [
        [link("set/up", "../../outside")],
        [link("set/absolute", "/etc")],
        [link("hard", "../outside.txt", tarfile.LNKTYPE)],
        [link("hard", "/etc/hostname", tarfile.LNKTYPE)],
        [link("a", "b/.."), link("b", ".")],
        [link("a", "d/e/../.."), link("d/e", ".")],
        [link("b", "."), link("a", "b/..")],
    ],
)
def test_links_that_lead_outside(tmp_path, links):
    (tmp_path / "outside.txt").write_text("secret")
    refused(pack(tmp_path / "evil.tar", [("good", b"1"), *links]), tmp_path / "out", "do not trust")


def test_no_file_is_written_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    archive = pack(tmp_path / "evil.tar", [link("set", str(outside)), ("set/planted", b"evil")])
    refused(archive, tmp_path / "out" / "set")
    inside = pack(tmp_path / "odd.tar", [("real/a", b"1"), link("set", "real"), ("set/a", b"2")])
    refused(inside, tmp_path / "odd", "do not trust")


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
@pytest.mark.parametrize(
    "member",
    [
        link("set/newest", "a.txt"),
        link("hard", "set/a.txt", tarfile.LNKTYPE),
        link("hard", "absent", tarfile.LNKTYPE),
    ],
)
def test_links_that_stay_inside_are_refused_where_they_are_asked_for(tmp_path, ending, member):
    archive = pack(tmp_path / f"set.{ending}", [*FILES.items(), member])
    refused(archive, tmp_path / "out", member[0].name, "do not trust")
    refused(archive, tmp_path / "out", "do not trust", members=[member[0].name])
    assert contents(unpack(archive, tmp_path / "out", members=["other"])) == {"other/c": b"c"}


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices(tmp_path, kind):
    device = tarfile.TarInfo("set/device")
    device.type = kind
    refused(pack(tmp_path / "evil.tar", [("good", b"1"), (device, b"")]), tmp_path / "out", "set/device")


def test_links_in_a_zip_file(tmp_path):
    info = zipfile.ZipInfo("set/link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    refused(pack(tmp_path / "evil.zip", [("good", b"1"), (info, "/etc")]), tmp_path / "out", "set/link")


@pytest.mark.parametrize("ending", ENDINGS)
def test_bombs(tmp_path, ending):
    archive = pack(tmp_path / f"bomb.{ending}", {f"{i}.bin": bytes(100_000) for i in range(5)})
    refused(archive, tmp_path / "out", "max_total_bytes = 499999", "4.bin", max_total_bytes=499_999)
    assert len(contents(unpack(archive, tmp_path / "out", max_total_bytes=500_000))) == 5


def test_a_zip_file_that_lies_about_sizes(tmp_path):
    archive = pack(tmp_path / "bomb.zip", {"big.bin": bytes(50_000)})
    size = (50_000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(size, (10).to_bytes(4, "little")))
    refused(archive, tmp_path / "out", "damaged", max_total_bytes=100)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_truncated(tmp_path, ending, share):
    whole = pack(tmp_path / f"whole.{ending}", {f"{i}": os.urandom(3000) for i in range(10)})
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    refused(cut, tmp_path / "out", "damaged", "again")


def test_a_checksum_at_the_end_of_a_stream(tmp_path):
    archive = pack(tmp_path / "set.tar.gz", FILES)
    content = bytearray(archive.read_bytes())
    content[-8] ^= 1
    archive.write_bytes(content)
    refused(archive, tmp_path / "out", "damaged", "CRC")


def test_a_tar_file_cut_between_two_members(tmp_path):
    whole = pack(tmp_path / "whole.tar", {"a": bytes(512), "b": bytes(512)})
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[:1024])
    refused(cut, tmp_path / "out", "damaged")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data(), ending=st.sampled_from(["tar", "tgz", "zip"]))
def test_damage_gives_files_or_one_line(tmp_path_factory, data, ending):
    folder = tmp_path_factory.mktemp("bitten")
    archive = pack(folder / f"set.{ending}", FILES)
    content = bytearray(archive.read_bytes())
    for _ in range(3):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content)
    try:
        unpack(archive, folder / "out")
    except ArchiveError as error:
        assert "\n" not in str(error) and not (folder / "out").exists()
    assert {path.name for path in folder.iterdir()} <= {archive.name, "out"}


def test_encrypted(tmp_path):
    archive = pack(tmp_path / "locked.zip", {"a": b"1"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # flag in the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    archive.write_bytes(content)
    refused(archive, tmp_path / "out", "encrypted")


def test_unknown_and_absent_archives(tmp_path):
    (tmp_path / "set.rar").touch()
    refused(tmp_path / "set.rar", tmp_path / "out", "unknown ending", ".tar.gz")
    refused(tmp_path / "absent.zip", tmp_path / "out", "not a file")


def test_a_used_target_is_left_alone(tmp_path):
    archive = pack(tmp_path / "set.zip", FILES)
    target = tmp_path / "out"
    target.mkdir()
    assert contents(unpack(archive, target)) == FILES
    (target / "mine.txt").write_text("mine")
    refused(archive, target, "not an empty folder")
    assert (target / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("ending", ["tar", "zip"])
@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_interruptions_leave_nothing(tmp_path, monkeypatch, ending, problem):
    archive = pack(tmp_path / f"set.{ending}", FILES)

    def copy(*_args, **_options):
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(tarfile, "copyfileobj", copy)
        patch.setattr(shutil, "copyfileobj", copy)
        if isinstance(problem, OSError):
            refused(archive, tmp_path / "out", "No space left", "make room")
        else:
            with pytest.raises(KeyboardInterrupt):
                unpack(archive, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [archive.name]
    assert contents(unpack(archive, tmp_path / "out")) == FILES


def test_a_killed_run_leaves_no_target_and_can_be_repeated(tmp_path, root):
    archive = pack(tmp_path / "set.tar", {f"{i}": bytes(10) for i in range(20)})
    # the tenth member never ends
    program = """
import sys, tarfile, time
from nas.data.archives import unpack
write = tarfile.TarFile.makefile
def slow(self, member, path):
    if member.name == "10":
        time.sleep(60)
    write(self, member, path)
tarfile.TarFile.makefile = slow
unpack(sys.argv[1], sys.argv[2])
"""
    environment = os.environ | {"PYTHONPATH": str(root)}
    target = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", program, archive, target], env=environment)
    try:
        while len(list(tmp_path.glob("*/9"))) == 0 and process.poll() is None:
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert list(tmp_path.glob("*/9")) and not target.exists()
    assert len(contents(unpack(archive, target))) == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set.tar"]


def test_progress_on_request_only(tmp_path, capfd):
    archive = pack(tmp_path / "set.tgz", FILES)
    unpack(archive, tmp_path / "quiet")
    unpack(archive, tmp_path / "silent", progress=False)
    assert capfd.readouterr().err == ""
    unpack(archive, tmp_path / "shown", progress=True)
    assert "set.tgz" in capfd.readouterr().err
