"""Figure 2, of maps made up here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from plain import flood, store, store_activations

from nas.report.figures.figure2_method import load, principal, schematic
from nas.report.painting import by_luminance, mean_colour
from nas.store.tables import write_table
from nas.superpixels.variants import Variant, write_variants

MAPS = {2: (5, 8, 8), 3: (6, 4, 4)}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def photo():
    generator = np.random.default_rng(0)
    found = {f"depth{depth}": generator.normal(size=shape).astype(np.float32) for depth, shape in MAPS.items()}
    return {"view": generator.integers(0, 256, (16, 16, 3), np.uint8), **found}


def test_colours_are_the_directions_of_most_variance():
    generator = np.random.default_rng(0)
    directions = np.linalg.qr(generator.normal(size=(6, 6)))[0]
    values = generator.normal(size=(6, 5 * 7)) * np.array([9, 5, 3, 0.1, 0.1, 0.1])[:, None]
    found = principal((directions @ values).reshape(6, 5, 7))
    assert found.shape == (5, 7, 3) and found.min() >= 0 and found.max() <= 1
    for number in range(3):
        assert abs(np.corrcoef(found[..., number].ravel(), values[number])[0, 1]) > 0.9


def test_panels_go_from_the_photo_to_connected_regions(photo):
    clusters = np.kron(np.random.default_rng(1).integers(0, 3, (8, 8)), np.ones((2, 2))).astype(np.int32)
    maps = {depth: photo[f"depth{depth}"] for depth in (3, 2)}
    figure = schematic(photo["view"], maps, {2: 1.0, 3: 0.857}, clusters, (8, 8))
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["Photo", "depth 2", "", "depth 3", "", "NAS clusters, k = 3", "NAS components"]
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert labels[1:5] == ["5 × 8 × 8", "resized, ÷ norm\n× 1.00", "6 × 4 × 4", "resized, ÷ norm\n× 0.86"]
    components = flood(clusters)
    assert labels[6] == f"{components.max() + 1} connected regions"
    pictures = [ax.images[0].get_array() for ax in figure.axes]
    np.testing.assert_array_equal(pictures[0], photo["view"])
    np.testing.assert_array_equal(pictures[1], principal(maps[2]))
    assert pictures[4].shape == (8, 8, 3)
    np.testing.assert_array_equal(pictures[5], by_luminance(clusters, photo["view"]))
    np.testing.assert_array_equal(pictures[6], mean_colour(components, photo["view"]))


def test_weights_and_maps_are_those_of_the_first_variant(photo, tmp_path):
    folder = tmp_path / "data/superpixels/made/mobilenet_v2"
    clusters = np.random.default_rng(1).integers(0, 4, (16, 16)).astype(np.uint16)
    store_activations(tmp_path / "data/activations/made/mobilenet_v2", {"a": photo})
    store(folder, {"a": {"nas_clusters.main": clusters}})
    variants = {"main": Variant(4, (3, 2), "channels", "first"), "deep": Variant(9, (3,), "none", "first")}
    write_variants(folder, variants)
    write_table(pd.DataFrame({"seed": [6]}), folder / "table.parquet")
    figure, caption = load(tmp_path, "made", "mobilenet_v2", "absent")  # another photo takes its place
    assert figure.axes[2].get_xlabel().endswith("× 1.00")
    assert figure.axes[4].get_xlabel().endswith(f"× {(1 + 5) / (1 + 6):.2f}")
    np.testing.assert_array_equal(figure.axes[5].images[0].get_array(), by_luminance(clusters, photo["view"]))
    assert "maps of MobileNetV2 for one photo of made" in caption and "8 × 8 grid" in caption
    assert "k-means with k = 4, seed 6," in caption
