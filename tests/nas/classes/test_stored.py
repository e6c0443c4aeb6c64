"""What is stored of classes is read back."""

import numpy as np
import pandas as pd
import pytest
from plain import store
from safetensors.numpy import save_file

from nas.classes.stored import CENTERS, CLASSES, class_names, pick_class, read_class, store_classes
from nas.store.tables import write_table

CLUSTERS = {"Great Dane": 4, "owl": 3}


def clusters(name, kind, photo):
    return np.random.default_rng(list(f"{name} {kind} {photo}".encode())).integers(0, 3, (4, 5), np.uint8)


@pytest.fixture
def root(tmp_path):
    """A project with two stored classes."""
    done = {}
    for name, k in CLUSTERS.items():
        kinds = ("class_clusters", "own_k2", "own_k10")
        photos = {photo: {kind: clusters(name, kind, photo) for kind in kinds} for photo in ("a", "b", name)}
        done[name] = store(tmp_path / "work" / name, photos)
        save_file({"centers": np.full((k, 7), k, np.float32)}, done[name] / CENTERS)
        write_table(pd.DataFrame({"id": list(photos), "class": name}), done[name] / "table.parquet")
    settings = {name: {"k": k, "seed": 0} for name, k in CLUSTERS.items()}
    target = tmp_path / "data/classes/made/net"
    (target / "zebra").mkdir(parents=True)  # of an earlier run
    store_classes(done, settings, target, {"depths": "2-3"})
    return tmp_path


def test_a_class_is_read_as_it_was_stored(root):
    for name, k in CLUSTERS.items():
        found = read_class(root, "made", "net", name)
        assert (found.name, found.ids, found.settings) == (name, ["a", "b", name], {"k": k, "seed": 0})
        assert (found.n_clusters, found.own_clusters) == (k, [2, 10])
        for ids in (["b"], [name, "a"]):
            assert np.array_equal(found.class_clusters(ids), [clusters(name, "class_clusters", i) for i in ids])
            for own in (2, 10):
                assert np.array_equal(found.own(ids, own), [clusters(name, f"own_k{own}", i) for i in ids])
        assert np.array_equal(found.centers(), np.full((k, 7), k))


def test_there_is_one_table_of_all_classes_and_nothing_of_earlier_runs(root):
    target = root / "data/classes/made/net"
    assert {path.name for path in target.iterdir()} == {"great-dane", "owl", CLASSES, "table.parquet"}
    assert not list(target.glob("*/table.parquet"))
    table = pd.read_parquet(target / "table.parquet")
    assert table["class"].tolist() == ["Great Dane"] * 3 + ["owl"] * 3 and set(table["depths"]) == {"2-3"}


def test_a_class_is_picked_by_its_name_or_the_first_is(root):
    assert class_names(root, "made", "net") == ["Great Dane", "owl"]
    assert pick_class(root, "made", "net", "owl").name == "owl"
    assert pick_class(root, "made", "net", "zebra").name == "Great Dane"


def test_what_is_not_there_is_named(root):
    with pytest.raises(ValueError, match="has no class 'cat', only Great Dane, owl; take one of them, or edit classes"):
        read_class(root, "made", "net", "cat")
    for call in (lambda: read_class(root, "made", "vgg16", "owl"), lambda: class_names(root, "other", "net")):
        with pytest.raises(ValueError, match=r"holds no classes\.json; run the stage classes \(dvc repro classes\)$"):
            call()
