"""Bytes against arrays that are written, room against a disk made up here, documented sizes against the networks."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from nas.networks.classifier import Classifier
from nas.networks.cost import bytes_of_activations
from nas.networks.descriptions import build, find_network
from nas.saliency.cost import bytes_of_saliency
from nas.store.progress import check_room, free_bytes
from nas.superpixels.cost import bytes_of_superpixels

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


def test_bytes_of_saliency_are_those_of_two_maps_a_method():
    maps = {f"{target}/{method}": np.zeros((7, 7), np.float32) for target in "pt" for method in range(3)}
    assert bytes_of_saliency(3, 7) == sum(array.nbytes for array in maps.values())


@settings(max_examples=50, deadline=None, derandomize=True)
@given(n=st.integers(0, 10**6), each=st.integers(1, 10**9), free=st.integers(0, 10**13))
def test_a_disk_is_large_enough_or_it_is_refused(tmp_path_factory, n, each, free):
    folder = tmp_path_factory.getbasetemp() / "absent"
    if n * each <= free:
        assert check_room(n, each, folder, lambda place: free).startswith(f"{n} photos x ")
        return
    with pytest.raises(ValueError, match="too little") as caught:
        check_room(n, each, folder, lambda place: free)
    message = str(caught.value)
    assert "\n" not in message and str(folder) in message
    for parameter in ("download.limit", "activations.precision: float16", "activations.cache: false"):
        assert parameter in message


@pytest.mark.parametrize(
    ("n", "each", "free", "line"),
    [
        (50_000, 6_022_112, 1.5e12, "50000 photos x 6.0 MB = 301.1 GB on disk (free: 1.5 TB)"),
        (3, 300, 999_960, "3 photos x 300 B = 900 B on disk (free: 1.0 MB)"),
        (0, 300, 0, "0 photos x 300 B = 0 B on disk (free: 0 B)"),
    ],
)
def test_the_line_is_readable(tmp_path, n, each, free, line):
    assert check_room(n, each, tmp_path, lambda _: free) == line


def test_what_a_killed_run_left_needs_no_room_again(tmp_path):
    (tmp_path / "one.safetensors").write_bytes(bytes(600))
    (tmp_path / ".two.safetensors.part").write_bytes(bytes(600))
    check_room(10, 100, tmp_path, lambda _: 400)
    with pytest.raises(ValueError, match="1 B too little"):
        check_room(10, 100, tmp_path, lambda _: 399)


def test_free_bytes_of_a_folder_that_is_not_there_yet(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("shutil.disk_usage", lambda place: asked.append(place) or SimpleNamespace(free=7))
    assert free_bytes(tmp_path / "a" / "b") == 7 and asked == [tmp_path]
    monkeypatch.chdir(tmp_path)
    assert free_bytes(Path("data/scratch")) == 7 and asked[1].samefile(tmp_path)


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
    assert f"with 14 methods, {50_000 * bytes_of_saliency(14, 224) / 1e9:.0f} GB" in text
    each = bytes_of_activations(networks["resnet50"].shapes(), 224, 1000)
    assert check_room(50_000, each, root / "absent", lambda _: 1.2e12) in text


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
    # four methods of each of three variants; of 14 methods, the maps of two are small
    regions, saliency = (50_000 * each / 1e9 for each in (bytes_of_superpixels(12, 224), bytes_of_saliency(12, 224)))
    assert f"{regions:.0f} GB of label maps and {saliency:.0f} GB of saliency maps" in text
