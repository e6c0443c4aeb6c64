"""Clusterings of a class against the estimator on all its photos at once; killed, resumed, alone."""

from pathlib import Path

import numpy as np
import pytest
from known import Known
from sklearn.metrics import adjusted_rand_score, v_measure_score

from nas.classes import clustering
from nas.classes.agreement import MEASURES, clustering_agreement
from nas.classes.clustering import (
    ClassClustering,
    Clusters,
    Maps,
    cluster_class,
    cluster_photos,
    clusters_settings,
    folds_of,
    measure,
)
from nas.classes.members import clusters_fingerprint
from nas.networks.activations import Activations, StoredMaps
from nas.store.shards import Shards
from nas.superpixels.estimator import NeuroActivatedSuperpixels
from nas.superpixels.variants import Variant

SETTINGS = ClassClustering(Variant(4, (2, 3, 4), "channels", "first"), (3, 2), "bicubic", seed=1)
PHOTOS = ["b0", "b1", "b2"]
SHARED = {"depths": (2, 3, 4), "random_state": 1}


@pytest.fixture(scope="module")
def made(activations, birds, tmp_path_factory):
    return cluster_class("bird", birds, activations, SETTINGS, tmp_path_factory.mktemp("scratch"))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_clusterings_are_those_of_the_estimator(made, stacked):
    stored, maps = Shards(made), stacked(PHOTOS)
    together = NeuroActivatedSuperpixels(4, scope="collection", **SHARED).fit(maps)
    assert stored.ids == PHOTOS and stored.names() == ["class_clusters", "own_k2", "own_k3"]
    found = stored.read(PHOTOS)
    assert np.array_equal(found["class_clusters"], together.labels_)
    for k in (2, 3):
        assert np.array_equal(found[f"own_k{k}"], NeuroActivatedSuperpixels(k, **SHARED).fit_predict(maps))
        assert found[f"own_k{k}"].dtype == np.uint8


def test_rows_say_how_far_they_agree_with_clusters_fitted_without_the_photo(made, stacked):
    table = Shards(made).table()
    held_out = {}
    for photo in PHOTOS:  # three photos, each a fold
        others = [other for other in PHOTOS if other != photo]
        model = NeuroActivatedSuperpixels(4, scope="collection", **SHARED).fit(stacked(others))
        held_out[photo] = model.predict(stacked([photo]))[0].numpy()
    assert any(not np.array_equal(held_out[p], Shards(made).read([p])["class_clusters"][0]) for p in PHOTOS)
    assert len(table) == 3 * 2 and set(table["own_k"]) == {2, 3} and set(table["class"]) == {"bird"}
    for row in table.to_dict("records"):
        found = {name: each[0] for name, each in Shards(made).read([row["id"]]).items()}
        own, of_class = found[f"own_k{row['own_k']}"], found["class_clusters"]
        assert row["class_clusters"] == len(set(of_class.ravel().tolist()))
        of_class = held_out[row["id"]]
        for name, plain in (("adjusted_rand_index", adjusted_rand_score), ("v_measure", v_measure_score)):
            assert row[name] == pytest.approx(plain(own.ravel(), of_class.ravel()))


def test_each_measure_is_held_against_chance():
    own, of_class = np.random.default_rng(0).integers(0, 3, (2, 5, 6))
    row = measure(own, of_class)
    for name, found in clustering_agreement(own, of_class).items():
        assert (row[name], row[f"{name}_chance"], row[f"{name}_reached"]) == found
        assert row[f"{name}_above_chance"] == pytest.approx(found.value - found.chance)
    assert set(row) == set(MEASURES)


def test_a_photo_does_not_depend_on_those_beside_it(made, activations, birds):
    centers = NeuroActivatedSuperpixels(4, scope="collection", **SHARED)
    centers = centers.fit(list(Maps(StoredMaps(activations, (2, 3, 4)), PHOTOS))).cluster_centers_.numpy()
    rows = Shards(made).table().to_dict("records")
    held_out = []
    for photo in PHOTOS:
        others = list(Maps(StoredMaps(activations, (2, 3, 4)), [other for other in PHOTOS if other != photo]))
        held_out.append(NeuroActivatedSuperpixels(4, scope="collection", **SHARED).fit(others).cluster_centers_.numpy())
    clusters = Clusters(centers, np.stack(held_out), folds_of(PHOTOS))
    for record in birds[::-1]:
        alone = cluster_photos([record], "bird", StoredMaps(activations, (2, 3, 4)), SETTINGS, clusters)
        for name, expected in Shards(made).read([record.id]).items():
            assert np.array_equal(alone.arrays[name], expected)
        assert list(alone.rows) == [row for row in rows if row["id"] == record.id]


def test_folds_take_photos_in_turn_and_few_photos_are_each_alone():
    assert list(folds_of("abcdefgh").values()) == [0, 1, 2, 3, 4, 0, 1, 2]
    assert list(folds_of("abc").values()) == [0, 1, 2] and folds_of("a") == {"a": 0}


def test_a_photo_that_is_all_of_its_class_is_held_against_nothing(activations, birds, tmp_path):
    table = Shards(cluster_class("bird", birds[:1], activations, SETTINGS, tmp_path)).table()
    assert len(table) == 2 and table[MEASURES].isna().all(axis=None) and (table["class_clusters"] > 0).all()


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kill", [{"passes": 2}, {"passes": 7}, {"photos": 1}, {"photos": 3}])
def test_a_run_that_was_killed_ends_with_the_same_bytes(made, activations, birds, tmp_path, monkeypatch, kill):
    passes, photos = [], []
    read, compute = Maps.__iter__, clustering.cluster_photos

    def one_pass(maps):
        if maps._description:
            passes.append(maps)
        if len(passes) == kill.get("passes"):
            raise Killed
        yield from read(maps)

    def one_photo(records, **settings):
        photos.extend(records)
        if len(photos) == kill.get("photos"):
            raise Killed
        return compute(records, **settings)

    monkeypatch.setattr(Maps, "__iter__", one_pass)
    monkeypatch.setattr(clustering, "cluster_photos", Known(one_photo, "one photo"))
    with pytest.raises(Killed):
        cluster_class("bird", birds, activations, SETTINGS, tmp_path)
    before = len(photos)
    kill.clear()
    passes.clear()
    found = cluster_class("bird", birds, activations, SETTINGS, tmp_path)
    assert contents(found) == contents(made)
    assert len(photos) - before == 3 - max(0, before - 1)  # what was finished is not done again
    assert before == 0 or len(passes) == 4  # found centers need one more pass each, to say that they are the last
    passes.clear()
    assert cluster_class("bird", birds, activations, SETTINGS, tmp_path) == found and not passes


def test_maps_are_read_anew_in_every_pass(activations, stacked):
    maps = Maps(StoredMaps(activations, (2, 4)), PHOTOS)
    for _ in range(2):
        for photo, found in zip(PHOTOS, maps, strict=True):
            assert found.keys() == {2, 4}
            assert all(np.array_equal(found[depth], stacked([photo])[depth]) for depth in found)


def test_settings_are_those_that_tags_name(activations, birds):
    network = Activations(activations).network
    assert clusters_settings("bird", birds, "made", network, SETTINGS) == {
        **{"dataset": "made", "network": "mobilenet_v2", "class": "bird", "depths": [2, 3, 4], "k": 4, "seed": 1},
        **{"grid": "first", "weighting": "channels"},
        "fingerprint": clusters_fingerprint(birds, network, [2, 3, 4], "bicubic"),
    }


def test_another_class_or_seed_is_another_folder(made, activations, birds):
    scratch = Path(made).parent.parent
    other = ClassClustering(SETTINGS.variant, SETTINGS.own_clusters, "bicubic", seed=2)
    found = {cluster_class("bird", each, activations, other, scratch) for each in (birds, birds[:2])}
    assert len(found | {made}) == 3
    assert cluster_class("bird", birds, activations, SETTINGS, scratch) == made
