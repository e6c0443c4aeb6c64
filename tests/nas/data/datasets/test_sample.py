import hashlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.models import MobileNet_V2_Weights

from nas.data.boxes import boxes_of
from nas.data.datasets import sample
from nas.data.datasets.sample import sources
from nas.data.native import Place
from nas.data.records import read_records, write_records

random = settings(max_examples=40, deadline=None, derandomize=True)
CATEGORIES = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]


def rectangle(x0, y0, x1, y1):
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


@st.composite
def rectangles(draw, side=20):
    """Instances: rectangles, some with a rectangular hole, later ones over earlier ones."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        x0, y0 = draw(st.integers(0, side - 8)), draw(st.integers(0, side - 8))
        outer = (x0, y0, draw(st.integers(x0 + 6, side - 1)), draw(st.integers(y0 + 6, side - 1)))
        hole = (x0 + 2, y0 + 1, outer[2] - 1, outer[3] - 2) if draw(st.booleans()) else None
        found.append((outer, hole))
    return found


@random
@given(instances=rectangles())
def test_outlines_belong_to_the_object_and_what_is_inside_a_hole_does_not(instances):
    expected = np.zeros((20, 20), np.uint8)
    for number, ((x0, y0, x1, y1), hole) in enumerate(instances, start=1):
        inside = np.zeros((20, 20), bool)
        inside[y0 : y1 + 1, x0 : x1 + 1] = True
        if hole is not None:
            inside[hole[1] + 1 : hole[3], hole[0] + 1 : hole[2]] = False
        expected[inside] = number
    outlines = [[rectangle(*ring) for ring in rings if ring is not None] for rings in instances]
    np.testing.assert_array_equal(sample.draw(outlines, (20, 20)), expected)


def test_a_ring_in_a_hole_is_object_again():
    rings = [rectangle(0, 0, 20, 20), rectangle(4, 4, 16, 16), rectangle(8, 8, 12, 12)]
    middle = sample.draw([rings], (21, 21))[10]
    assert middle.tolist() == [1] * 5 + [0] * 3 + [1] * 5 + [0] * 3 + [1] * 5


@pytest.fixture(scope="module")
def outlined(root):
    return json.loads((root / "data" / "sample" / "annotations.json").read_text())["photos"]


def test_the_annotations_are_of_the_24_photos(outlined):
    ids = [photo["id"] for photo in outlined]
    assert len(ids) == len(set(ids)) == 24
    assert set(ids) == {name.rpartition(".")[0] for name in sources()}
    fields = {"id", "size", "class_index", "class_name", "super_class", "note", "instances"}
    assert all(set(photo) == fields for photo in outlined)


def test_classes_are_imagenet_s(outlined):
    for photo in outlined:
        if photo["class_index"] is not None:
            assert photo["class_name"] == CATEGORIES[photo["class_index"]], photo["id"]
        assert photo["class_name"] and photo["super_class"]
        if photo["id"].startswith("imagenet_"):  # the label is in the file's name
            assert photo["class_index"] == int(photo["id"].split("_")[2])


def test_outlines_are_rings_of_pixels_of_the_photo(outlined):
    for photo in outlined:
        width, height = photo["size"]
        assert photo["instances"] and all(photo["instances"]), photo["id"]
        for ring in (ring for rings in photo["instances"] for ring in rings):
            points = np.array(ring)
            assert points.dtype.kind == "i" and points.ndim == 2 and points.shape[0] >= 3 and points.shape[1] == 2
            assert (points >= 0).all() and (points < [width, height]).all(), photo["id"]


def test_instances_touch_and_hardly_overlap_and_none_is_hidden(outlined):
    for photo in outlined:
        width, height = photo["size"]
        alone = [sample.draw([rings], (height, width)) for rings in photo["instances"]]
        assert (np.sum(alone, axis=0, dtype=int) > 1).sum() <= 12, photo["id"]
        drawn = sample.draw(photo["instances"], (height, width))
        assert set(np.unique(drawn)) - {0} == set(range(1, len(alone) + 1)), photo["id"]
        assert (drawn == 0).any(), photo["id"]


@pytest.fixture
def two_photos(tmp_path, monkeypatch):
    """The sample with two photos made up here in place of those that are fetched, and its annotations."""
    made, photos = {}, []
    for number, (name, package) in enumerate((("imagenet_00_3.png", "foolbox"), ("cat.png", "scikit-image"))):
        file = tmp_path / "made" / name
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 10 + number), (number, 0, 0)).save(file)

        def fetch(target, *, workspace, file=file):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
            return target

        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        made[name] = SimpleNamespace(package=package, fetch=fetch, sha256=digest)
        photos.append(
            {
                "id": file.stem,
                "size": [20, 10 + number],
                "class_index": 3,
                "class_name": "tiger shark",
                "super_class": "fish",
                "note": "a note",
                "instances": [[rectangle(1, 2, 8, 7)], [rectangle(12, 0, 19, 9)]],
            }
        )
    monkeypatch.setattr(sample, "sources", lambda: made)
    return photos


def prepared(tmp_path, photos):
    (tmp_path / "annotations.json").write_text(json.dumps({"photos": photos}))
    place = Place(tmp_path, tmp_path / "raw", tmp_path / "work", borrowed=False)
    return [listed.complete(listed.record) for listed in sample.photos(place, "")]


def test_records_say_what_the_annotations_say(tmp_path, two_photos):
    records = prepared(tmp_path, two_photos)
    assert [(r.id, r.label_source) for r in records] == [("imagenet_00_3", "ImageNet"), ("cat", "ours")]
    for record, photo in zip(records, two_photos, strict=True):
        assert record.class_index == record.imagenet_index == 3
        assert (record.class_name, record.super_class, record.note) == ("tiger shark", "fish", "a note")
        assert record.boxes == ((1, 2, 8, 7), (12, 0, 19, 9)) == boxes_of(record.truth())
        assert record.photo().shape[:2] == record.truth().shape == tuple(photo["size"][::-1])
        assert record.sha256 == hashlib.sha256(record.image.read_bytes()).hexdigest()
        assert record.mask_sha256 == hashlib.sha256(record.mask.read_bytes()).hexdigest()
    write_records(records, tmp_path / "raw")
    assert read_records(tmp_path / "raw") == records


@pytest.mark.parametrize("wrong", ["size", "absent"])
def test_annotations_that_do_not_fit_the_photos_are_refused(tmp_path, two_photos, wrong):
    photos = two_photos[:1] if wrong == "absent" else [two_photos[0], {**two_photos[1], "size": [11, 20]}]
    messages = {
        "size": r"'cat' must have the size \[20, 11\], found \[11, 20\]; correct the annotations",
        "absent": r"annotations\.json: has no outlines of 'cat'; add them",
    }
    with pytest.raises(ValueError, match=messages[wrong]):
        prepared(tmp_path, photos)
