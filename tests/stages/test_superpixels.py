"""The stage on activations made up here: its maps and rows, and that photos and variants do not depend on others."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from class_projects import NETWORK, SIDE, maps_of, run_classes

from nas.store.shards import Shards
from nas.superpixels.estimator import NeuroActivatedSuperpixels
from nas.superpixels.variants import read_variants
from stages import superpixels

KINDS = [f"{method}.{variant}" for variant in ("first", "image", "tuned") for method in
         ("nas_clusters", "nas_components", "slic", "felzenszwalb")]  # fmt: skip


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
    return Shards(folder / "data/superpixels/made" / NETWORK)


def test_every_variant_has_its_label_maps_and_rows(segmented):
    found = stored(segmented())
    assert found.ids == ["b0", "d0"] and sorted(found.names()) == sorted(KINDS)
    maps = {int(depth.removeprefix("depth")): each for depth, each in maps_of("b0").items()}
    model = NeuroActivatedSuperpixels(5, depths=(2, 3, 4), random_state=0)
    labels = model.fit_predict({depth: torch.from_numpy(each[None]) for depth, each in maps.items()})[0].numpy()
    assert np.array_equal(found.read(["b0"])["nas_clusters.first"][0], np.kron(labels, np.ones((32 // SIDE,) * 2, int)))
    table = found.table()
    assert len(table) == 2 * len(KINDS) and set(table["variant"].astype(str)) == {"first", "image", "tuned"}
    assert set(table["dataset"].astype(str)) == {"made"} and set(table["seed"]) == {0}
    assert list(read_variants(found.folder)) == ["first", "image", "tuned"]


def test_a_photo_and_a_variant_do_not_depend_on_the_others(segmented):
    many, few = stored(segmented(("b0", "b1"))), stored(segmented(("b0",), tuned=None, sizes=["image"]))
    for name, array in few.read(["b0"]).items():
        assert array.tobytes() == many.read(["b0"])[name].tobytes(), name
    rows = [each.table().query("id == 'b0' and variant == 'image'").reset_index(drop=True) for each in (many, few)]
    pd.testing.assert_frame_equal(*(table.astype({"variant": str}) for table in rows), check_exact=True,
                                  check_categorical=False)  # fmt: skip
