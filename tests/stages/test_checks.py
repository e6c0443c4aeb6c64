"""Names in params.yaml that there are not, and parameters that methods do not take."""

import copy
import math
import re
import subprocess
import sys

import pytest
import yaml

from nas.networks import find_network
from nas.parameters import ParametersError
from stages import params, shipped


@pytest.fixture
def refused(root):
    """The lines with which params.yaml is refused after some changes, {section: {key: value}}."""
    content = yaml.safe_load((root / "params.yaml").read_text())

    def check(**changes):
        changed = copy.deepcopy(content)
        for key, value in changes.items():
            changed[key] = changed[key] | value if isinstance(value, dict) else value
        with pytest.raises(ParametersError) as caught:
            params.check(changed, "some.yaml")
        return [line.removeprefix("some.yaml: ") for line in str(caught.value).splitlines()]

    return check


def test_a_data_set_that_there_is_not_is_named_wherever_it_stands(refused):
    given = {"root": {"cup": "x"}, "mirror": {"bass": "http://localhost"}, "split": {"voc": "val"}}
    wrong = [("datasets", "sampel", "sample"), ("download.root", "cup", "cub"), ("download.mirror", "bass", "base")]
    wrong.append(("download.split", "voc", "voc2012"))
    for line, (key, name, meant) in zip(refused(datasets=["sampel"], download=given), wrong, strict=True):
        assert line.startswith(f"{key} has {name!r}: allowed are ") and line.endswith(f"; did you mean {meant}?")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"root": {"cbu": "x"}}, r"^download.root has 'cbu': allowed are cub, folder, .*voc2012; did you mean cub\?$"),
        ({"root": {"sample": "x"}}, r"^download.root has 'sample': allowed are"),
        (
            {"mirror": {"imagenet": "http://localhost"}},
            r"^download.mirror has 'imagenet': allowed are base, cub, imagenette, stl10, voc2012; did you mean",
        ),
        (
            {"split": {"folder": "x"}},
            r"^download.split has 'folder': allowed are cub, imagenet, imagenette, openimages30k",
        ),
        ({"split": {"cub": "val"}}, r"^download.split.cub is 'val': allowed are test, train, all$"),
        (
            {"agreement": {"background": 0.6, "object": 0.4}},
            r"^download.agreement.object is 0.4: allowed is no less than agreement.background, which is 0.6$",
        ),
        ({"mirror": {"base": "localhost"}}, r"^download.mirror: an address must look like https://host/path, got "),
    ],
)
def test_settings_of_data_sets_that_have_none_are_named(refused, settings, message):
    (line,) = refused(download=settings)
    assert re.search(message, line)


def test_settings_that_data_sets_have_are_taken(root):
    content = yaml.safe_load((root / "params.yaml").read_text())
    content["download"] |= {"root": {"cub": "x", "folder": "y"}, "split": {"voc2012": "all"}}
    content["download"]["mirror"] = {"base": "http://localhost", "cub": "http://localhost/cub"}
    params.check(content, "some.yaml")


@pytest.mark.parametrize("section", ["classifiers", "paper"])
def test_a_network_that_no_library_has_is_named_with_its_neighbour(refused, section):
    names = ["mobilenet_v2", "resnet5"]
    (line,) = refused(**{section: names if section == "classifiers" else {"classifiers": names}})
    key = "classifiers" if section == "classifiers" else "paper.classifiers"
    assert line.startswith(f"{key}: classifier 'resnet5' is unknown: allowed are mobilenet_v2, ")
    assert line.endswith("; did you mean resnet50?")


def test_shipped_networks_are_found_and_need_no_library_to_be_looked_up(root):
    content = yaml.safe_load((root / "params.yaml").read_text())
    assert set(shipped.CLASSIFIERS) >= {*content["classifiers"], *content["paper"]["classifiers"]}
    for name in shipped.CLASSIFIERS:
        find_network(name)
    check = "import sys; from stages import params; params.read(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=root, capture_output=True, text=True).stdout == "False\n"


def test_settings_of_a_network_that_takes_no_part_are_refused(refused):
    lines = refused(weights={"files": {"resnet5": "x.pth"}}, activations={"depths": {"vgg61": {2: "a"}}})
    assert lines[0].startswith("weights.files has 'resnet5': allowed are mobilenet_v2, ")
    assert "; or add it to classifiers; did you mean resnet" in lines[0]
    assert lines[1].startswith("activations.depths has 'vgg61': allowed are mobilenet_v2, ")


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("rise", {"n_mask": 9}, "saliency.parameters.rise: rise has no parameter 'n_mask': allowed are n_masks, "),
        ("rise", {"n_masks": 0}, "saliency.parameters.rise: n_masks of rise is 0; give a whole number above 0"),
        ("rise", {"n_masks": 1.5}, "saliency.parameters.rise: n_masks of rise is 1.5; give a whole number above 0"),
        ("rise", {"n_masks": 10**12}, "saliency.parameters.rise.n_masks is 1000000000000: allowed is 10000000 at most"),
        (
            "rise",
            {"n_masks": math.inf},
            "saliency.parameters.rise: n_masks of rise is inf; give a whole number above 0",
        ),
        ("rise", {"seed": 4}, "saliency.parameters.rise.seed is 4: seed is for all; remove it"),
        ("xrai", {"sigma": 1e300}, "saliency.parameters.xrai.sigma is 1e+300: allowed is 10000000 at most"),
        (
            "xrai",
            {"scales": [50, 1e9]},
            "saliency.parameters.xrai.scales is [50, 1000000000.0]: allowed is 10000000 at",
        ),
        ("xrai", {"scales": []}, "saliency.parameters.xrai: scales of xrai is []; give numbers above 0"),
        ("xrai", {"scales": [50, "x"]}, "saliency.parameters.xrai: scales of xrai is [50, 'x']; give numbers above 0"),
        ("xrai", {"scales": {"a": 1}}, "saliency.parameters.xrai: scales of xrai is {'a': 1}; give numbers above 0"),
        ("grad_cam", {"relu": 1}, "saliency.parameters.grad_cam: relu of grad_cam is 1; give True or False"),
        ("rise", {"n_masks": True}, "saliency.parameters.rise: n_masks of rise is True; give a whole number above 0"),
        ("rise", {"n_masks": None}, "saliency.parameters.rise: n_masks of rise is None; give a whole number above 0"),
        ("gradient", {"n": 1}, "saliency.parameters.gradient: gradient has no parameter 'n': it takes none"),
    ],
)
def test_what_a_method_does_not_take_is_one_line(refused, method, given, said):
    (line,) = refused(saliency={"parameters": {method: given}})
    assert line.startswith(said)


def test_switches_and_lists_of_a_method_can_be_set(root):
    content = yaml.safe_load((root / "params.yaml").read_text())
    given = {"grad_cam": {"relu": False}, "xrai": {"scales": [50, 100.5]}}
    content["saliency"]["methods"] += [name for name in given if name not in content["saliency"]["methods"]]
    content["saliency"]["parameters"] |= given
    found = params.check(content, "some.yaml").saliency.parameters
    assert {name: found[name] for name in given} == given


def test_a_depth_that_a_network_lacks_is_named_before_any_stage(refused):
    own = {"activations": {"depths": {"mobilenet_v2": {2: "a", 3: "b"}}}, "classifiers": ["mobilenet_v2", "vgg16"]}
    lines = refused(**own, superpixels={"depths": [2, 6, 5]}, ablation={"depths": [[2], [2, 4]]})
    assert lines == [
        "superpixels.depths has 5, 6: mobilenet_v2 has 2, 3; correct it, or name a layer for it in "
        "activations.depths.mobilenet_v2",
        "superpixels.depths has 5, 6: vgg16 has 0, 1, 2, 3, 4; correct it, or name a layer for it in "
        "activations.depths.vgg16",
        "ablation.depths has 4: mobilenet_v2 has 2, 3; correct it, or name a layer for it in "
        "activations.depths.mobilenet_v2",
    ]


def test_a_cluster_to_be_shown_is_one_of_the_class(refused):
    (line,) = refused(classes={"clusters": 4, "figure": {"name": "bird", "cluster": 4, "rows": 3}})
    assert line == "classes.figure.cluster is 4: allowed are 0 to 3, below classes.clusters, and null"


def test_what_make_paper_is_to_set_is_a_key_and_a_value(refused):
    given = {"claims.aplha": 0.01, "relevance.n_steps": 0, "saliency.parameters.rise.n_masks": 9}
    wrong, unknown = refused(paper={"settings": given})
    assert unknown.startswith("paper.settings: claims.aplha is unknown; ")
    assert unknown.endswith("; did you mean alpha?")
    assert wrong == "paper.settings: relevance.n_steps is 0: allowed is greater than or equal to 1"
    (line,) = refused(paper={"settings": {"seed.x": 1}})
    assert line == "paper.settings has 'seed.x': seed is a value and no section; correct the key"
