"""Gains in AUROC, and maps before and after averaging, of photos made up here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nas.localization.evaluation import LOCALIZATION_COLUMNS
from nas.report.figures import figure5_saliency
from nas.report.figures.figure5_saliency import GAINS, auroc_gains, contrast, finer_of
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling
from nas.store.shards import Shards
from nas.store.tables import write_table

AUROC = {"raw": [0.5, 0.6, 0.7, 0.4], "slic.first": [0.8, 0.5, 0.9, 0.7]}


@pytest.mark.parametrize(("level", "resamples", "seed"), [(0.95, 200, 0), (0.5, 200, 0), (0.95, 100, 4)])
def test_gains_have_the_level_the_resamples_and_the_seed_of_the_run(tmp_path, level, resamples, seed):
    """Of one method, another that gains twice as much, and a control that does not count in the mean."""
    rows = [
        {"id": photo, "dataset": "folder", "network": "own", "method": method, "regions": kind,
         "auroc": times * value}
        for method, times in (("lrp", 1), ("rise", 2), ("sobel", 9))
        for kind, values in AUROC.items() for photo, value in zip("abcd", values, strict=True)
    ]  # fmt: skip
    table = pd.DataFrame(rows).assign(seed=seed)
    write_table(table, tmp_path / "data/localization/folder/own/table.parquet")
    gains = auroc_gains(tmp_path, ["folder"], ["own"], Resampling(level, resamples, seed)).to_dict("records")
    for gain, (method, times) in zip(gains, (("lrp", 1), ("rise", 2), ("sobel", 9), ("mean", 1.5)), strict=True):
        expected = interval(times * np.subtract(AUROC["slic.first"], AUROC["raw"]), level, resamples, seed)
        assert gain["method"] == method and tuple(gain[key] for key in expected._fields) == pytest.approx(expected)
        assert gain["seed"] == seed and gain["averaged"] - gain["raw"] == pytest.approx(gain["value"])


def test_how_much_finer_the_scale_of_an_average_is_stands_in_its_corner():
    signs = np.where(np.indices((8, 8)).sum(axis=0) % 2, 1.0, -1.0)
    small, flat = 0.02 * signs.T[::-1], np.full((8, 8), 0.02)
    assert finer_of((signs, small), True) == pytest.approx(50)
    assert finer_of((signs, signs), True) == finer_of((signs, signs), False) == 1
    photo = np.zeros((8, 8, 3), np.uint8)
    pairs = {"lrp": [(signs, small)], "rise": [(signs, signs)], "xrai": [(signs, flat)]}
    figure = contrast([photo], pairs, [None], pd.DataFrame(columns=GAINS))
    assert [[text.get_text() for text in ax.texts if "×" in text.get_text()] for ax in figure.axes] == [
        [], [], ["× 50"], [], [], [], []
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_gains_of_no_photo_are_a_table_with_columns(tmp_path):
    none = pd.DataFrame(columns=[*LOCALIZATION_COLUMNS, "dataset", "network", "seed"])
    write_table(none, tmp_path / "data/localization/folder/net/table.parquet")
    gains = auroc_gains(tmp_path, ["folder"], ["net"], Resampling(0.9, 10, 0))
    assert gains.empty and list(gains) == GAINS


ROW = {"dataset": "folder", "network": "mobilenet_v2", "method": "lrp", "regions": "slic.first", "raw": 0.5}
ROW |= {"averaged": 0.6, "value": 0.1, "low": np.nan, "high": np.nan, "n": 1, "seed": 0}


def test_a_single_photo_has_means_without_intervals():
    photo, maps = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8))
    figure = contrast([photo], {"lrp": [(maps, maps)]}, [None], pd.DataFrame([ROW]))
    figure.canvas.draw()
    [line, zero] = figure.axes[-1].lines
    assert line.get_xdata().tolist() == [0.1] and zero.get_xdata() == [0, 0]


def test_rows_are_the_methods_of_all_networks_and_one_that_a_network_cannot_do_is_left_empty():
    rows = [ROW | {"network": network, "method": method, "value": value, "low": value, "high": value}
            for network, methods in (("one", ("cam", "lrp", "mean")), ("two", ("lrp", "mean")))
            for value, method in zip((0.1, 0.2, 0.3), methods, strict=False)]  # fmt: skip
    photo, maps = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8))
    one, two = contrast([photo], {"lrp": [(maps, maps)]}, [None], pd.DataFrame(rows)).axes[-2:]
    assert [tick.get_text() for tick in one.get_yticklabels()] == ["CAM", "LRP", "mean of methods"]
    for ax, values in ((one, [0.1, 0.2, 0.3]), (two, [np.nan, 0.1, 0.2])):
        [container] = ax.containers
        np.testing.assert_array_equal(container.lines[0].get_xdata().astype(float), values)
        assert ax.get_ylim() == (2.5, -0.5)


def test_gains_stand_in_the_row_of_their_method_with_their_intervals():
    rows = [ROW | {"method": method, "regions": kind, "value": value, "low": value - 0.1, "high": value + 0.2}
            for value, (method, kind) in enumerate((m, k) for k in ("slic.first", "nas_clusters.first")
                                                   for m in ("rise", "lrp"))]  # fmt: skip
    photo, maps = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8))
    ax = contrast([photo], {"lrp": [(maps, maps)]}, [None], pd.DataFrame(rows)).axes[-1]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["RISE", "LRP"]
    for number, container in enumerate(ax.containers):
        points, _, (bars,) = container.lines
        assert points.get_xdata().tolist() == [2 * number, 2 * number + 1]
        assert np.round(points.get_ydata()).tolist() == [0, 1]
        ends = np.array([segment[:, 0] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends, points.get_xdata().astype(float)[:, None] + [-0.1, 0.2])


def test_each_map_has_a_scale_and_each_picture_its_values():
    generator = np.random.default_rng(0)
    photos = list(generator.integers(0, 256, (2, 8, 8, 3), np.uint8))
    pairs = {method: [tuple(generator.normal(size=(2, 8, 8))) for _ in photos] for method in ("lrp", "rise")}
    outline = np.pad(np.ones((4, 4), dtype=bool), 2)
    axes = np.reshape(contrast(photos, pairs, [outline, None], pd.DataFrame(columns=GAINS)).axes, (2, 5))
    assert [ax.get_title() for ax in axes[0]] == ["Photo", "raw", "averaged", "raw", "averaged"]
    for row, (panels, photo) in enumerate(zip(axes, photos, strict=True)):
        np.testing.assert_array_equal(panels[0].images[0].get_array(), photo)
        for place, (method, of_photos) in enumerate(pairs.items()):
            pair = [panels[2 * place + side].images[0] for side in (1, 2)]
            for image, saliency in zip(pair, of_photos[row], strict=True):
                np.testing.assert_array_equal(image.get_array(), saliency)
            for image, saliency in zip(pair, of_photos[row], strict=True):
                low, high = image.get_clim()
                if method == "lrp":  # it has a sign
                    assert -low == high == pytest.approx(np.percentile(np.abs(saliency), 99))
                else:
                    assert (low, high) == pytest.approx(tuple(np.percentile(saliency, (1, 99))))
        assert [len(ax.collections) for ax in panels] == ([0, 1, 1, 1, 1] if row == 0 else [0] * 5)


@pytest.fixture
def project(new_project):
    """Two photos, one with a mask, with maps of two methods."""
    mask = np.zeros((40, 48), np.uint8)
    mask[10:30, 10:30], mask[0] = 1, 255
    project = new_project({"a": {"mask": mask}, "b": {}})
    generator = np.random.default_rng(0)
    project.store("activations", {i: {"view": generator.integers(0, 256, (32, 32, 3), np.uint8)} for i in "ab"})
    project.store(
        "saliency",
        {
            i: {"true/lrp": generator.normal(size=(32, 32)).astype(np.float32),
                "true/rise": generator.random((32, 32)).astype(np.float32), "labelled": np.array(i == "a")}
            for i in "ab"
        },
    )  # fmt: skip
    return project


def test_averages_are_means_of_the_stored_maps_inside_the_stored_regions(project):
    found = [ROW | {"n": 2, "seed": 6, "regions": kind} for kind in ("slic.first", "slic.image")]
    figure, caption = figure5_saliency.load(
        project.folder, ["bare", "folder"], "mobilenet_v2", ["b", "zebra", "a"], ["rise", "cam", "lrp"], "slic.first",
        pd.DataFrame(found),
    )  # fmt: skip
    assert "for the labelled or predicted class" in caption and "averaged inside SLIC" in caption
    assert "outlined in green" in caption and "n = 2 photos of folder" in caption and "seed 6" in caption
    assert caption.count("not in this data set: zebra.") == 1
    axes = np.reshape(figure.axes[:-1], (2, 5))
    stored = {stage: Shards(project.of(stage)) for stage in ("saliency", "superpixels")}
    for panels, photo in zip(axes, "ba", strict=True):
        labels = stored["superpixels"].read([photo], ["slic.first"])["slic.first"][0]
        for place, method in enumerate(("rise", "lrp")):
            raw = stored["saliency"].read([photo], [f"true/{method}"])[f"true/{method}"][0]
            pictures = [panels[2 * place + side].images[0].get_array() for side in (1, 2)]
            np.testing.assert_array_equal(pictures[0], raw)
            expected = np.zeros(raw.shape)
            for name in np.unique(labels):
                expected[labels == name] = raw[labels == name].mean()
            np.testing.assert_allclose(pictures[1], expected, atol=1e-5)
        assert [len(ax.collections) for ax in panels] == [0, *[int(photo == "a")] * 4]
    assert len(figure.axes[-1].containers) == 1  # gains of other variants are in the table only


def test_without_a_method_there_is_nothing_to_show_and_without_gains_nothing_below(project):
    given = project.folder, ["folder"], "mobilenet_v2", ["a"]
    figure, caption = figure5_saliency.load(*given, ["cam"], "slic.first", pd.DataFrame(columns=GAINS))
    assert "MobileNetV2 can do no method" in figure.texts[0].get_text() and "nothing to show" in caption
    figure, caption = figure5_saliency.load(*given, ["lrp"], "slic.tuned", pd.DataFrame(columns=GAINS))
    assert len(figure.axes) == 3 and "Below" not in caption and "inside SLIC," in caption


@pytest.mark.parametrize("n_kinds", [2, 4, 9])
def test_gains_of_any_number_of_kinds_stay_in_the_row_of_their_method(n_kinds):
    kinds = [f"kind{number}.first" for number in range(n_kinds)]
    rows = [ROW | {"method": method, "regions": kind, "value": 0.1, "low": 0.0, "high": 0.2}
            for method in ("lrp", "rise") for kind in kinds]  # fmt: skip
    photo, maps = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8))
    ax = contrast([photo], {"lrp": [(maps, maps)]}, [None], pd.DataFrame(rows)).axes[-1]
    assert len(ax.containers) == n_kinds
    for container in ax.containers:
        y = container.lines[0].get_ydata()
        assert np.round(y).tolist() == [0, 1] and np.abs(y - [0, 1]).max() < 0.35
