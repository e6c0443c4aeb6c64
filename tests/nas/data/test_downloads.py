"""Official archives, made up here in their own layout, from a server on this machine."""

import hashlib
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nas.data import archives as archives_module
from nas.data.about import Archive
from nas.data.catalogue import ABOUT
from nas.data.sources import Https, SourceError

HOST = "https://official.example"


def tar(files, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def picture(seed, kind="JPEG", values=None):
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8) if values is None else values
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def stl10():
    generator = np.random.default_rng(0)
    files = {"stl10_binary/class_names.txt": b"\n".join(b"class%d" % n for n in range(10))}
    for split, labels in (("train", [1]), ("test", [2, 10]), ("unlabeled", [])):
        files[f"stl10_binary/{split}_X.bin"] = generator.integers(
            0, 256, 27648 * max(len(labels), 1), np.uint8
        ).tobytes()
        files[f"stl10_binary/{split}_y.bin"] = bytes(labels)
    return {"stl10_binary.tar.gz": tar(files)}


def cub():
    name = "001.Black/Black_1"
    tables = {
        "images.txt": f"1 {name}.jpg\n",
        "classes.txt": "1 001.Black\n",
        "image_class_labels.txt": "1 1\n",
        "bounding_boxes.txt": "1 1.0 2.0 3.0 4.0\n",
        "train_test_split.txt": "1 0\n",
    }
    photos = {f"CUB_200_2011/{table}": content.encode() for table, content in tables.items()}
    photos |= {f"CUB_200_2011/images/{name}.jpg": picture(0), "attributes.txt": b"not used"}
    levels = np.full((30, 40), 204, np.uint8)
    masks = {f"segmentations/{name}.png": picture(0, "PNG", levels)}
    return {"CUB_200_2011.tgz": tar(photos), "segmentations.tgz": tar(masks)}


def voc2012():
    root, name = "VOCdevkit/VOC2012", "2007_000033"
    labels = np.zeros((30, 40), np.uint8)
    labels[5:9, 5:9] = 1
    box = "<xmin>6</xmin><ymin>6</ymin><xmax>9</xmax><ymax>9</ymax>"
    xml = f"<annotation><object><name>aeroplane</name><bndbox>{box}</bndbox></object></annotation>"
    files = {
        f"{root}/ImageSets/Segmentation/val.txt": f"{name}\n".encode(),
        f"{root}/JPEGImages/{name}.jpg": picture(0),
        f"{root}/Annotations/{name}.xml": xml.encode(),
        f"{root}/SegmentationClass/{name}.png": picture(0, "PNG", labels),
        f"{root}/SegmentationObject/{name}.png": picture(0, "PNG", labels),
        f"{root}/ImageSets/Main/val.txt": b"not used",
    }
    return {"VOCtrainval_11-May-2012.tar": tar(files, "w")}


MADE = {"stl10": stl10, "cub": cub, "voc2012": voc2012}
EXPECTED = {"stl10": ["test-0000", "test-0001"], "cub": ["Black_1"], "voc2012": ["2007_000033"]}


@pytest.fixture
def official(server, monkeypatch):
    """A function that puts the archives of a data set on the server, and their checksums into the catalogue."""

    def serve(name):
        about, archives = ABOUT[name], []
        contents = MADE[name]()
        for archive in about.archives:
            content = contents[archive.name]
            server.files[f"/sets/{archive.name}"] = content
            source = Https(
                f"{HOST}/sets/{archive.name}",
                md5=hashlib.md5(content).hexdigest(),
                sha256=hashlib.sha256(content).hexdigest(),
                size=len(content),
                attempts=3,
                backoff=0.0,
                timeout=5.0,
            )
            archives.append(Archive(source, archive.members))
        monkeypatch.setitem(ABOUT, name, replace(about, archives=tuple(archives)))
        return contents

    return serve


@pytest.mark.parametrize("name", MADE)
def test_an_archive_is_fetched_once_unpacked_and_read(official, server, prepared, tmp_path, name):
    official(name)
    for key in (name, "base"):  # of this data set, or of all
        records = prepared(name, mirrors={key: server.address})
        assert list(records) == EXPECTED[name]
        for record in records.values():
            assert record.image.is_relative_to(tmp_path / "raw" / name / "photos")  # no link into the scratch folder
            assert hashlib.sha256(record.image.read_bytes()).hexdigest() == record.sha256
            assert record.mask is None or record.mask.is_relative_to(tmp_path / "raw" / name)
    assert sorted(path for path, _ in server.asked) == sorted(server.files)


def test_truth_of_the_second_archive(official, server, prepared):
    official("cub")
    (record,) = prepared("cub", mirrors={"base": server.address}).values()
    assert record.truth().tolist() == np.ones((30, 40), int).tolist()
    assert record.boxes == ((1, 2, 4, 6),)


def test_what_is_not_used_is_not_unpacked(official, server, prepared, tmp_path):
    official("stl10")
    prepared("stl10", mirrors={"stl10": server.address})
    unpacked = {path.name for path in (tmp_path / "scratch").glob("stl10-*/stl10_binary/*")}
    assert unpacked == {"class_names.txt", "train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"}


def test_a_transfer_that_breaks_off_is_taken_up_again(official, server, prepared):
    official("voc2012")
    server.cuts = [4_000, 9_000]
    assert list(prepared("voc2012", mirrors={"voc2012": server.address})) == EXPECTED["voc2012"]
    assert [asked for _, asked in server.asked] == [None, "bytes=4000-", "bytes=9000-"]


def test_an_archive_that_differs_is_refused_and_leaves_nothing(official, server, prepared, tmp_path):
    contents = official("stl10")
    server.files["/sets/stl10_binary.tar.gz"] = contents["stl10_binary.tar.gz"][:-1] + b"x"
    with pytest.raises(SourceError) as caught:
        prepared("stl10", mirrors={"stl10": server.address})
    message = str(caught.value)
    assert "\n" not in message
    for word in ("sha256", server.address, "download.mirror.stl10", "download.root.stl10"):
        assert word in message
    assert not (tmp_path / "raw" / "stl10").exists()
    assert not list((tmp_path / "scratch").glob("stl10*"))


def test_a_killed_unpacking_is_done_anew(official, server, prepared, tmp_path, monkeypatch):
    official("cub")
    unpack, unpacked = archives_module.unpack, []

    def killed(archive, *arguments, **settings):
        if len(unpacked) == 1:
            raise KeyboardInterrupt
        unpacked.append(unpack(archive, *arguments, **settings))
        return unpacked[-1]

    monkeypatch.setattr(catalogue, "unpack", killed)
    with pytest.raises(KeyboardInterrupt):
        prepared("cub", mirrors={"base": server.address})
    monkeypatch.setattr(catalogue, "unpack", unpack)
    (record,) = prepared("cub", mirrors={"base": server.address}).values()
    assert record.mask is not None
    assert len(server.asked) == 2  # the archives themselves were whole


def test_a_copy_of_the_user_s_comes_first(official, server, prepared, tmp_path):
    contents = official("voc2012")
    with tarfile.open(fileobj=io.BytesIO(contents["VOCtrainval_11-May-2012.tar"])) as archive:
        archive.extractall(tmp_path / "mine", filter="data")
    (record,) = prepared("voc2012", tmp_path / "mine", mirrors={"base": server.address}).values()
    assert record.image.is_relative_to(tmp_path / "mine") and server.asked == []


@pytest.mark.parametrize("address", ["http://elsewhere.example", "ftp://x", "elsewhere"])
def test_a_mirror_must_be_safe(official, prepared, address):
    official("stl10")
    with pytest.raises(ValueError, match=r"^download\.mirror: .*https.*got"):
        prepared("stl10", mirrors={"base": address})


def test_the_published_sizes_are_those_of_the_sources():
    for name, about in ABOUT.items():
        if about.archives:
            assert about.size == sum(archive.source.size for archive in about.archives), name
            for archive in about.archives:
                assert set(archive.source.checksums) == {"sha256", "md5"}
                assert all(address.startswith("https://") for address in archive.source.addresses)
