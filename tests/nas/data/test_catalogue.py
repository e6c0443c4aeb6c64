"""The data sets that there are, and their pages against what their modules say."""

import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from nas.data.catalogue import DATASETS
from nas.data.rules import Rules


def test_every_module_of_data_sets_is_one_by_its_name(root):
    names = {path.stem for path in Path(root / "nas" / "data" / "datasets").glob("*.py")} - {"__init__"}
    assert set(DATASETS) == names and "sample" in names
    for name, found in DATASETS.items():
        module = import_module(f"nas.data.datasets.{name}")
        assert (found.name, found.about, found.photos) == (name, module.ABOUT, module.photos)


def test_a_data_set_that_is_not_fetched_says_how_to_get_it():
    for found in DATASETS.values():
        assert found.about.by_hand and "\n" not in found.about.by_hand
        assert not (found.about.packaged and found.about.archives)


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_has_a_page_with_its_licence_citation_and_size(root, name):
    about = DATASETS[name].about
    page = " ".join((root / "docs" / "datasets" / f"{name}.md").read_text().split())
    size = "not published" if about.size is None else f"{about.size:,} bytes"
    for fact in (about.title, about.licence, about.citation, about.used_for, size):
        assert fact in page, fact
    for archive in about.archives:
        assert archive.source.url in page and any(digits in page for digits in archive.source.checksums.values())
    for split in about.splits:
        assert f"`{split}`" in page
    # of STL-10 the page counts by class: 500 and 800 of ten
    for number in [n // 10 if name == "stl10" else n for n in about.photos.values()]:
        assert re.search(rf"(?<!\d)(?<!\d,){number:,}(?!\d|,\d)", page), number


def test_the_published_sizes_are_those_of_the_sources():
    for name, found in DATASETS.items():
        about = found.about
        if about.archives:
            assert about.size == sum(archive.source.size or 0 for archive in about.archives), name
            for archive in about.archives:
                assert archive.source.checksums and (archive.source.size or archive.place)
                assert all(address.startswith("https://") for address in archive.source.addresses)


def test_rules_are_those_that_there_are_and_each_is_of_some_data_set():
    named = [rule for found in DATASETS.values() for rule in found.about.rules]
    assert sorted(named) == sorted(field.name for field in fields(Rules))
