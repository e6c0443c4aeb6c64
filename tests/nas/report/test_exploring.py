"""A photo with other settings, under a network of random weights."""

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from skimage import data

from nas.data import resize_labels
from nas.networks import Classifier, build, find_network
from nas.report import exploring
from nas.report.exploring import QUICK, Explorer
from nas.saliency import METHODS, average
from nas.superpixels import NeuroActivatedSuperpixels, regions


@pytest.fixture(scope="module")
def explorer():
    network = find_network("resnet18")
    return Explorer(data.chelsea(), Classifier("resnet18", build(network), network, device="cpu"))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize(("k", "depths", "size"), [(3, [3, 2], "first"), (4, (4,), "image")])
def test_clusters_are_those_of_the_estimator(explorer, k, depths, size):
    classifier, view = explorer.classifier, explorer.view
    model = NeuroActivatedSuperpixels(k, depths=sorted(depths), size=size, random_state=0)
    found = model.fit_predict(classifier.activations(classifier.preprocess(data.chelsea())), view.shape[:2])
    np.testing.assert_array_equal(explorer.clusters(k, depths, size), resize_labels(found[0].numpy(), view.shape[:2]))


def test_the_figure_has_the_photo_its_regions_and_the_map_averaged_in_them(explorer):
    figure = explorer.draw(3, [2, 3], "first", "gradient")
    clusters = explorer.clusters(3, [2, 3], "first")
    raw = explorer.saliency("gradient")
    pictures = [ax.images[0].get_array() for ax in figure.axes]
    np.testing.assert_array_equal(pictures[0], explorer.view)
    np.testing.assert_array_equal(pictures[3], raw)
    np.testing.assert_array_equal(pictures[4], average(raw, regions.relabel(clusters)))
    components = regions.components(clusters)
    np.testing.assert_array_equal(pictures[5], average(raw, components))
    assert [ax.get_title() for ax in figure.axes[:3]] == [
        "photo",
        "3 NAS clusters",
        f"{components.max() + 1} NAS components",
    ]


def test_quick_methods_need_no_regions_and_few_passes():
    assert "grad_cam" in QUICK and not any(METHODS[name].needs_regions for name in QUICK) and "rise" not in QUICK


def test_weights_are_those_of_the_pipeline_where_they_are(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(exploring, "load_classifier", lambda name, weights: asked.append((name, weights)))
    exploring.network_of.cache_clear()
    exploring.network_of("resnet18", tmp_path)
    weights = tmp_path / "data/weights/resnet50.safetensors"
    weights.parent.mkdir(parents=True)
    weights.touch()
    exploring.network_of("resnet50", tmp_path)
    exploring.network_of.cache_clear()
    assert asked == [("resnet18", None), ("resnet50", weights)]


def test_the_notebook_runs_and_says_what_is_missing(root, tmp_path, monkeypatch, capsys):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    known = {}
    for cell in nbformat.read(root / "notebooks/explore.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            exec(cell.source, known)
    known["draw"]("nothing.jpg", "mobilenet_v2", 5, (2,), "first", "grad_cam")
    (tmp_path / "photo.png").touch()
    known["draw"]("photo.png", "mobilenet_v2", 5, (), "first", "grad_cam")
    missing = "nothing.jpg: is no file; choose a photo, or write the path of one"
    assert capsys.readouterr().out.endswith(f"{missing}\nno depth is chosen\n")
