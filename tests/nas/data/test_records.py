from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nas.data.records import Record, read_records, write_records

random = settings(max_examples=30, deadline=None, derandomize=True)
CLASSES = st.none() | st.integers(0, 999)
PIXELS = st.integers(0, 500)
POINTS = st.tuples(st.floats(0, 500), st.floats(0, 500))
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)


@st.composite
def records(draw, folder=Path("/data/raw/sample")):
    ids = draw(st.lists(st.from_regex(r"[a-z0-9_]{1,6}", fullmatch=True), max_size=5, unique=True))
    outside = st.sampled_from([folder, Path("/elsewhere")])
    return [
        Record(
            id=i,
            image=draw(outside) / "photos" / f"{i}.jpg",
            sha256=draw(NAMES),
            size=draw(st.tuples(PIXELS, PIXELS)),
            class_index=draw(CLASSES),
            class_name=draw(NAMES),
            imagenet_index=draw(CLASSES),
            label_source=draw(NAMES),
            super_class=draw(NAMES),
            boxes=tuple(draw(st.lists(st.tuples(PIXELS, PIXELS, PIXELS, PIXELS), max_size=3))),
            mask=draw(st.none() | outside.map(lambda where, i=i: where / "masks" / f"{i}.png")),
            mask_sha256=draw(NAMES),
            parts=draw(st.none() | st.dictionaries(NAMES, POINTS, max_size=2)),
            note=draw(NAMES),
            split=draw(NAMES),
        )
        for i in ids
    ]


@random
@given(data=st.data())
def test_records_are_read_as_they_were_written(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("raw")
    written = data.draw(records(folder))
    write_records(written, folder)
    assert read_records(folder) == written


def test_a_prepared_folder_can_be_moved(tmp_path):
    (tmp_path / "one").mkdir()
    record = Record("a", tmp_path / "one" / "photos" / "a.png", "0", mask=tmp_path / "one" / "truth" / "a.png")
    write_records([record], tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    (found,) = read_records(tmp_path / "two")
    assert found.image == tmp_path / "two" / "photos" / "a.png"
    assert found.mask == tmp_path / "two" / "truth" / "a.png"
    assert found.fingerprint == record.fingerprint


def test_a_folder_that_was_not_prepared_is_named(tmp_path):
    for missing in ("photos/index.json", "truth/truth.json"):
        write_records([], tmp_path)
        (tmp_path / missing).unlink()
        with pytest.raises(
            ValueError, match=r"holds no prepared data set; run the stage download \(dvc repro download\)"
        ):
            read_records(tmp_path)


@random
@given(record=records().filter(bool).map(lambda found: found[0]), data=st.data())
def test_the_fingerprint_is_of_the_content_and_not_of_the_place(record, data):
    assert replace(record, image=Path("/x"), mask=Path("/y")).fingerprint == record.fingerprint
    for change in (
        {"id": record.id + "x"},
        {"sha256": record.sha256 + "x"},
        {"size": (501, 501)},
        {"class_index": 1000},
        {"imagenet_index": 1000},
        {"boxes": (*record.boxes, (0, 0, 1, 1))},
        {"mask_sha256": record.mask_sha256 + "x"},
        {"parts": {**(record.parts or {}), "new part": (0.0, 0.0)}},
    ):
        assert replace(record, **change).fingerprint != record.fingerprint


def test_photo_and_truth_are_those_of_the_files(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    labels = np.zeros((12, 16), np.uint8)
    labels[:6, :8], labels[6:, 8:], labels[:6, 8:] = 1, 2, 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(labels).save(tmp_path / "mask.png")
    record = Record("a", tmp_path / "photo.png", "0", mask=tmp_path / "mask.png")
    np.testing.assert_array_equal(record.photo(), photo)
    np.testing.assert_array_equal(record.truth(), labels)
    np.testing.assert_array_equal(record.truth((24, 32)), labels.repeat(2, axis=0).repeat(2, axis=1))
    np.testing.assert_array_equal(record.truth((6, 8)), labels[::2, ::2])
    assert replace(record, mask=None).truth((6, 8)) is None
