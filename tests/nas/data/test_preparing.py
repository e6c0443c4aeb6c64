import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.about import About
from nas.data.catalogue import ABOUT, DATASETS, PHOTOS
from nas.data.datasets.sample import PHOTOS
from nas.data.preparing import prepare, subset
from nas.data.records import Record

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
        prepare("nonsense", tmp_path / "raw", workspace=tmp_path, annotations=tmp_path / "annotations.json")
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"roots": {"cbu": "x"}}, r"^download.root has 'cbu': allowed are stl10, cub, .*folder$"),
        ({"roots": {"sample": "x"}}, r"^download.root has 'sample': allowed are"),
        ({"mirrors": {"imagenet": "x"}}, r"^download.mirror has 'imagenet': allowed are base, stl10, cub, voc2012$"),
        ({"splits": {"folder": "x"}}, r"^download.split has 'folder': allowed are stl10, cub, imagenet, voc2012, open"),
        ({"splits": {"cub": "val"}}, r"^download.split.cub is 'val': allowed are test, train, all$"),
        ({}, r"^datasets has 'cub', which is not fetched"),
        ({"roots": {"cub": __file__}}, r"^download.root.cub: .*test_catalogue.py is a file; unpack it"),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path, monkeypatch, settings, message):
    if not settings:
        monkeypatch.setitem(ABOUT, "cub", replace(ABOUT["cub"], archives=()))
    with pytest.raises(ValueError, match=message) as caught:
        prepare("cub", tmp_path / "raw", workspace=tmp_path, annotations=tmp_path / "annotations.json", **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["imagenet", "openimages30k", "folder"])
def test_what_is_not_fetched_says_how_to_get_it(tmp_path, name):
    with pytest.raises(ValueError, match=rf"^datasets has '{name}'.*set download.root.{name} to your copy") as caught:
        prepare(name, tmp_path / "raw", workspace=tmp_path, annotations=tmp_path / "annotations.json")
    assert ABOUT[name].by_hand in str(caught.value)


def test_every_data_set_is_in_both_tables():
    assert DATASETS == ("sample", *PHOTOS) == tuple(ABOUT)


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_has_a_page_with_its_licence_citation_and_size(root, name):
    about = ABOUT[name]
    page = " ".join((root / "docs" / "datasets" / f"{name}.md").read_text().split())
    size = "not published" if about.size is None else f"{about.size:,} bytes"
    for fact in (about.title, about.licence, about.citation, about.used_for, size):
        assert fact in page, fact
    for archive in about.archives:
        assert archive.source.url in page and archive.source.md5 in page
    for split in about.splits:
        assert f"`{split}`" in page
    # of STL-10 the page counts by class: 500 and 800 of ten
    for number in [n // 10 if name == "stl10" else n for n in about.photos.values()]:
        assert re.search(rf"(?<!\d)(?<!\d,){number:,}(?!\d|,\d)", page), number


def test_photos_of_a_split_are_counted_up_to_the_limit():
    counted = About("", "", "", "", "", None, {"val": 30, "train": 50})
    assert [counted.n_photos(), counted.n_photos("train"), counted.n_photos("all")] == [30, 50, 80]
    assert [counted.n_photos(limit=7), counted.n_photos("all", 99)] == [7, 80]
    assert [ABOUT["folder"].n_photos(), ABOUT["folder"].n_photos(limit=5)] == [None, None]
    assert ABOUT["sample"].n_photos() == 24 == len(PHOTOS) and ABOUT["sample"].splits == ()
