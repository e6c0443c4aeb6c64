"""The stage on activations made up here: a row for every setting, and label maps for the figure."""

import pytest
import yaml
from class_projects import NETWORK, run_classes

from nas.store.shards import Shards
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
        return Shards(folder / "data/ablation/made" / NETWORK)

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
