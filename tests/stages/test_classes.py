"""The stage on activations made up here: three birds, two dogs, one cat."""

import json

import pandas as pd
import pytest
import yaml
from class_projects import CLASSES, NETWORK, run_classes

from nas.classes.stored import read_class
from nas.store.shards import Shards
from stages import classes


@pytest.fixture(scope="module")
def made(new_classes):
    """A project in which the stage classes has run."""
    return run_classes(new_classes())


def out(folder):
    return folder / "data/classes/folder" / NETWORK


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder):
    return list(json.loads((out(folder) / "classes.json").read_text()))


def test_every_class_has_its_clusters_and_there_is_one_table(made):
    for name, photos in {"bird": ["b0", "b1", "b2"], "dog": ["d0", "d1"]}.items():
        found = read_class(made, "folder", NETWORK, name)
        assert found.ids == photos and found.own_clusters == [2, 3] and found.n_clusters == 4
        assert found.class_clusters(photos).shape == (len(photos), 8, 8)
        assert found.settings.items() >= {"class": name, "depths": [2, 3, 4], "k": 4, "seed": 0}.items()
    assert {path.name for path in out(made).iterdir()} == {"bird", "dog", "classes.json", "table.parquet"}
    table = pd.read_parquet(out(made) / "table.parquet")
    assert len(table) == 5 * 2 and set(table["own_k"]) == {2, 3}
    carried = {"dataset": "folder", "network": NETWORK, "depths": "2-3-4", "clusters": "4", "weighting": "channels"}
    assert all((table[column] == value).all() for column, value in {**carried, "seed": 0}.items())
    assert Shards(out(made) / "bird").names() == ["class_clusters", "own_k2", "own_k3"]


def test_a_class_does_not_depend_on_the_others(new_classes):
    many, one = (run_classes(new_classes(names=found)) for found in (["dog", "crane", "bird"], ["bird"]))
    assert contents(out(many) / "bird") == contents(out(one) / "bird")
    tables = [pd.read_parquet(out(folder) / "table.parquet").query("`class` == 'bird'") for folder in (many, one)]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in tables))


def failing(folder, capsys, script=classes.main, arguments=("folder", NETWORK)):
    with pytest.raises(SystemExit) as caught:
        run_classes(folder, script, arguments)
    assert "\n" not in caught.value.code
    assert capsys.readouterr().err == ""
    return caught.value.code


ALLOWED = "allowed are classes and super-classes of folder with at least 2 photos, bird, crane, dog"


@pytest.mark.parametrize(
    ("given", "words", "taken"),
    [
        (["bird", "zebra"], ["classes.names has 'zebra' (0 photos)", ALLOWED, "; skipped\n"], ["bird"]),
        (["cat", "bird", "owl"], ["'cat' (1 photos), 'owl' (1 photos)", ALLOWED, "; skipped\n"], ["bird"]),
        (["zebra"], ["'zebra' (0 photos)", ALLOWED, "; every class is taken\n"], ["crane"]),
    ],
)
def test_a_name_that_is_no_class_is_named_with_those_that_are(new_classes, capsys, given, words, taken):
    folder = run_classes(new_classes(names=given))
    message = capsys.readouterr().err
    assert [word for word in words if word not in message] == [] and message.count("\n") == 1
    assert names(folder) == taken


def test_null_takes_every_class_with_two_photos(new_classes):
    folder = run_classes(new_classes(names=None))
    assert names(folder) == ["crane"]
    folder = run_classes(new_classes(photos=["b0", "d0", "c0"], names=None))
    assert names(folder) == ["all photos"]
    folder = run_classes(new_classes(photos=["b0"], names=None))
    assert names(folder) == ["all photos"] and read_class(folder, "folder", NETWORK, "all photos").ids == ["b0"]


def test_classes_with_one_folder_are_refused(new_classes, capsys, monkeypatch):
    monkeypatch.setitem(CLASSES, "d0", "Bird")
    monkeypatch.setitem(CLASSES, "d1", "Bird")
    message = failing(new_classes(names=["bird", "Bird"]), capsys)
    assert "classes.names has 'bird' and another name for the folder 'bird': leave one out" in message


def test_work_with_former_settings_is_not_kept_for_ever(new_classes):
    folder = run_classes(new_classes())
    kept = {path.name for path in (folder / "data/scratch/classes/folder" / NETWORK).iterdir()}
    assert len(kept) == 2  # a place for each class
    content = yaml.safe_load((folder / "params.yaml").read_text())
    content["classes"]["clusters"] = 3
    (folder / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
    run_classes(folder)
    now = {path.name for path in (folder / "data/scratch/classes/folder" / NETWORK).iterdir()}
    assert len(now) == 2 and not now & kept
