"""What is stored of photos against each method called alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain import flood

from nas.data.label_maps import resize_labels
from nas.networks.activations import Activations
from nas.store.shards import Stored
from nas.superpixels import measures
from nas.superpixels.estimator import NeuroActivatedSuperpixels
from nas.superpixels.factors import deep_feature_factorization
from nas.superpixels.inputs import variants_with_maps
from nas.superpixels.measures import MEASURES, RATIOS
from nas.superpixels.rivals import felzenszwalb, slic
from nas.superpixels.segmentations import Rivals, segment, segment_photos
from nas.superpixels.variants import SEGMENTATIONS, Segmenting, Variant

SETTINGS = Segmenting("bicubic", 3, 1, 0.8, {"compactness": 5.0, "max_evaluations": 3}, {"max_evaluations": 3})
VARIANTS = {"first": Variant(4, (2, 3), "channels", "first"), "image": Variant("auto", (3,), "none", "image")}


def plain_segmentations(clusters, view, deepest):
    pieces = flood(clusters)
    n_regions, n_clusters = int(pieces.max()) + 1, len(set(clusters.flat))
    return {
        "nas_clusters": clusters,
        "nas_components": pieces,
        "slic": slic(view, n_regions, compactness=5.0, max_evaluations=3),
        "felzenszwalb": felzenszwalb(view, n_regions, max_evaluations=3),
        "slic_few": slic(view, n_clusters, compactness=5.0, max_evaluations=3),
        "felzenszwalb_few": felzenszwalb(view, n_clusters, max_evaluations=3),
        "dff": deep_feature_factorization(deepest, n_clusters, view.shape[:2], seed=3),
    }


def rivals_of(view, settings=SETTINGS):
    return Rivals(view, {}, settings)


def moved_by(labels, offset):
    """Rows down and columns to the right, around the rim, and named in order of first appearance."""
    height, width = labels.shape
    moved = [[labels[(y - offset[0]) % height, (x - offset[1]) % width] for x in range(width)] for y in range(height)]
    names = list(dict.fromkeys(np.ravel(moved).tolist()))
    return np.array([[names.index(label) for label in row] for row in moved])


def test_label_maps_and_rows_are_those_of_each_method_alone(photos):
    folder, records = photos
    found = segment_photos(records, variants_with_maps(VARIANTS, folder), Stored(folder, ("view",)), SETTINGS)
    stored = Activations(folder)
    for name, shard in found.items():
        assert set(shard.arrays) == {f"{method}.{name}" for method in SEGMENTATIONS}
        assert all(array.dtype == np.uint16 for array in shard.arrays.values())
        rows = {(row["id"], row["method"]): row for row in shard.rows}
        assert len(rows) == len(shard.rows) == len(records) * len(SEGMENTATIONS)
        for number, record in enumerate(records):
            view, maps = stored.read([record.id], ["view"])["view"][0], stored.maps([record.id], [2, 3])
            settings = {"first": {"size": "first"}, "image": {"depths": (3,), "weighting": None, "size": "image"}}[name]
            model = NeuroActivatedSuperpixels(
                4 if name == "first" else "auto", **{"depths": (2, 3), **settings}, random_state=3
            ).fit(maps, view.shape[:2])
            clusters = resize_labels(model.labels_[0].numpy(), view.shape[:2])
            expected_maps = plain_segmentations(clusters, view, maps[3][0])
            for kind in ("clusters", "components"):
                moved = shard.arrays[f"moved_{kind}.{name}"][number]
                expected_maps[f"moved_{kind}"] = moved_by(expected_maps[f"nas_{kind}"], rivals_of(view).offset)
                assert sorted(np.bincount(moved.ravel())) == sorted(np.bincount(expected_maps[f"nas_{kind}"].ravel()))
            assert set(expected_maps) == set(SEGMENTATIONS)
            for method, expected in expected_maps.items():
                assert np.array_equal(shard.arrays[f"{method}.{name}"][number], expected), method
                row = rows[record.id, method]
                assert (row["variant"], row["k"]) == (name, int(model.n_clusters_[0]))
                assert row["n_regions"] == len(np.unique(expected))
                truth, strong = record.truth(), measures.strongest_edges(view, 0.8)
                assert {key: row[key] for key in ("depths", "clusters", "weighting")} == VARIANTS[name].columns()
                measured = measures.measures(expected, truth, strong, 1)
                assert {key: row[key] for key in measured} == pytest.approx(measured, nan_ok=True)
                assert (set(MEASURES) <= set(row)) == (truth is not None)
                assert all(name in row for ratio in RATIOS.values() for name in ratio)


def test_a_photo_is_the_same_alone_and_a_variant_without_the_others(photos):
    folder, records = photos
    together = segment_photos(records, variants_with_maps(VARIANTS, folder), Stored(folder, ("view",)), SETTINGS)
    for number, record in enumerate(records):
        image = variants_with_maps({"image": VARIANTS["image"]}, folder)
        alone = segment_photos([record], image, Stored(folder, ("view",)), SETTINGS)
        assert list(alone) == ["image"]
        for key, array in alone["image"].arrays.items():
            assert np.array_equal(array[0], together["image"].arrays[key][number])
        assert list(alone["image"].rows) == [row for row in together["image"].rows if row["id"] == record.id]


def test_masks_of_squares_have_no_boundaries(photos):
    folder, records = photos
    records = [replace(record, coarse="squares") for record in records]
    found = segment_photos(records, variants_with_maps(VARIANTS, folder), Stored(folder, ("view",)), SETTINGS)
    drawn = [row for row in found["first"].rows if "achievable_segmentation_accuracy" in row]
    assert drawn and all(np.isnan(row["boundary_recall"]) and np.isnan(row["boundary_precision"]) for row in drawn)
    assert all(0 < row["achievable_segmentation_accuracy"] <= 1 for row in drawn)


def test_rivals_have_about_as_many_regions_as_there_are_components_or_clusters():
    generator = np.random.default_rng(0)
    view = np.kron(generator.integers(0, 256, (6, 6, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    clusters = np.kron(generator.integers(0, 4, (6, 6)), np.ones((10, 10), int))
    maps = {4: torch.rand(6, 5, 5, generator=torch.Generator().manual_seed(0))}
    found = dict(segment(clusters, Rivals(view, maps, Segmenting("bicubic", 0, 1, 0.8)), 4))
    assert tuple(found) == SEGMENTATIONS and found["dff"].max() + 1 <= 4
    for method in ("nas_components", "slic", "felzenszwalb", "slic_few", "felzenszwalb_few"):
        wanted = 4 if method.endswith("_few") else flood(clusters).max() + 1
        assert np.array_equal(found[method], flood(found[method]))
        assert abs(found[method].max() + 1 - wanted) <= 0.25 * wanted


def test_rivals_of_a_number_of_regions_are_found_once():
    view = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    rivals = rivals_of(view, Segmenting("bicubic", 0, 1, 0.8))
    assert rivals.slic(9) is rivals.slic(9) and rivals.felzenszwalb(9) is rivals.felzenszwalb(9)
    assert np.array_equal(rivals.slic(9), slic(view, 9)) and rivals.slic(9).max() != rivals.slic(4).max()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_moved_is_moved_far_and_by_seed_and_photo_alone(seed):
    views = np.random.default_rng(seed).integers(0, 256, (2, 24, 17, 3), np.uint8)
    settings = replace(SETTINGS, seed=seed)
    offsets = [rivals_of(view, settings).offset for view in views]
    assert offsets[0] != offsets[1] and offsets == [rivals_of(view, settings).offset for view in views]
    assert offsets != [rivals_of(view, replace(settings, seed=seed + 9)).offset for view in views]
    assert all(6 <= rows <= 18 and 5 <= columns <= 12 for rows, columns in offsets)


def test_the_ratio_is_called_what_tables_and_figures_ask_for():
    assert RATIOS == {"edge_adherence": ("edge_excess", "edge_room")}
