"""The stage on activations made up here: its maps and rows, and that photos and variants do not depend on others."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from class_projects import NETWORK, SIDE, maps_of, run_classes
from plain import flood
from projects import narrowed

from nas.data.label_maps import resize_labels
from nas.data.records import read_records
from nas.store.shards import Shards
from nas.superpixels import measures
from nas.superpixels.estimator import NeuroActivatedSuperpixels
from nas.superpixels.factors import deep_feature_factorization
from nas.superpixels.regions import relabel
from nas.superpixels.rivals import felzenszwalb, slic
from nas.superpixels.segmentations import Rivals
from nas.superpixels.variants import SEGMENTATIONS, Segmenting, read_variants
from stages import superpixels

KINDS = [f"{method}.{variant}" for variant in ("first", "image", "tuned") for method in SEGMENTATIONS]


@pytest.fixture(scope="module")
def segmented(new_classes):
    """A function that makes a project of some photos, with changes of the section, and runs the stage."""

    def make(photos=("b0", "d0"), **changes):
        folder = new_classes(photos)
        content = yaml.safe_load((folder / "params.yaml").read_text())
        content["superpixels"] |= changes
        (folder / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        return run_classes(folder, superpixels.main)

    return make


def stored(folder):
    return Shards(folder / "data/superpixels/folder" / NETWORK)


def test_every_variant_has_its_label_maps_and_rows(segmented):
    found = stored(segmented())
    assert found.ids == ["b0", "d0"] and sorted(found.names()) == sorted(KINDS)
    maps = {int(depth.removeprefix("depth")): each for depth, each in maps_of("b0").items()}
    model = NeuroActivatedSuperpixels(5, depths=(2, 3, 4), random_state=0)
    labels = model.fit_predict({depth: torch.from_numpy(each[None]) for depth, each in maps.items()})[0].numpy()
    assert np.array_equal(found.read(["b0"])["nas_clusters.first"][0], np.kron(labels, np.ones((32 // SIDE,) * 2, int)))
    table = found.table()
    assert len(table) == 2 * len(KINDS) and set(table["variant"].astype(str)) == {"first", "image", "tuned"}
    assert set(table["dataset"].astype(str)) == {"folder"} and set(table["seed"]) == {0}
    assert list(read_variants(found.folder)) == ["first", "image", "tuned"]


def test_a_photo_and_a_variant_do_not_depend_on_the_others(segmented):
    many, few = stored(segmented(("b0", "b1"))), stored(segmented(("b0",), tuned=None, sizes=["image"]))
    for name, array in few.read(["b0"]).items():
        assert array.tobytes() == many.read(["b0"])[name].tobytes(), name
    rows = [each.table().query("id == 'b0' and variant == 'image'").reset_index(drop=True) for each in (many, few)]
    pd.testing.assert_frame_equal(*(table.astype({"variant": str}) for table in rows), check_exact=True,
                                  check_categorical=False)  # fmt: skip


# no value is the one of params.yaml
SETTINGS = {
    "clusters": 4,
    "depths": [2, 4],
    "weighting": "none",
    "interpolation": "bilinear",
    "sizes": [12, "image"],
    "tuned": {"clusters": 3, "depths": [3], "weighting": "channels", "size": "first"},
    "tolerance": 1,
    "edge_quantile": 0.8,
    "slic": {"compactness": 3.0, "sigma": 0.5},
    "felzenszwalb": {"sigma": 0.4, "min_size": 6},
}
VARIANTS = {
    "12": (4, (2, 4), None, 12),
    "image": (4, (2, 4), None, "image"),
    "tuned": (3, (3,), "channels", "first"),
}


def plain_stage(photo, view, mask, seed):
    """(label map, row without settings) of every method and variant, one after the other."""
    strong, found = measures.strongest_edges(view, 0.8), {}
    offset = Rivals(view, {}, Segmenting("bilinear", seed, 1, 0.8)).offset
    maps = {int(depth.removeprefix("depth")): torch.from_numpy(each[None]) for depth, each in maps_of(photo).items()}
    for name, (k, depths, weighting, size) in VARIANTS.items():
        model = NeuroActivatedSuperpixels(
            k, depths=depths, weighting=weighting, size=size, interpolation="bilinear", random_state=seed
        )
        clusters = resize_labels(model.fit_predict(maps, view.shape[:2])[0].numpy(), view.shape[:2])
        n_regions = int(flood(clusters).max()) + 1
        for method, labels in {
            "nas_clusters": clusters,
            "nas_components": flood(clusters),
            "slic": slic(view, n_regions, compactness=3.0, sigma=0.5),
            "felzenszwalb": felzenszwalb(view, n_regions, sigma=0.4, min_size=6),
            "slic_few": slic(view, len(np.unique(clusters)), compactness=3.0, sigma=0.5),
            "felzenszwalb_few": felzenszwalb(view, len(np.unique(clusters)), sigma=0.4, min_size=6),
            "dff": deep_feature_factorization(maps[max(depths)][0], len(np.unique(clusters)), view.shape[:2], seed),
            "moved_clusters": relabel(np.roll(clusters, offset, (0, 1))),
            "moved_components": relabel(np.roll(flood(clusters), offset, (0, 1))),
        }.items():
            settings = {"depths": "-".join(map(str, depths)), "clusters": str(k), "weighting": weighting or "none"}
            row = {"id": photo, "variant": name, "method": method, "k": k, "n_regions": len(np.unique(labels))}
            found[f"{method}.{name}"] = labels, row | measures.measures(labels, mask, strong, 1) | settings
    return found


def test_the_whole_stage_is_that_of_its_parts_called_one_after_the_other(new_classes):
    folder = new_classes(("b0", "d0"))
    content = yaml.safe_load((folder / "params.yaml").read_text())
    content["superpixels"] |= SETTINGS
    content |= {"seed": 5}
    (folder / "params.yaml").write_text(yaml.safe_dump(narrowed(content), default_flow_style=True, width=1000))
    found = stored(run_classes(folder, superpixels.main))
    table = found.table().astype({"variant": str}).set_index(["id", "variant", "method"])
    assert set(table["seed"]) == {5} and set(table["dataset"]) == {"folder"} and set(table["network"]) == {NETWORK}
    for record in read_records(folder / "data/raw/folder"):
        expected = plain_stage(record.id, record.photo(), record.truth(), 5)
        assert sorted(found.names()) == sorted(expected)
        for name, (labels, row) in expected.items():
            assert np.array_equal(found.read([record.id], [name])[name][0], labels), name
            stored_row = table.loc[(row.pop("id"), row.pop("variant"), row.pop("method"))]
            assert {key: stored_row[key] for key in row} == pytest.approx(row), name
    assert len(table) == 2 * len(VARIANTS) * len(SEGMENTATIONS)
    sizes = {name: (each.clusters, each.depths, each.size) for name, each in read_variants(found.folder).items()}
    assert sizes == {name: (k, depths, size) for name, (k, depths, _, size) in VARIANTS.items()}
