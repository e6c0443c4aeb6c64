"""What keys are called in print."""

import pytest

from nas.report.names import label_of, label_of_regions
from nas.saliency import METHODS


def test_every_saliency_method_is_called_by_its_title():
    assert {name: label_of(name) for name in METHODS} == {name: method.title for name, method in METHODS.items()}


def test_what_has_no_name_is_called_by_its_key():
    assert label_of("own_network") == "own_network" and label_of(5) == "5" and label_of("vgg16") == "VGG16"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("raw", "raw"),
        ("slic.first", "SLIC"),
        ("slic", "SLIC"),
        ("nas_clusters.image", "NAS clusters (image grid)"),
        ("nas_components.tuned", "NAS components (tuned on birds)"),
        ("felzenszwalb.k9", "Felzenszwalb (k9)"),
    ],
)
def test_regions_are_called_by_method_and_by_any_variant_but_the_first(kind, name):
    assert label_of_regions(kind) == name
