"""Figure 1, of label maps made up here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.report.figures.figure1_superpixels import SegmentedPhoto, caption, compare, load
from nas.report.painting import by_luminance, mean_colour
from nas.store.shards import Shards
from nas.store.tables import write_table
from nas.superpixels.variants import Variant, write_variants

SIDE = 16
VARIANTS = {name: Variant(5, (2, 3), "channels", "first") for name in ("first", "image", "tuned")}
RIVALS = ["SLIC", "Felzenszwalb"]
KINDS = ("nas_clusters", "nas_components", "slic", "felzenszwalb", "slic_few", "felzenszwalb_few")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def regions_of(generator, n):
    """All of n regions, in a random order."""
    return generator.permutation(np.arange(SIDE * SIDE) % n).reshape(SIDE, SIDE).astype(np.uint16)


@pytest.fixture
def project(new_project):
    project = new_project({"a": {}, "b": {}}, side=SIDE)
    generator = np.random.default_rng(0)
    views = {i: {"view": generator.integers(0, 256, (SIDE, SIDE, 3), np.uint8)} for i in "ab"}
    project.store("activations", views)
    n_of = {f"{kind}.{name}": number for name in VARIANTS for number, kind in enumerate(KINDS, start=2)}
    maps = {i: {key: regions_of(generator, n) for key, n in n_of.items()} for i in "ab"}
    project.store("superpixels", maps)
    write_variants(project.of("superpixels"), VARIANTS)
    write_table(pd.DataFrame({"seed": [6]}), project.of("superpixels") / "table.parquet")
    return project


def test_panels_are_the_stored_maps_with_their_numbers_of_regions(project):
    figure, text = load(project.folder, ["folder"], ["mobilenet_v2"], ["b", "a"])
    axes = np.reshape(figure.axes, (2, 8))
    headings = ["Photo", "recipe's grid", "image grid", *RIVALS, "NAS", *RIVALS]
    assert [ax.get_title() for ax in axes[0]] == headings
    connected = ["slic_few", "felzenszwalb_few", "nas_components", "slic", "felzenszwalb"]
    keys = ["nas_clusters.first", "nas_clusters.image", *(f"{kind}.first" for kind in connected)]
    stored = Shards(project.of("superpixels"))
    for row, photo in zip(axes, "ba", strict=True):
        view = Shards(project.of("activations")).read([photo], ["view"])["view"][0]
        np.testing.assert_array_equal(row[0].images[0].get_array(), view)
        for ax, key in zip(row[1:], keys, strict=True):
            found = stored.read([photo], [key])[key][0].astype(np.int32)
            expected = by_luminance(found, view) if "clusters" in key else mean_colour(found, view)
            np.testing.assert_array_equal(ax.images[0].get_array(), expected)
        assert [ax.get_xlabel() for ax in row[1:]] == ["2", "2", "6", "7", "3", "4", "5"]
    assert [each.get_text() for each in figure.texts] == [
        "NAS, MobileNetV2",
        "as few regions",
        "as many connected regions",
    ]
    assert text.startswith("Photos of folder segmented") and "(depths 2-3, k = 5, seed 6)" in text


@pytest.mark.parametrize(
    ("named", "shown", "end"),
    [
        (["a", "b"], ["a", "b"], "2 photos, chosen by hand, not drawn at random."),
        (["a", "x"], ["a"], "not drawn at random. Named for this figure, but not in this data set: x."),
        (["x"], ["a"], "1 photos, evenly spaced over the data set."),
    ],
)
def test_the_caption_says_how_photos_were_chosen(named, shown, end):
    assert caption("folder", VARIANTS["first"], 0, shown, named).endswith(end)


def test_a_heading_stands_over_its_columns():
    maps = {("one", "a"): np.eye(4, dtype=int), ("one", "b"): np.eye(4, dtype=int), ("two", "c"): np.eye(4, dtype=int)}
    figure = compare([SegmentedPhoto(np.zeros((4, 4, 3), np.uint8), maps, ["two"])])
    boxes = [ax.get_position() for ax in figure.axes]
    middles = [(boxes[1].x0 + boxes[2].x1) / 2, (boxes[3].x0 + boxes[3].x1) / 2]
    assert [text.get_position()[0] for text in figure.texts] == pytest.approx(middles)
