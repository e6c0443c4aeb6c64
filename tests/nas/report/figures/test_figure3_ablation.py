"""Figure 3, of an ablation made up here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from plain import store

from nas.report.figures.figure3_ablation import by_depth, load
from nas.report.painting import by_luminance
from nas.superpixels.variants import Variant, write_variants

DEPTHS, KS = ((4,), (3, 4), (2, 3, 4), (2,)), (3, 5)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def variants():
    found = {f"{depths}/{k}": Variant(k, depths, "channels", "first") for depths in DEPTHS for k in (*KS, "auto")}
    found["image"] = Variant(5, (2, 3, 4), "channels", "image")
    found["plain"] = Variant(5, (2, 3, 4), "none", "first")
    return found


@pytest.fixture
def summary(variants):
    generator, rows = np.random.default_rng(0), []
    for dataset in ("made", "other"):
        for network in ("mobilenet_v2", "own"):
            for variant in variants.values():
                for measure in ("edge_adherence", "boundary_recall"):
                    value = generator.random()
                    row = {"dataset": dataset, "network": network, "size": variant.size, "measure": measure, "n": 7}
                    estimate = {"value": value, "low": value - 0.1, "high": value + 0.2}
                    rows.append(row | variant.columns() | estimate | {"seed": 6})
    return pd.DataFrame(rows)


def test_maps_are_those_of_the_recipes_grid_and_curves_those_of_the_data_set(variants, summary, tmp_path):
    generator = np.random.default_rng(1)
    maps = {name: generator.integers(0, 3, (4, 4)).astype(np.uint8) for name in variants}
    view = generator.integers(0, 256, (8, 8, 3), np.uint8)
    store(tmp_path / "data/ablation/made/mobilenet_v2", {"a": maps})
    store(tmp_path / "data/activations/made/mobilenet_v2", {"a": {"view": view}})
    write_variants(tmp_path / "data/ablation/made/mobilenet_v2", variants)
    figure, caption = load(tmp_path, "made", "mobilenet_v2", "a", summary)
    pictures, curves = np.reshape(figure.axes[:9], (3, 3)), figure.axes[9:]
    assert [ax.get_title() for ax in pictures[0]] == ["Photo", "k = 3", "k = 5"]
    for row, depths in zip(pictures, DEPTHS, strict=False):  # all that end in the deepest one
        assert row[0].get_ylabel() == "{" + ", ".join(map(str, depths)) + "}"
        np.testing.assert_array_equal(row[0].images[0].get_array(), view)
        for ax, k in zip(row[1:], KS, strict=True):
            large = np.kron(maps[f"{depths}/{k}"], np.ones((2, 2), np.uint8))
            np.testing.assert_array_equal(ax.images[0].get_array(), by_luminance(large, view))
    assert "n = 7 photos of made" in caption and "seed 6" in caption and "(MobileNetV2," in caption
    used = summary[(summary["dataset"] == "made") & (summary["measure"] == "edge_adherence")]
    used = used[(used["size"] == "first") & (used["weighting"] == "channels")]
    sets = {"depths used": ["4", "3-4", "2-3-4"], "single depth": ["4", "2"]}
    for place, network in enumerate(("mobilenet_v2", "own")):
        for ax, (title, names) in zip(curves[2 * place : 2 * place + 2], sets.items(), strict=True):
            assert ax.get_xlabel() == title
            for k, container in zip(KS, ax.containers, strict=True):
                own = used[(used["network"] == network) & (used["clusters"] == str(k))].set_index("depths").loc[names]
                points, _, (bars,) = container.lines
                np.testing.assert_allclose(points.get_ydata().astype(float), own["value"])
                ends = [segment[:, 1] for segment in bars.get_segments()]
                np.testing.assert_allclose(ends, own[["low", "high"]])
            ticks = [tick.get_text() for tick in ax.get_xticklabels()]
            assert ticks == (["4", "3–4", "2–4"] if title == "depths used" else ["4", "2"])


def test_adherence_by_depth_is_the_mean_of_single_depths_on_the_recipes_grid(summary):
    found = by_depth(summary)
    used = summary[(summary["measure"] == "edge_adherence") & (summary["size"] == "first")]
    expected = [{"depth": depth, "edge adherence": round(np.mean([
        row["value"] for row in used.to_dict("records") if row["depths"] == depth
    ]), 4)} for depth in ("2", "4")]  # fmt: skip
    assert found.to_dict("records") == expected
