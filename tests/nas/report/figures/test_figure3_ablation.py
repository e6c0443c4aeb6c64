"""Figure 3, of an ablation made up here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from plain import store

from nas.report.figures.figure3_ablation import by_depth, load
from nas.report.painting import by_luminance
from nas.superpixels.variants import Variant, write_variants

KS = (3, 5)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(params=[4, 3, 11], ids=lambda deepest: f"deepest {deepest}")
def deepest(request):
    return request.param


@pytest.fixture
def depths(deepest):
    """Sets of depths, those with the deepest one first."""
    return (deepest,), (deepest - 1, deepest), (deepest - 2, deepest - 1, deepest), (deepest - 2,)


@pytest.fixture
def variants(depths):
    found = {f"{used}/{k}": Variant(k, used, "channels", "first") for used in depths for k in (*KS, "auto")}
    found["image"] = Variant(5, depths[2], "channels", "image")
    found["plain"] = Variant(5, depths[2], "none", "first")
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


def test_maps_are_those_of_the_recipes_grid_and_curves_those_of_the_data_set(depths, variants, summary, tmp_path):
    generator = np.random.default_rng(1)
    maps = {name: generator.integers(0, 3, (4, 4)).astype(np.uint8) for name in variants}
    view = generator.integers(0, 256, (8, 8, 3), np.uint8)
    store(tmp_path / "data/ablation/made/mobilenet_v2", {"a": maps})
    store(tmp_path / "data/activations/made/mobilenet_v2", {"a": {"view": view}})
    write_variants(tmp_path / "data/ablation/made/mobilenet_v2", variants)
    figure, caption = load(tmp_path, "made", "mobilenet_v2", "a", summary)
    pictures, curves = np.reshape(figure.axes[:9], (3, 3)), figure.axes[9:]
    assert [ax.get_title() for ax in pictures[0]] == ["Photo", "k = 3", "k = 5"]
    [photo] = [image for row in pictures for image in row[0].images]  # once
    np.testing.assert_array_equal(photo.get_array(), view)
    for row, used in zip(pictures, depths, strict=False):  # all that end in the deepest one
        assert row[0].get_ylabel() == "{" + ", ".join(map(str, used)) + "}"
        for ax, k in zip(row[1:], KS, strict=True):
            large = np.kron(maps[f"{used}/{k}"], np.ones((2, 2), np.uint8))
            np.testing.assert_array_equal(ax.images[0].get_array(), by_luminance(large, view))
    assert "n = 7 photos of made" in caption and "seed 6" in caption and "(MobileNetV2," in caption
    rows = summary[(summary["dataset"] == "made") & (summary["measure"] == "edge_adherence")]
    rows = rows[(rows["size"] == "first") & (rows["weighting"] == "channels")]
    names = ["-".join(map(str, used)) for used in depths]
    sets = {"depths used": names[:3], "single depth": [names[0], names[3]]}
    for place, network in enumerate(("mobilenet_v2", "own")):
        for ax, (title, shown) in zip(curves[2 * place : 2 * place + 2], sets.items(), strict=True):
            assert ax.get_xlabel() == title
            for k, container in zip(KS, ax.containers, strict=True):
                own = rows[(rows["network"] == network) & (rows["clusters"] == str(k))].set_index("depths").loc[shown]
                points, _, (bars,) = container.lines
                np.testing.assert_allclose(points.get_ydata().astype(float), own["value"])
                ends = [segment[:, 1] for segment in bars.get_segments()]
                np.testing.assert_allclose(ends, own[["low", "high"]])
            ticks = [tick.get_text() for tick in ax.get_xticklabels()]
            ranges = [f"{used[0]}–{used[-1]}" if len(used) > 1 else str(used[0]) for used in depths]
            assert ticks == (ranges[:3] if title == "depths used" else [ranges[0], ranges[3]])


def test_adherence_by_depth_is_the_mean_of_single_depths_on_the_recipes_grid(depths, summary):
    found = by_depth(summary)
    used = summary[(summary["measure"] == "edge_adherence") & (summary["size"] == "first")]
    expected = [{"depth": depth, "edge adherence": round(np.mean([
        row["value"] for row in used.to_dict("records") if row["depths"] == depth
    ]), 4)} for depth in (str(depths[3][0]), str(depths[0][0]))]  # fmt: skip
    assert found.to_dict("records") == expected
