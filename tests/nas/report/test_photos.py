"""Figures that name photos, drawn of a part of their data set and of another one."""

import numpy as np
import pytest

from nas.report.photos import missing_text, present
from nas.store.shards import Shard, Shards, gather, write_shard


@pytest.fixture
def stored(tmp_path):
    write_shard(Shard(list("abcde"), {"x": np.arange(5)}), tmp_path / "part")
    gather([tmp_path / "part"], tmp_path / "folder")
    return Shards(tmp_path / "folder")


@pytest.mark.parametrize(
    ("names", "shown", "missing"),
    [("db", "db", ""), ("xdyb", "db", "x, y"), ("xyz", "ace", ""), ("stuvwxyz", "abcde", "")],
)
def test_named_photos_that_are_there_are_shown_and_the_others_are_named(stored, names, shown, missing):
    found = present(stored, list(names))
    assert found == list(shown)
    said = f" Named for this figure, but not in this data set: {missing}." if missing else ""
    assert missing_text(found, list(names)) == said
