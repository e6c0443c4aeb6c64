"""Names in one section of params.yaml that no other section makes."""

import copy

import numpy as np
import params
import pytest
import relations
import superpixels
import yaml


@pytest.fixture
def read(tmp_path, root):
    """A function that reads the parameters of the repository after some changes, {dotted key: value}."""
    content = yaml.safe_load((root / "params.yaml").read_text())

    def changed(changes):
        found = copy.deepcopy(content)
        for key, value in changes.items():
            *sections, last = key.split(".")
            section = found
            for name in sections:
                section = section[name]
            section[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(found))
        return params.read(path)

    return changed


METHODS = "allowed are gradient, input_x_gradient, "
REGIONS = "allowed are nas_clusters.first, nas_components.first, slic.first, felzenszwalb.first, nas_clusters.image, "
REFUSED = {
    "saliency.parameters": ({"rize": {"n_masks": 8}}, f"has 'rize': {METHODS}", "add it to saliency.methods"),
    "saliency.regions": ("nas.first", f"has 'nas.first': {REGIONS}", "correct it, or set superpixels.sizes or"),
    "localization.methods": (["cam", "grad_cma"], f"has 'grad_cma': {METHODS}", "add it to saliency.methods"),
    "localization.regions": (["slic"], f"has 'slic': {REGIONS}", "set superpixels.sizes or superpixels.tuned"),
    "relevance.methods": (["lpr"], f"has 'lpr': {METHODS}", "add it to saliency.methods"),
    "relevance.least.orders": (["tile"], "has 'tile': allowed are pixels, tiles, nas_clusters.first, ", "set superp"),
    "relevance.most.orders": (["slic.56"], "has 'slic.56': allowed are pixels, tiles, nas_clusters.first, ", "set s"),
    "semantics.methods": (["rise", "cam", "limes"], f"has 'limes': {METHODS}", "add it to saliency.methods"),
    "semantics.regions": (["raw"], f"has 'raw': {REGIONS}", "set superpixels.sizes or superpixels.tuned"),
    "claims.regions": (["foo"], "has 'foo': allowed are nas_clusters.first, ", "add it to localization.regions"),
    "single_and_class.group": ("brid", "has 'brid': allowed are bird, dog, car, insect; correct it, ", "classes.gro"),
    "few_labels.group": ("brid", "has 'brid': allowed are bird, dog, car, insect; correct it, or", "classes.groups"),
    "contrast.methods": (["gradcam"], f"has 'gradcam': {METHODS}", "add it to saliency.methods"),
    "contrast.regions": ("raw", f"has 'raw': {REGIONS}", "set superpixels.sizes or superpixels.tuned"),
    "high_iou.methods": (
        ["gaussian"],
        "has 'gaussian': allowed are cam, ",
        "center_gaussian; correct or remove it, or",
    ),
    "high_iou.regions": (["nas.first"], "has 'nas.first': allowed are raw, ", "add it to localization.regions"),
    "relevance_curves.methods": (["cam"], "has 'cam': allowed are grad_cam, ", "add it to relevance.methods"),
    "relevance_curves.orders": (["tile"], "has 'tile': allowed are pixels, ", "add it to relevance.least.orders"),
    "relevance_curves.replacement": ("blur", "has 'blur': allowed are mean; correct it, or", "relevance.least.repl"),
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_name_that_nothing_makes_is_one_line(read, key):
    value, beginning, remedy = REFUSED[key]
    others = {"relevance.least.replacements": ["mean"]} if key.endswith("replacement") else {}
    with pytest.raises(ValueError) as caught:
        read(others | {key: value})
    message = str(caught.value).partition("params.yaml: ")[2]
    assert message.startswith(f"{key} {beginning}") and remedy in message and "\n" not in message


def test_every_rule_has_its_refusal():
    assert list(REFUSED) == [rule.key for rule in relations.RULES]


def test_a_seed_of_a_method_is_refused(read):
    with pytest.raises(ValueError, match=r"saliency\.parameters\.rise\.seed is 3: the key seed is for every random"):
        read({"saliency.parameters": {"rise": {"seed": 3}}})


def test_averaging_needs_regions(read):
    with pytest.raises(ValueError, match=r"localization\.regions is \[\]: List should have at least 1 item"):
        read({"localization.regions": []})


@pytest.mark.parametrize(
    "changes",
    [
        {"high_iou.methods": ["center_gaussian"], "high_iou.regions": ["raw"]},
        {"classes.groups": None, "few_labels.group": "any"},
        {"superpixels.sizes": ["first", 56, "image"], "semantics.regions": ["slic.56"]},
    ],
)
def test_what_is_made_may_be_named(read, changes):
    read(changes)


def test_a_variant_that_is_off_makes_no_regions(read):
    with pytest.raises(ValueError, match=r"localization\.regions has 'nas_clusters\.tuned': allowed are "):
        read({"superpixels.tuned": None})


def test_the_regions_are_those_of_the_stage_superpixels(read):
    parameters = read({})
    photo = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    made = [
        name for name, _ in superpixels.segment(photo, np.arange(1024).reshape(32, 32) // 256, parameters.superpixels)
    ]
    grids = superpixels.variants(parameters.superpixels)
    assert relations.regions(parameters) == [f"{method}.{grid}" for grid in grids for method in made]
