from dataclasses import replace

from nas.data.about import About, Archive
from nas.data.sources import Https


def test_an_archive_is_called_like_the_file_at_its_address():
    for address in ("https://x/a/b/set.tar.gz", "https://x/set.tar.gz?version=2#part"):
        assert Archive(Https(address, md5="0" * 32)).name == "set.tar.gz"


def test_the_version_tells_archives_members_and_places_apart():
    source = Https("https://x/set.tar", md5="0" * 32)
    archives = [
        Archive(source),
        Archive(source, ("a",)),
        Archive(source, place="a"),
        Archive(replace(source, md5="1" * 32)),
    ]
    versions = [About("", "", "", "", "", None, archives=chosen).version for chosen in ((), *((a,) for a in archives))]
    assert len(set(versions)) == 5
    assert About("other", "", "", "", "", 1, archives=(archives[0],)).version == versions[1]


def test_splits_are_those_with_a_name_the_default_one_first():
    assert About("", "", "", "", "", None, {"val": 30, "train": 50}).splits == ("val", "train")
    assert About("", "", "", "", "", None, {"": 24}).splits == () == About("", "", "", "", "", None).splits


def test_photos_of_a_split_are_counted_up_to_the_limit():
    counted = About("", "", "", "", "", None, {"val": 30, "train": 50})
    assert [counted.n_photos(), counted.n_photos("train"), counted.n_photos("all")] == [30, 50, 80]
    assert [counted.n_photos(limit=7), counted.n_photos("all", 99)] == [7, 80]
    uncounted, without_splits = About("", "", "", "", "", None), About("", "", "", "", "", None, {"": 24})
    assert [uncounted.n_photos(), uncounted.n_photos(limit=5)] == [None, None]
    assert [without_splits.n_photos(), without_splits.n_photos(limit=5)] == [24, 5]
