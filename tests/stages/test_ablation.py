"""The stage on activations made up here: a row for every setting, and label maps for the figure."""

import numpy as np
import pytest
import torch
import yaml
from class_projects import NETWORK, maps_of, run_classes
from plain import flood
from projects import narrowed

from nas.data.label_maps import resize_labels
from nas.data.records import read_records
from nas.store.shards import Shards
from nas.superpixels import measures
from nas.superpixels.estimator import NeuroActivatedSuperpixels
from nas.superpixels.variants import read_variants
from stages import ablation

SETTINGS = {"depths": [[4], [2, 3]], "clusters": [2, 3], "sizes": ["first", 12], "weighting": ["channels", "none"]}


@pytest.fixture(scope="module")
def ablated(new_classes):
    """A function that makes a project of some photos and runs the stage with changes of the section."""

    def make(photos=("b0", "d0"), **changes):
        folder = new_classes(photos)
        content = yaml.safe_load((folder / "params.yaml").read_text())
        content["ablation"] |= SETTINGS | changes
        (folder / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        run_classes(folder, ablation.main)
        return Shards(folder / "data/ablation/folder" / NETWORK)

    return make


def test_every_setting_has_a_row_of_each_photo(ablated):
    found = ablated()
    variants, table = read_variants(found.folder), found.table()
    settings = {(variant.depths, variant.clusters, str(variant.size), variant.weighting) for variant in
                variants.values()}  # fmt: skip
    crossed = {(depths, k, "first", "channels") for depths in ((4,), (2, 3)) for k in (2, 3)}
    at_default = {((2, 3, 4), 5, size, weighting) for size in ("first", "12") for weighting in ("channels", "none")}
    assert settings == crossed | at_default
    assert len(table) == 2 * len(variants) and sorted(set(table["id"])) == ["b0", "d0"]
    assert table["edge_excess"].notna().all() and set(table["method"].astype(str)) == {"nas"}


def test_a_setting_does_not_depend_on_the_others(ablated):
    many, few = ablated(("d0", "b0")), ablated(("b0",), clusters=[3], sizes=["first"])
    shared = [name for name in few.names() if name in many.names()]
    assert len(shared) == len(few.names())
    for name in shared:
        assert few.read(["b0"], [name])[name].tobytes() == many.read(["b0"], [name])[name].tobytes()


def test_the_whole_stage_is_that_of_the_estimator_called_for_each_setting(new_classes):
    """No value is the one of params.yaml."""
    folder = new_classes(("b0", "d0"))
    content = yaml.safe_load((folder / "params.yaml").read_text())
    changed = {"clusters": 4, "depths": [3, 4], "weighting": "none", "interpolation": "bilinear", "tolerance": 1,
               "edge_quantile": 0.8}  # fmt: skip
    content["superpixels"] |= changed
    content["ablation"] |= SETTINGS
    content |= {"seed": 5}
    (folder / "params.yaml").write_text(yaml.safe_dump(narrowed(content), default_flow_style=True, width=1000))
    run_classes(folder, ablation.main)
    found = Shards(folder / "data/ablation/folder" / NETWORK)
    table = found.table().set_index(["id", "depths", "clusters", "size", "weighting"])
    assert set(table["seed"]) == {5} and set(table["dataset"]) == {"folder"} and set(table["network"]) == {NETWORK}
    settings = [(depths, k, "first", None) for depths in ((4,), (2, 3)) for k in (2, 3)]
    settings += [((3, 4), 4, size, weighting) for size in ("first", 12) for weighting in ("channels", None)]
    assert len(found.names()) == len(settings) and len(table) == 2 * len(settings)
    for record in read_records(folder / "data/raw/folder"):
        view, truth = record.photo(), record.truth()
        strong = measures.strongest_edges(view, 0.8)
        maps = {int(name.removeprefix("depth")): torch.from_numpy(each[None]) for name, each in
                maps_of(record.id).items()}  # fmt: skip
        for depths, k, size, weighting in settings:
            model = NeuroActivatedSuperpixels(
                k, depths=depths, weighting=weighting, size=size, interpolation="bilinear", random_state=5
            ).fit(maps, view.shape[:2])
            labels, kind = model.labels_[0].numpy(), "-".join(map(str, depths))
            name = f"{kind}/{size}/{weighting or 'none'}/k{k}"
            assert np.array_equal(found.read([record.id], [name])[name][0], labels)
            clusters = resize_labels(labels, view.shape[:2])
            components = flood(clusters)
            row = {
                "k": k,
                "n_iter": int(model.n_iter_[0]),
                "inertia_per_location": float(model.inertia_[0]) / labels.size,
                "n_components": len(np.unique(components)),
                **measures.measures(components, truth, strong, 1),
                **{
                    f"{measure}_clusters": getattr(measures, measure)(clusters, truth)
                    for measure in ("achievable_segmentation_accuracy", "undersegmentation_error")
                },
            }
            of_setting = table.loc[(record.id, kind, str(k), str(size), weighting or "none")]
            assert {key: of_setting[key] for key in row} == pytest.approx(row), name
