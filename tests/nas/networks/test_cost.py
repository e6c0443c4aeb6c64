"""Bytes against arrays that are written, documented sizes against the networks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from nas.networks.classifier import Classifier
from nas.networks.cost import bytes_of_activations, seconds_of_pass
from nas.networks.descriptions import build, find_network
from nas.networks.forward import Forward
from nas.saliency.cost import bytes_of_saliency
from nas.saliency.methods import METHODS
from nas.store.progress import announce
from nas.superpixels.cost import bytes_of_superpixels
from stages import params

sides = st.integers(1, 9)
shapes = st.dictionaries(st.integers(0, 4), st.tuples(sides, sides, sides), min_size=1)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(shapes, sides, sides, st.sampled_from(["float32", "float16"]), st.booleans())
def test_bytes_are_those_of_the_arrays(shapes, size, n_classes, precision, cache):
    arrays = {f"depth{depth}": np.zeros(shape, precision) for depth, shape in shapes.items()} if cache else {}
    arrays |= {"view": np.zeros((size, size, 3), np.uint8)}
    arrays |= {name: np.zeros(n_classes, np.float32) for name in ("logits", "logits_cropped")}
    each = bytes_of_activations(shapes, size, n_classes, precision, cache)
    assert each == sum(array.nbytes for array in arrays.values())
    header = int.from_bytes(save(arrays)[:8], "little")
    assert len(save(arrays)) == each + 8 + header


def table(root, first):
    """Rows of the table of docs/networks.md with these words in its heading: {network: other cells}."""
    _, text = (root / "docs" / "networks.md").read_text().split(f"| network | {first}")
    lines = text.partition("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return {network: cells for network, *cells in rows}


@pytest.fixture(scope="module")
def networks(root):
    """The networks of the documentation, as shapes without values."""
    with torch.device("meta"):
        return {
            name: Classifier(name, build(find_network(name)), find_network(name), "meta")
            for name in table(root, "depth 0")
        }


def test_the_documented_depths_are_those_of_the_networks(root, networks):
    for name, cells in table(root, "depth 0").items():
        assert cells == [networks[name].depths.get(depth, "none") for depth in range(5)], name


def test_the_documented_sizes_are_those_of_the_networks(root, networks):
    sizes = table(root, "a photo")
    assert sizes.keys() == networks.keys()
    for name, cells in sizes.items():
        shapes, size = networks[name].shapes(), networks[name].size
        kinds = [("float32", True), ("float16", True), ("float32", False)]
        stored = [bytes_of_activations(shapes, size, 1000, *kind) for kind in kinds]
        assert cells == [f"{stored[0] / 1e6:.1f} MB", *(f"{50_000 * each / 1e9:.0f} GB" for each in stored)], name
    text = (root / "docs" / "networks.md").read_text()
    large = sum(method.kind != "activation" for method in METHODS.values())
    assert f"with all methods, {50_000 * bytes_of_saliency(large, 224) / 1e9:.0f} GB" in text
    each = bytes_of_activations(networks["resnet50"].shapes(), 224, 1000)
    assert announce(50_000, each, 0.0, root / "absent", lambda _: 1.2e12) in text


def test_the_sizes_of_the_readme_are_those_of_the_networks(root, networks):
    text = (root / "README.md").read_text()
    rows = {
        "maps of ResNet-50 at depths 0 to 4, views, logits": ("resnet50", range(5)),
        "the same at depths 1 to 4": ("resnet50", range(1, 5)),
        "the same of VGG16 at depths 0 to 4": ("vgg16", range(5)),
    }
    for words, (name, depths) in rows.items():
        shapes = {depth: shape for depth, shape in networks[name].shapes().items() if depth in depths}
        kinds = [("float32", True), ("float16", True), ("float32", False)]
        cells = [f"{50_000 * bytes_of_activations(shapes, 224, 1000, *kind) / 1e9:.0f} GB" for kind in kinds]
        assert f"| {words} | {' | '.join(cells)} |" in text
    n_maps = len(params.read(root / "params.yaml").superpixels.label_maps())
    large = sum(method.kind != "activation" for method in METHODS.values())
    regions = 50_000 * bytes_of_superpixels(n_maps, 224) / 1e9
    saliency = 50_000 * bytes_of_saliency(large, 224) / 1e9
    assert f"{regions:.0f} GB of label maps and {saliency:.0f} GB of saliency maps" in text


@pytest.mark.parametrize(("batch", "measured"), [(2, 2), (4, 4), (32, 4)])
def test_a_view_takes_its_share_of_a_batch_small_on_a_cpu(small, monkeypatch, batch, measured):
    classifier, asked, now = small(), [], iter([0.0, 9.0, 20.0, 26.0])
    plain_logits = classifier.logits
    monkeypatch.setattr(classifier, "logits", lambda x: asked.append(tuple(x.shape)) or plain_logits(x).mean((2, 3)))
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    assert seconds_of_pass(classifier, Forward(batch)) == pytest.approx(6 / measured)
    assert asked == [(measured, 3, 32, 32)] * 2
