"""Settings of the ablation against a plain product, and what is stored of a photo against one setting at a time."""

from itertools import groupby

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import flood

from nas.data.label_maps import resize_labels
from nas.networks.activations import Activations
from nas.store.shards import Stored
from nas.superpixels import measures
from nas.superpixels.ablation import ablate_photos, ablated, measure
from nas.superpixels.estimator import NeuroActivatedSuperpixels
from nas.superpixels.inputs import variants_with_maps
from nas.superpixels.summary import ABLATION_MEASURES, ABLATION_SETTING
from nas.superpixels.variants import Segmenting, Variant

many = settings(max_examples=60, deadline=None, derandomize=True)
depths = st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True).map(tuple)
clusters, sizes, weightings = st.integers(2, 9), st.sampled_from(["first", "image", 28]), ["channels", "none"]
SETTINGS = Segmenting("bicubic", seed=3, tolerance=1, edge_quantile=0.8)
VARIANTS = ablated([(2,), (3, 2)], [3, 5], ["first", 10], ["channels", "none"], Variant(3, (2, 3), "channels", "first"))


@many
@given(
    given_depths=st.lists(depths, max_size=4),
    ks=st.lists(clusters, max_size=3, unique=True),
    of_size=st.lists(sizes, max_size=3, unique=True),
    of_weighting=st.lists(st.sampled_from(weightings), max_size=2, unique=True),
    default=st.builds(Variant, clusters, depths, st.sampled_from(weightings), st.just("first")),
)
def test_settings_are_two_products_without_repetition(given_depths, ks, of_size, of_weighting, default):
    found = ablated(given_depths, ks, of_size, of_weighting, default)
    made = [(frozenset(v.depths), v.size, v.weighting, v.clusters) for v in found.values()]
    expected = {(frozenset(used), "first", default.weighting, k) for used in given_depths for k in ks}
    expected |= {
        (frozenset(default.depths), size, weighting, default.clusters) for size in of_size for weighting in of_weighting
    }
    assert len(made) == len(set(made)) and set(made) == expected
    starts = [name.rpartition("/")[0] for name in found]
    assert len([start for start, _ in groupby(starts)]) == len(set(starts))  # those that differ in k are neighbours
    for name, variant in found.items():
        assert name == f"{variant.columns()['depths']}/{variant.size}/{variant.weighting}/k{variant.clusters}"


def assert_row(row, labels, record, view, model):
    """The row of one setting, from its label map."""
    strong = measures.strongest_edges(view, 0.8)
    clusters = resize_labels(labels, view.shape[:2])
    truth, pieces = record.truth(), flood(clusters)
    expected = {
        "n_components": pieces.max() + 1,
        "k": len(np.unique(labels)),
        "inertia_per_location": model.inertia_.item() / labels.size,
        "n_iter": model.n_iter_.item(),
        **measures.edge_adherence(pieces, strong, 1)._asdict(),
    }
    expected["edge_share"], room = expected.pop("share"), 1 - expected.pop("chance")
    assert row["edge_excess"] / row["edge_room"] == pytest.approx(expected.pop("adherence"))
    assert row["edge_room"] == pytest.approx(room)
    for of, ending in (
        (pieces, ""),
        (np.unique(clusters, return_inverse=True)[1].reshape(clusters.shape), "_clusters"),
    ):
        if truth is not None:
            for name in ("achievable_segmentation_accuracy", "undersegmentation_error"):
                expected[name + ending] = getattr(measures, name)(of, truth)
    if truth is not None:
        for name in ("boundary_recall", "boundary_precision"):
            expected[name] = getattr(measures, name)(pieces, truth, 1)
    assert {name: row[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    assert ("undersegmentation_error" in row) == (truth is not None)


def test_each_setting_is_that_of_the_estimator_alone(photos):
    folder, records = photos
    found = ablate_photos(records, variants_with_maps(VARIANTS, folder), Stored(folder, ("view",)), SETTINGS)
    stored = Activations(folder)
    assert list(found) == list(VARIANTS)
    for name, shard in found.items():
        variant = VARIANTS[name]
        assert list(shard.ids) == [record.id for record in records] == [row["id"] for row in shard.rows]
        weighting = None if variant.weighting == "none" else variant.weighting
        model = NeuroActivatedSuperpixels(
            variant.clusters, depths=variant.depths, weighting=weighting, size=variant.size, random_state=3
        )
        for record, labels, row in zip(records, shard.arrays[name], shard.rows, strict=True):
            maps = stored.maps([record.id], variant.depths)
            assert np.array_equal(labels, model.fit_predict(maps)[0]) and labels.dtype == np.uint16
            assert {key: row[key] for key in ABLATION_SETTING} == variant.columns() | {"size": str(variant.size)}
            view = stored.read([record.id], ["view"])["view"][0]
            assert_row(row, labels, record, view, model)
        assert set(ABLATION_MEASURES) <= set(shard.rows[0])


def test_more_than_256_clusters_keep_their_numbers(photos):
    folder, records = photos
    variants = {"many": Variant(300, (2,), "channels", "image")}
    found = ablate_photos(records[:1], variants_with_maps(variants, folder), Stored(folder, ("view",)), SETTINGS)
    assert len(np.unique(found["many"].arrays["many"])) == 300


def test_some_settings_are_the_same_as_among_all_and_a_photo_as_alone(photos):
    folder, records = photos
    together = ablate_photos(records, variants_with_maps(VARIANTS, folder), Stored(folder, ("view",)), SETTINGS)
    some = variants_with_maps({name: VARIANTS[name] for name in list(VARIANTS)[1::2]}, folder)
    for number, record in enumerate(records):
        alone = ablate_photos([record], some, Stored(folder, ("view",)), SETTINGS)
        assert list(alone) == list(some)
        for name in some:
            assert np.array_equal(alone[name].arrays[name][0], together[name].arrays[name][number])
            assert list(alone[name].rows) == [together[name].rows[number]]


def test_the_clusters_of_a_connected_map_are_its_components():
    labels = np.kron([[0, 1], [2, 2]], np.ones((4, 4), int))
    truth = np.kron([[1, 1], [0, 2]], np.ones((4, 4), np.uint8))
    row = measure(labels, truth, torch.rand(8, 8).numpy() > 0.5, 1)
    assert row["n_components"] == 3
    for name in ("achievable_segmentation_accuracy", "undersegmentation_error"):
        assert row[name] == row[f"{name}_clusters"]
    apart = measure(np.kron([[0, 1], [1, 0]], np.ones((4, 4), int)), truth, labels > 0, 1)
    assert apart["achievable_segmentation_accuracy"] == 1  # four components, of the three that the truth has
    assert apart["achievable_segmentation_accuracy_clusters"] == 0.5
