"""Subsets, settings that are refused, and official archives, made up here, from a server on this machine."""

import hashlib
import io
import json
import tarfile
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nas.data import preparing
from nas.data.catalogue import DATASETS
from nas.data.imagenet_s import synsets
from nas.data.preparing import prepare, subset
from nas.data.records import Record
from nas.data.rules import Rules
from nas.data.sources import Https, SourceError

random = settings(max_examples=50, deadline=None, derandomize=True)
CLASSES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=20)


def records_of(classes):
    return [Record(f"r{n}", Path(f"r{n}.jpg"), str(n), class_name=name) for n, name in enumerate(classes)]


@random
@given(classes=CLASSES, limit=st.integers(1, 25), seed=st.integers(0, 5))
def test_a_subset_is_balanced_over_classes(classes, limit, seed):
    records = records_of(classes)
    chosen = subset(records, limit, seed)
    assert len(chosen) == min(limit, len(records))
    assert chosen == sorted(set(chosen), key=records.index)  # each once, in their order
    available, used = Counter(classes), Counter(record.class_name for record in chosen)
    # a class has fewer than the largest, less one, only where it has no more photos
    fair = max(used.values()) - 1
    assert all(used[name] >= min(fair, available[name]) for name in available)


@random
@given(classes=CLASSES, seed=st.integers(0, 5))
def test_a_larger_subset_keeps_a_smaller_one(classes, seed):
    records = records_of(classes)
    nested = [subset(records, limit, seed) for limit in range(1, len(records) + 2)]
    for smaller, larger in pairwise(nested):
        assert set(smaller) <= set(larger)
    assert subset(records, None, seed) == nested[-1] == records


def test_a_subset_is_drawn_anew_for_another_seed_and_only_then():
    records = records_of("abcde" * 8)
    drawn = [tuple(record.id for record in subset(records, 10, seed)) for seed in range(20)]
    assert drawn == [tuple(record.id for record in subset(records, 10, seed)) for seed in range(20)]
    assert len(set(drawn)) == 20


def test_every_photo_of_a_class_has_its_chance():
    records = records_of("aaaa" + "b")
    firsts = Counter(subset(records, 2, seed)[0].id for seed in range(200))
    assert set(firsts) == {"r0", "r1", "r2", "r3"} and min(firsts.values()) > 25


def test_an_unknown_data_set_is_named_with_those_that_are_known(tmp_path):
    with pytest.raises(ValueError, match=r"^datasets has 'nonsense': allowed are .*sample"):
        prepare("nonsense", tmp_path / "raw", workspace=tmp_path, annotations=tmp_path)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "val"}, r"^download.split.cub is 'val': allowed are test, train, all$"),
        ({}, r"^datasets has 'cub', which is not fetched"),
        ({"root": __file__}, r"^download.root.cub: .*test_preparing.py is a file; unpack it"),
        ({"root": "/nowhere"}, r"^/nowhere does not exist: set download.root.cub to"),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path, monkeypatch, settings, message):
    if not settings:
        about = replace(DATASETS["cub"].about, archives=())
        monkeypatch.setitem(DATASETS, "cub", replace(DATASETS["cub"], about=about))
    with pytest.raises(ValueError, match=message) as caught:
        prepare("cub", tmp_path / "raw", workspace=tmp_path, annotations=tmp_path, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["imagenet", "openimages30k", "folder"])
def test_what_is_not_fetched_says_how_to_get_it(tmp_path, name):
    with pytest.raises(ValueError, match=rf"^datasets has '{name}'.*set download.root.{name} to your copy") as caught:
        prepare(name, tmp_path / "raw", workspace=tmp_path, annotations=tmp_path)
    assert DATASETS[name].about.by_hand in str(caught.value)


def test_what_was_there_stays_where_something_is_wrong(tmp_path):
    root, target = tmp_path / "photos", tmp_path / "raw"
    root.mkdir()
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(root / "a.png")
    where = {"workspace": tmp_path, "annotations": tmp_path}
    prepare("folder", target, root=str(root), **where)
    before = {path: path.is_file() and path.read_bytes() for path in target.rglob("*")}
    (root / "b.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="is no picture"):
        prepare("folder", target, root=str(root), **where)
    assert {path: path.is_file() and path.read_bytes() for path in target.rglob("*")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "raw"]


def test_the_photos_of_the_user_are_no_target(tmp_path):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="where the prepared data set is to be; give another target"):
        prepare("folder", tmp_path, root=str(tmp_path), workspace=tmp_path / "w", annotations=tmp_path)
    assert (tmp_path / "a.png").is_file()


# Official archives

HOST = "https://official.example"
STL10 = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]


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
    files = {"stl10_binary/class_names.txt": "\n".join(STL10).encode()}
    for split, labels in (("train", [1]), ("test", [2, 10]), ("unlabeled", [])):
        files[f"stl10_binary/{split}_X.bin"] = generator.integers(
            0, 256, 27648 * max(len(labels), 1), np.uint8
        ).tobytes()
        files[f"stl10_binary/{split}_y.bin"] = bytes(labels)
    tables = {f"stl10_test_{name}.json": b"{}" for name in STL10}
    tables["stl10_test_bird.json"] = json.dumps(
        {"0": {"bird_0": [[x, y] for x in range(4) for y in range(5)]}}
    ).encode()
    return {"stl10_binary.tar.gz": tar(files), **tables}


def imagenette():
    name, files = "ILSVRC2012_val_00000293.JPEG", {}
    for part, photo, seed in (
        ("val", name, 0),
        ("train", "ILSVRC2012_val_00003014.JPEG", 1),
        ("val", "n01440764_1.JPEG", 2),
    ):
        files[f"imagenette2-320/{part}/n01440764/{photo}"] = picture(seed)
    names = [f"val/{photo}" for photo in (name, "ILSVRC2012_val_00003014.JPEG", "ILSVRC2012_val_00000001.JPEG")]
    tables = {"class_labels.txt": "0", "image_sizes.txt": "80,60", "localization.txt": "10,20,40,50"}
    return {"imagenette2-320.tgz": tar(files)} | {
        table: "".join(f"{name},{values}\n" for name in names).encode() for table, values in tables.items()
    }


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


MADE = {"stl10": stl10, "cub": cub, "voc2012": voc2012, "imagenette": imagenette}
EXPECTED = {
    "stl10": ["test-0000", "test-0001"],
    "cub": ["Black_1"],
    "voc2012": ["2007_000033"],
    "imagenette": ["ILSVRC2012_val_00000293", "ILSVRC2012_val_00003014"],
}


@pytest.fixture
def official(server, monkeypatch):
    """A function that puts the archives of a data set on the server, and their checksums into the catalogue."""

    def serve(name, contents=None):
        found, archives = DATASETS[name], []
        contents = contents or MADE[name]()
        for archive in found.about.archives:
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
            if archive.source.git_blob:  # which is how its source is verified
                blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
                source = replace(source, md5=None, sha256=None, size=None, git_blob=blob)
            archives.append(replace(archive, source=source))
        about = replace(found.about, archives=tuple(archives))
        monkeypatch.setitem(DATASETS, name, replace(found, about=about))
        return contents

    return serve


@pytest.mark.parametrize("name", MADE)
def test_an_archive_is_fetched_once_unpacked_and_read(official, server, prepared, tmp_path, name):
    official(name)
    for _ in range(2):
        records = prepared(name, mirror=server.address)
        assert list(records) == EXPECTED[name]
        for record in records.values():
            assert record.image.is_relative_to(tmp_path / "raw" / name / "photos")  # no link into the scratch folder
            assert hashlib.sha256(record.image.read_bytes()).hexdigest() == record.sha256
            assert record.mask is None or record.mask.is_relative_to(tmp_path / "raw" / name)
    assert sorted(path for path, _ in server.asked) == sorted(server.files)


def test_a_table_of_squares_and_boxes_of_the_original_photos_are_read(official, server, prepared):
    official("stl10")
    bird, truck = prepared("stl10", mirror=server.address).values()
    assert bird.boxes == ((0, 0, 23, 29),) and truck.boxes == () and truck.mask is None
    assert bird.truth()[:24, :18].min() == 1 and (bird.truth() == 1).sum() == 4 * 3 * 36  # not those at its edge
    official("imagenette")
    for record in prepared("imagenette", mirror=server.address).values():
        assert record.boxes == ((5, 10, 20, 25),) and (record.class_name, record.imagenet_index) == ("tench", 0)


def test_truth_of_the_second_archive(official, server, prepared):
    official("cub")
    (record,) = prepared("cub", mirror=server.address).values()
    assert record.truth().tolist() == np.ones((30, 40), int).tolist()
    assert record.boxes == ((1, 2, 4, 6),)


def test_what_is_not_used_is_not_unpacked(official, server, prepared, tmp_path):
    official("stl10")
    prepared("stl10", mirror=server.address)
    unpacked = {path.name for path in (tmp_path / "scratch").glob("stl10-*/stl10_binary/*")}
    assert len(list((tmp_path / "scratch").glob("stl10-*/STL10_Segmentation/stl10_test_*.json"))) == len(STL10)
    assert unpacked == {"class_names.txt", "train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"}


def test_a_transfer_that_breaks_off_is_taken_up_again(official, server, prepared):
    official("voc2012")
    server.cuts = [4_000, 9_000]
    assert list(prepared("voc2012", mirror=server.address)) == EXPECTED["voc2012"]
    assert [asked for _, asked in server.asked] == [None, "bytes=4000-", "bytes=9000-"]


@pytest.mark.parametrize(("name", "checksum"), [("stl10_binary.tar.gz", "sha256"), ("stl10_test_dog.json", "git_blob")])
def test_an_archive_that_differs_is_refused_and_leaves_nothing(official, server, prepared, tmp_path, name, checksum):
    contents = official("stl10")
    server.files[f"/sets/{name}"] = contents[name][:-1] + b"x"
    with pytest.raises(SourceError) as caught:
        prepared("stl10", mirror=server.address)
    message = str(caught.value)
    assert "\n" not in message
    for word in (checksum, server.address, "download.mirror.stl10", "download.root.stl10"):
        assert word in message
    assert not (tmp_path / "raw" / "stl10").exists()
    assert not list((tmp_path / "scratch").glob("stl10-*"))


def test_a_killed_unpacking_is_done_anew(official, server, prepared, tmp_path, monkeypatch):
    official("cub")
    unpack, unpacked = preparing.unpack, []

    def killed(archive, *arguments, **settings):
        if len(unpacked) == 1:
            raise KeyboardInterrupt
        unpacked.append(unpack(archive, *arguments, **settings))
        return unpacked[-1]

    monkeypatch.setattr(preparing, "unpack", killed)
    with pytest.raises(KeyboardInterrupt):
        prepared("cub", mirror=server.address)
    monkeypatch.setattr(preparing, "unpack", unpack)
    (record,) = prepared("cub", mirror=server.address).values()
    assert record.mask is not None
    assert len(server.asked) == 2  # the archives themselves were whole


def test_a_copy_of_the_user_s_comes_first(official, server, prepared, tmp_path):
    contents = official("voc2012")
    with tarfile.open(fileobj=io.BytesIO(contents["VOCtrainval_11-May-2012.tar"])) as archive:
        archive.extractall(tmp_path / "mine", filter="data")
    (record,) = prepared("voc2012", tmp_path / "mine", mirror=server.address).values()
    assert record.image.is_relative_to(tmp_path / "mine") and server.asked == []


@pytest.mark.parametrize("address", ["http://elsewhere.example", "ftp://x", "elsewhere"])
def test_a_mirror_must_be_safe(official, prepared, address):
    official("stl10")
    with pytest.raises(ValueError, match=r"^download\.mirror: .*https.*got"):
        prepared("stl10", mirror=address)


# The same of real photos, which are not part of the project

REAL = Path(__file__).parents[4] / "shared" / "validation"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real photos are not part of the project")


@real
def test_real_photos_in_the_archive_of_imagenette(official, server, prepared, tmp_path):
    folder, each = REAL / "imagenet", 3
    synset = {str(index): name for name, index in synsets().items()}
    labels = [line.split(",") for line in (folder / "class_labels.txt").read_text().split()]
    files, n_of = {}, Counter()
    for path, index in labels:
        n_of[index] += 1
        if n_of[index] <= each:
            part = ("train", "val")[n_of[index] % 2]
            files[f"imagenette2-320/{part}/{synset[index]}/{Path(path).name}"] = (folder / path).read_bytes()
    tables = {
        name: (folder / name).read_bytes() for name in ("class_labels.txt", "image_sizes.txt", "localization.txt")
    }
    official("imagenette", {"imagenette2-320.tgz": tar(files)} | tables)
    found = prepared("imagenette", mirror=server.address)
    assert len(found) == 10 * each and len({record.class_name for record in found.values()}) == 10
    same = prepared("imagenet", folder)
    for name, record in found.items():
        assert (record.sha256, record.class_name, record.boxes) == (
            same[name].sha256,
            same[name].class_name,
            same[name].boxes,
        )


@real
def test_real_photos_and_squares_in_the_archive_of_stl_10(official, server, prepared):
    folder, photos, tables = REAL / "stl10", [], {}
    marked = json.loads((folder / "stl10_test_airplane.json").read_text())
    for number, name in enumerate(STL10):
        (path,) = folder.glob(f"original_{name}_*.png")
        with Image.open(path) as image:
            photos.append(np.asarray(image.convert("RGB")))
        squares = {str(number): marked[path.stem.rpartition("_")[2]]} if name == "airplane" else {}
        tables[f"stl10_test_{name}.json"] = json.dumps(squares).encode()
    files = {"stl10_binary/class_names.txt": "\n".join(STL10).encode()}
    for split in ("train", "test"):
        files[f"stl10_binary/{split}_X.bin"] = np.stack(photos).transpose(0, 3, 2, 1).tobytes()
        files[f"stl10_binary/{split}_y.bin"] = bytes(range(1, 11))
    official("stl10", {"stl10_binary.tar.gz": tar(files), **tables})
    found = prepared("stl10", mirror=server.address, rules=Rules(squares="object"))
    for photo, record in zip(photos, found.values(), strict=True):
        np.testing.assert_array_equal(record.photo(), photo)
    with Image.open(next(folder.glob("segmented_airplane_*.png"))) as image:
        cut_out = np.asarray(image.convert("RGB")).any(axis=2)
    shown = found["test-0000"].truth() == 1
    # it paints the background one pixel too far, to the right and below
    around = np.pad(~shown, ((1, 0), (1, 0)))
    painted = around[1:, 1:] | around[:-1, 1:] | around[1:, :-1] | around[:-1, :-1]
    assert not cut_out[painted].any() and cut_out[~painted].mean() > 0.99
    assert [record.mask is not None for record in found.values()] == [True] + [False] * 9
