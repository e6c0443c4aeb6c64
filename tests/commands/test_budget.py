"""What a run takes of disk and time, from networks with random weights."""

import shutil
from types import SimpleNamespace

import pytest
import yaml

from commands import budget
from nas.networks.cost import bytes_of_activations
from nas.saliency.cost import bytes_of_saliency
from nas.superpixels.cost import bytes_of_superpixels
from nas.superpixels.variants import SEGMENTATIONS
from stages import params

SHAPES = {0: (16, 112, 112), 1: (24, 56, 56), 2: (32, 28, 28), 3: (96, 14, 14), 4: (320, 7, 7)}


@pytest.fixture
def read(tmp_path, root):
    """A function that reads the parameters of the repository after some changes of sections."""

    def changed(**sections):
        content = yaml.safe_load((root / "params.yaml").read_text()) | {"classifiers": ["mobilenet_v2"]}
        for section, values in sections.items():
            content[section] |= values
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        return params.read(tmp_path / "params.yaml")

    return changed


@pytest.mark.parametrize(
    ("download", "dataset", "n"),
    [
        ({}, "cub", 5794),
        ({"split": {"cub": "all"}}, "cub", 11788),
        ({"limit": 100}, "cub", 100),
        ({"limit": 100}, "sample", 24),
        ({}, "folder", None),
    ],
)
def test_photos_are_those_of_the_split_up_to_the_limit(read, download, dataset, n):
    assert budget.n_photos(read(download=download), dataset) == n


def test_bytes_are_those_of_each_stage(read):
    parameters = read(saliency={"methods": ["gradient", "grad_cam", "rise"]}, activations={"precision": "float16"})
    network = budget.untrained(parameters, "mobilenet_v2")
    assert budget.bytes_of(parameters, network) == {
        "activations": bytes_of_activations(SHAPES, 224, 1000, "float16", True),
        "superpixels": bytes_of_superpixels(3 * len(SEGMENTATIONS), 224),
        "saliency": bytes_of_saliency(2, 224),  # maps of grad_cam are small
        "relevance": 0,
    }
    assert budget.disk(parameters, network)["saliency"] == budget.Cost(bytes_of_saliency(2, 224))


def test_a_network_has_the_depths_of_params(read):
    parameters = read(
        activations={"depths": {"mobilenet_v2": {2: "features.3"}}},
        superpixels={"depths": [2], "tuned": None},
        ablation={"depths": [[2]]},
    )
    assert list(budget.untrained(parameters, "mobilenet_v2").depths) == [2]


def test_the_picture_in_place_of_a_photo_has_regions_for_lime(read):
    view, regions = budget.stand_in(read(), 64)
    assert view.shape == (64, 64, 3) and regions.shape == (64, 64) and set(regions.ravel()) == set(range(5))
    _, many = budget.stand_in(read(saliency={"regions": "slic.first"}), 64)
    assert set(many.ravel()) == set(range(16))


def test_there_is_a_line_for_each_data_set_and_network_without_what_is_nothing():
    cost = {"activations": budget.Cost(10**6, 2.0), "relevance": budget.Cost(0, 60.0)}
    found = budget.lines({"cub": 10, "folder": None}, {"vgg16": cost})
    assert found == [
        "  cub x vgg16, 10 photos: activations 10.0 MB, about 20 s; relevance about 10 min",
        "  folder x vgg16: its photos are not known, and not counted",
    ]


def test_a_disk_that_is_too_small_is_refused_before_a_network_is_timed(read, monkeypatch):
    monkeypatch.setattr(budget, "costs", lambda *_: pytest.fail("timed in vain"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(ValueError, match=r"too little; make room, or set download\.limit"):
        budget.budget_of(read())
