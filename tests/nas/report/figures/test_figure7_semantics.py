"""Figure 7 for any number of networks and classes, with masks and without."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nas.data.records import Record, write_records
from nas.report.figures import figure7_semantics
from nas.report.figures.figure7_semantics import Content, TaggedPhoto, few_labels
from nas.store.files import write_json
from nas.store.shards import Shard, gather, write_shard
from nas.store.tables import write_table

METHODS = ["lrp", "rise", "random"]
NETWORKS = ["mobilenet_v2", "efficientnet_lite0", "own_network"]
SIDE = 16


def tables_of(networks, classes, sources, truth="mask"):
    """Scores, agreement and labels, as the stage writes them."""
    generator = np.random.default_rng(0)
    few = ["class", "labelled", "measure", "value", "low", "high", "network"]
    scores = [
        {"dataset": "made", "network": network, "method": method, "regions": "raw", "against": against,
         "measure": "mass_share", "value": generator.random(), "n": 6, "seed": 3, "truth": truth}
        for network in networks for against in sources for method in METHODS
    ]  # fmt: skip
    agreement = [
        {"network": network, "measure": "mass_share", "against": against, "value": 0.25, "low": 0.1, "high": 0.4}
        for network in networks for against in sources if against != "truth" and "truth" in sources
    ]  # fmt: skip
    labels = [
        {"class": name, "labelled": n, "measure": measure, "value": 0.5, "low": 0.4, "high": 0.7, "network": network}
        for network in networks for name in classes for n in (1, 2) for measure in ("IoU", "tau") if "truth" in sources
    ]  # fmt: skip
    return (
        pd.DataFrame(scores),
        pd.DataFrame(agreement, columns=["network", "measure", "against", "value", "low", "high"]),
        pd.DataFrame(labels, columns=few),
    )


@pytest.fixture
def new_content():
    """A function that makes what the figure shows."""

    def make(networks=1, classes=2, sources=("truth", "learnt tags"), photos=3, truth="mask"):
        generator = np.random.default_rng(0)
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        mask[4:9, 5:12] = True
        panels = [
            TaggedPhoto(photo, mask if "truth" in sources else None, generator.random((SIDE, SIDE)) < 0.5)
            for photo in generator.integers(0, 256, (photos, SIDE, SIDE, 3), np.uint8)
        ]
        names = [f"class {number}" for number in range(classes)]
        return Content(panels, "hand tags", "class 0", *tables_of(NETWORKS[:networks], names, sources, truth))

    yield make
    plt.close("all")


def drawn(content):
    """Axes of the photos, of the scores by network, and of few labels."""
    figure = few_labels(content)
    figure.canvas.draw()
    n_photos = 2 * len(content.panels)
    return figure, figure.axes[:n_photos], figure.axes[n_photos:-1], figure.axes[-1]


@pytest.mark.parametrize("networks", [1, 2, 3])
def test_a_network_has_its_axes_of_scores(new_content, networks):
    content = new_content(networks)
    figure, pictures, charts, few = drawn(content)
    assert [ax.get_title() for ax in pictures] == ["mask", "hand tags"] * 3
    assert len(charts) == networks
    for ax, network in zip(charts, NETWORKS, strict=False):
        points = {line.get_label(): line for line in ax.lines}
        assert set(points) == {"inside the mask", "learnt tags"}
        own = content.scores[content.scores["network"] == network].pivot(
            index="method", columns="against", values="value"
        )
        # one order of methods for all networks, by their mean inside the mask
        order = (
            content.scores[content.scores["against"] == "truth"].groupby("method")["value"].mean().sort_values().index
        )
        np.testing.assert_allclose(points["inside the mask"].get_xdata(), own.loc[order, "truth"])
        np.testing.assert_allclose(points["learnt tags"].get_xdata(), own.loc[order, "learnt tags"])
        assert ax.get_xlabel() == "share of positive saliency" and "τ learnt 0.25" in ax.get_title(loc="left")
    printed = [tick.get_text() for tick in charts[0].get_yticklabels()]
    assert sorted(printed) == ["LRP", "RISE", "random (control)"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["inside the mask", "learnt tags"]
    assert few.get_xlabel() == "labelled photos" and len(few.containers) == 2 * networks


@pytest.mark.parametrize(("classes", "named"), [(1, 1), (6, 6), (7, 0), (40, 0)])
def test_many_classes_are_drawn_without_a_name_each(new_content, classes, named):
    *_, few = drawn(new_content(2, classes))
    assert len(few.containers) == 2 * classes
    legend = few.get_legend()
    assert len(legend.get_texts() if legend else []) == named
    assert [tick.get_text() for tick in few.get_xticklabels()] == ["1", "2"]


def test_without_masks_the_scores_are_of_tags_alone(new_content):
    content = new_content(2, sources=("hand tags",))
    figure, pictures, charts, few = drawn(content)
    assert [ax.get_title() for ax in pictures] == ["photo", "hand tags"] * 3
    assert not any(ax.collections for ax in pictures)
    order = content.scores.groupby("method")["value"].mean().sort_values().index
    for ax, network in zip(charts, NETWORKS, strict=False):
        own = content.scores[content.scores["network"] == network].set_index("method")["value"]
        assert [line.get_label() for line in ax.lines] == ["hand tags"]
        np.testing.assert_allclose(ax.lines[0].get_xdata(), own[order])
    assert not few.containers and [text.get_text() for text in figure.legends[0].get_texts()] == ["hand tags"]


@pytest.mark.parametrize(
    ("truth", "one", "several"),
    [("mask", "mask", "masks"), ("boxes", "box", "boxes"), (",boxes,mask", "mask or box", "masks or boxes")],
)
def test_boxes_are_not_called_masks(new_content, truth, one, several):
    content = new_content(truth=truth)
    _, pictures, charts, few = drawn(content)
    assert [ax.get_title() for ax in pictures] == [one, "hand tags"] * 3
    assert charts[0].lines[0].get_label() == f"inside the {one}"
    assert few.get_title(loc="left").endswith(f"IoU with {several} of the others")
    caption = figure7_semantics.caption(content)
    assert f"inside the {one}, and" in caption and f"by the {several} of a few" in caption


def test_the_caption_says_what_is_shown(new_content):
    caption = figure7_semantics.caption(new_content())
    assert "(made, n = 6 photos of the tagged classes, seed 3)" in caption
    assert "photos of the class class 0" in caption and "(hand tags)" in caption


def write(root, dataset, network, tables):
    """The summaries of a data set and network, and what few labels are worth, where the stages write them."""
    for place, table in zip(("statistics/semantics/summary", "statistics/semantics/agreement", "semantics/labels"),
                            tables, strict=True):  # fmt: skip
        folder, _, name = place.rpartition("/")
        found = table.assign(dataset=dataset, network=network)
        write_table(found, root / "data" / folder / dataset / network / f"{name}.parquet")


@pytest.fixture
def project(tmp_path):
    """Data of a class, of which one photo has a mask; clusters 1 and 2 are tagged."""
    photos, raw = ["a", "b", "c"], tmp_path / "data/raw/made"
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 3:6], mask[7] = 1, 255
    (raw / "truth").mkdir(parents=True)
    Image.fromarray(mask).save(raw / "truth/a.png")
    write_records(
        [Record(i, raw / f"{i}.png", "0" * 64, mask=raw / "truth/a.png" if i == "a" else None) for i in photos], raw
    )
    views = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    clusters = np.random.default_rng(1).integers(0, 3, (3, 4, 4), np.uint8)
    of = {stage: tmp_path / "data" / stage / "made" / NETWORKS[0] for stage in ("activations", "classes", "semantics")}
    write_shard(Shard(photos, {"view": views}), tmp_path / "views.safetensors")
    gather([tmp_path / "views.safetensors"], of["activations"])
    write_shard(Shard(photos, {"class_clusters": clusters}), tmp_path / "clusters.safetensors")
    gather([tmp_path / "clusters.safetensors"], of["classes"] / "bird")
    made = {"dataset": "made", "network": NETWORKS[0], "class": "bird", "depths": [2, 3, 4], "k": 3, "seed": 0}
    write_json(of["classes"] / "classes.json", {"bird": made})
    tags = {source: dict.fromkeys(photos, value) for source, value in
            (("learnt tags", [True] * 3), ("hand tags", [False, True, True]))}  # fmt: skip
    write_json(of["semantics"] / "tags.json", {"bird": tags})
    write(tmp_path, "made", NETWORKS[0], tables_of(NETWORKS[:1], ["bird"], ["truth"]))
    return tmp_path, views, clusters, mask


def test_what_is_loaded_are_the_first_photos_and_the_clusters_that_a_person_tagged(project):
    root, views, clusters, mask = project
    content = figure7_semantics.load(root, ["made"], NETWORKS[:1], "bird", photos=2)
    assert (content.source, content.class_name, len(content.panels)) == ("hand tags", "bird", 2)
    for panel, view, labels in zip(content.panels, views, clusters, strict=False):
        np.testing.assert_array_equal(panel.photo, view)
        np.testing.assert_array_equal(panel.tagged, np.kron(labels, np.ones((4, 4))) > 0)
    np.testing.assert_array_equal(content.panels[0].mask, np.kron(mask == 1, np.ones((2, 2))))
    assert content.panels[1].mask is None
    assert figure7_semantics.load(root, ["made"], NETWORKS[:1], "absent", photos=1).class_name == "bird"


def test_photos_without_tags_are_not_shown(project):
    root, views, *_ = project
    write_json(
        root / "data/semantics/made" / NETWORKS[0] / "tags.json",
        {"bird": {"learnt tags": {"b": [True, False, True], "c": [False, True, True]}}},
    )
    content = figure7_semantics.load(root, ["made"], NETWORKS[:1], "bird", photos=3)
    for panel, view in zip(content.panels, views[1:], strict=True):
        np.testing.assert_array_equal(panel.photo, view)
    few_labels(content).canvas.draw()


@pytest.mark.parametrize(("datasets", "networks"), [(["bare", "made"], 1), (["bare"], 1), (["made"], 2)])
def test_what_is_loaded_is_of_the_first_data_set_and_network_with_tags(project, datasets, networks):
    root, *_ = project
    networks = [*NETWORKS[1:networks], NETWORKS[0]]
    for dataset, network in [("bare", NETWORKS[0]), *(("made", network) for network in networks[:-1])]:
        write_json(root / "data/semantics" / dataset / network / "tags.json", {})
        columns = ["regions", "measure", "truth"]
        none = [table.reindex(columns=[*dict.fromkeys([*table, *columns])]) for table in tables_of([], [], [])]
        write(root, dataset, network, none)
    content = figure7_semantics.load(root, datasets, networks, "bird", photos=2)
    if "made" in datasets:
        assert (content.source, len(content.panels)) == ("hand tags", 2) and len(content.labels) == 4
        assert set(content.scores["dataset"]) == {"made"}
        few_labels(content).canvas.draw()
    else:
        assert not content.panels and content.scores.empty
        assert "Nothing to show" in few_labels(content).texts[0].get_text()
    assert ("nothing to show" in figure7_semantics.caption(content)) == ("made" not in datasets)


def test_without_tags_there_is_nothing_to_show():
    content = Content([], "", "", *tables_of([], [], []))
    figure = few_labels(content)
    assert not figure.axes
    assert figure.texts[0].get_text().startswith("Nothing to show: no data set has a class with masks, boxes")
    assert "nothing to show, no data set has a class with masks, boxes or tags" in figure7_semantics.caption(content)
    plt.close(figure)
