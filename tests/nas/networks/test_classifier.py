"""Networks against forward passes written out by hand, transforms against torchvision, weights against tampering."""

import dataclasses
import hashlib
import io
import pickle
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import timm.data
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torch import fx, nn
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

from nas.data.sources import Https, SourceError
from nas.networks.classifier import Classifier, load_classifier
from nas.networks.descriptions import NETWORKS, VGG_LAYERS, Network, build, find_network
from nas.networks.strides import _cuts, depths_by_stride
from nas.networks.weights import load_weights, read_state_dict

many = settings(max_examples=25, deadline=None, derandomize=True)
sides = st.integers(5, 90)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def small(**changes):
    """A classifier of one layer, to look at what goes into it."""
    tiny = Network("torchvision", "none", depths={0: "0"}, size=32, resize=37)
    module = nn.Sequential(nn.Conv2d(3, 2, 3, stride=2, padding=1))
    return Classifier("tiny", module, dataclasses.replace(tiny, **changes), "cpu")


def randomized(name, **changes):
    """A network with random weights and running statistics, as a classifier."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = build(find_network(name))
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.uniform_(part.running_mean, -0.5, 0.5)
                nn.init.uniform_(part.running_var, 0.5, 2)
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.uniform_(part.bias, -0.5, 0.5)
    return Classifier(name, module, dataclasses.replace(find_network(name), **changes), "cpu")


@many
@given(height=sides, width=sides, interpolation=st.sampled_from(["bilinear", "bicubic"]), seed=st.integers(0, 99))
def test_view_is_that_of_torchvision(height, width, interpolation, seed):
    photo, mode = noise(height, width, seed), InterpolationMode(interpolation)
    classifier = small(interpolation=interpolation)
    cropped = Compose([Resize(37, mode), CenterCrop(32)])(Image.fromarray(photo))
    assert np.array_equal(classifier.view(photo, crop=True), np.asarray(cropped))
    squashed = Resize((32, 32), mode)(Image.fromarray(photo))
    assert np.array_equal(classifier.view(photo), np.asarray(squashed))
    plain = Image.fromarray(photo).resize((32, 32), getattr(Image.Resampling, interpolation.upper()))
    assert np.array_equal(classifier.view(photo), np.asarray(plain))


@many
@given(seed=st.integers(0, 99), n=st.integers(1, 3))
def test_normalize_is_that_of_torchvision(seed, n):
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.5, 0.3)
    views = np.stack([noise(32, 32, seed + i) for i in range(n)])
    views.flags.writeable = False
    expected = torch.stack([Compose([ToTensor(), Normalize(mean, std)])(view.copy()) for view in views])
    found = small(mean=mean, std=std).normalize(views)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50", "inception_v3", "convnext_tiny", "efficientnet_b1"])
def test_cropped_input_is_that_of_the_official_transform(name):
    photo = noise(347, 411)
    found = find_network(name)
    # the transform alone matters here, not the network behind it
    classifier = small(**{key: getattr(found, key) for key in ("size", "resize", "mean", "std", "interpolation")})
    official = next(iter(torchvision.models.get_model_weights(name))).transforms()
    expected = official(Image.fromarray(photo))[None]
    torch.testing.assert_close(classifier.preprocess(photo, crop=True), expected, rtol=0, atol=1e-6)
    assert classifier.preprocess(photo).shape == expected.shape


@pytest.mark.parametrize("name", ["convnext_nano", "test_resnet", "tf_efficientnet_lite0"])
def test_cropped_input_is_that_of_timm(name):
    photo = noise(347, 411)
    found = find_network(name)
    classifier = small(**{key: getattr(found, key) for key in ("size", "resize", "mean", "std", "interpolation")})
    config = timm.data.resolve_data_config(timm.get_pretrained_cfg(name).to_dict())
    expected = timm.data.create_transform(**config)(Image.fromarray(photo))[None]
    torch.testing.assert_close(classifier.preprocess(photo, crop=True), expected, rtol=0, atol=1e-6)


def test_table_agrees_with_the_libraries_on_its_networks():
    transform = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    mobilenet, lite = NETWORKS["mobilenet_v2"], NETWORKS["efficientnet_lite0"]
    assert [mobilenet.size] == transform.crop_size
    assert [mobilenet.resize] == transform.resize_size
    assert (list(mobilenet.mean), list(mobilenet.std)) == (list(transform.mean), list(transform.std))
    assert mobilenet.interpolation == transform.interpolation.value
    from_timm = find_network("tf_efficientnet_lite0")
    ours = dataclasses.replace(lite, weights=None, depths=None, n_bytes=None, licence=from_timm.licence)
    assert ours == from_timm


def by_hand_mobilenet_v2(m, x):
    maps = {}
    for number, block in enumerate(m.features):
        x = block(x)
        maps[number] = x
    return {0: maps[1], 1: maps[3], 2: maps[6], 3: maps[13], 4: maps[17]}


def by_hand_resnet50(m, x):
    stem = m.maxpool(torch.relu(m.bn1(m.conv1(x))))
    one = m.layer1(stem)
    two = m.layer2(one)
    three = m.layer3(two)
    return {0: stem, 1: one, 2: two, 3: three, 4: m.layer4(three)}


def by_hand_vgg16(m, x):
    """The last convolution before each of the five poolings, before ReLU."""
    maps, last = {}, None
    for layer in m.features:
        if isinstance(layer, nn.MaxPool2d):
            maps[len(maps)] = last
        if isinstance(layer, nn.Conv2d):
            last = layer(x)
            x = last
        else:
            x = torch.relu(x) if isinstance(layer, nn.ReLU) else layer(x)
    assert min(m.min() for m in maps.values()) < 0
    return maps


def by_hand_convnext_tiny(m, x):
    """Stem, then four stages, and between them a norm and a convolution of stride 2, which are of no stage."""
    maps = {0: m.features[0](x)}
    for depth in (1, 2, 3, 4):
        for block in m.features[2 * depth - 1]:
            x = block(maps[depth - 1] if x.shape[1] == 3 else x)
        maps[depth] = x
        if depth < 4:
            norm, reduction = m.features[2 * depth]
            x = reduction(norm(x))
    return maps


@pytest.mark.parametrize(
    ("name", "by_hand", "strides"),
    [
        ("mobilenet_v2", by_hand_mobilenet_v2, {0: 2, 1: 4, 2: 8, 3: 16, 4: 32}),
        ("resnet50", by_hand_resnet50, {0: 4, 1: 4, 2: 8, 3: 16, 4: 32}),
        ("vgg16", by_hand_vgg16, {0: 1, 1: 2, 2: 4, 3: 8, 4: 16}),
        ("convnext_tiny", by_hand_convnext_tiny, {0: 4, 1: 4, 2: 8, 3: 16, 4: 32}),
    ],
)
def test_activations_are_those_of_a_forward_pass_by_hand(name, by_hand, strides):
    classifier = randomized(name, size=64)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = by_hand(classifier.module, x)
    found = classifier.activations(x)
    assert list(found) == sorted(strides) == sorted(expected)
    for depth, stride in strides.items():
        assert found[depth].shape[2:] == (64 // stride, 64 // stride)
        assert not found[depth].requires_grad
        torch.testing.assert_close(found[depth], expected[depth])


def test_logits_are_those_of_the_network_and_keep_gradients():
    classifier = randomized("mobilenet_v2")
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pooled = classifier.module.features(x).mean(dim=(2, 3))
    logits = classifier.logits(x)
    torch.testing.assert_close(logits, classifier.module.classifier[1](pooled))
    (gradient,) = torch.autograd.grad(logits[0, 7], x)
    assert gradient.abs().max() > 0
    assert not classifier.module.training


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@torch.no_grad()
def test_a_gpu_rounds_to_float32_and_not_to_tf32():
    module, found = build(find_network("resnet18")), find_network("resnet18")
    x = torch.randn(2, 3, found.size, found.size)
    on_cpu = Classifier("resnet18", module, found).activations(x)
    on_gpu = Classifier("resnet18", module, found, "cuda").activations(x.cuda())
    for depth, expected in on_cpu.items():
        torch.testing.assert_close(on_gpu[depth].cpu(), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_inception_adapts_its_input_like_the_official_weights():
    module = build(find_network("inception_v3")).eval()
    mean, std = (
        np.array(values)[:, None, None]
        for values in (find_network("inception_v3").mean, find_network("inception_v3").std)
    )
    pixels = np.random.default_rng(0).random((1, 3, 75, 75))
    with torch.no_grad():
        logits = module(torch.from_numpy((pixels - mean) / std).float())
        module.transform_input = False
        expected = module(torch.from_numpy((pixels - 0.5) / 0.5).float())  # the scale that it was trained with
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


RESNET = ["maxpool", "layer1", "layer2", "layer3", "layer4"]
FOUND = {  # network: (nodes, sides of the maps)
    "resnet18": (RESNET, [56, 56, 28, 14, 7]),
    "resnext50_32x4d": (RESNET, [56, 56, 28, 14, 7]),
    "test_resnet": (RESNET, [40, 40, 20, 10, 5]),  # of timm
    # without padding the sides are a little short of 299 / 2, 299 / 4, ...
    "inception_v3": (["Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e", "Mixed_7c"], [147, 71, 35, 17, 8]),
    "googlenet": (["conv1", "conv3", "inception3b", "inception4e", "inception5b"], [112, 56, 28, 14, 7]),
    "densenet121": (["features.relu0", *(f"features.denseblock{n}" for n in range(1, 5))], [112, 56, 28, 14, 7]),
    "efficientnet_b0": ([f"features.{n}" for n in (1, 2, 3, 5, 7)], [112, 56, 28, 14, 7]),
    "mobilenet_v3_small": ([f"features.{n}" for n in (0, 1, 3, 8, 11)], [112, 56, 28, 14, 7]),
    "squeezenet1_1": ([f"features.{n}" for n in (1, 4, 7, 12)], [111, 55, 27, 13]),  # ends at stride 16
    "convnext_tiny": ([f"features.{n}" for n in (0, 1, 3, 5, 7)], [56, 56, 28, 14, 7]),
    "convnext_nano": (["stem.1", *(f"stages.{n}" for n in range(4))], [56, 56, 28, 14, 7]),  # of timm
    # the first layer of each of its stages still has the stride of the stage before
    "mnasnet0_5": ([f"layers.{n}" for n in (7, 8, 9, 11, 13)], [112, 56, 28, 14, 7]),
    "alexnet": ([f"features.{n}" for n in (1, 4, 11)] + ["avgpool"], [55, 27, 13, 6]),  # no blocks
    # what the table says of them
    "mobilenet_v2": (list(NETWORKS["mobilenet_v2"].depths.values()), [112, 56, 28, 14, 7]),
    "efficientnet_lite0": (list(NETWORKS["efficientnet_lite0"].depths.values()), [112, 56, 28, 14, 7]),
}


@pytest.mark.parametrize("name", FOUND)
def test_depths_by_stride(name):
    nodes, sides = FOUND[name]
    found = find_network(name)
    with torch.device("meta"):
        module = build(found)
    classifier = Classifier(name, module, dataclasses.replace(found, depths=None), "meta")
    first = 1 if name == "alexnet" else 0
    assert classifier.depths == dict(enumerate(nodes, first))
    assert [shape[1:] for shape in classifier.shapes().values()] == [(side, side) for side in sides]


@pytest.mark.parametrize("name", [name for name in FOUND if name not in ("resnext50_32x4d", "convnext_nano")])
def test_all_that_comes_later_is_computed_from_a_depth(name):
    """Cut there, nothing of the input reaches the logits."""
    with torch.device("meta"):
        module = build(find_network(name)).eval().requires_grad_(False)
    x = torch.zeros(1, 3, find_network(name).size, find_network(name).size, device="meta").requires_grad_()
    assert module(x).requires_grad
    for node in FOUND[name][0]:
        cut = module.get_submodule(node).register_forward_hook(lambda layer, inputs, output: output.detach())
        assert not module(x).requires_grad, node
        cut.remove()


@many
@given(data=st.data(), n=st.integers(1, 8))
def test_cuts_are_the_nodes_on_every_path(data, n):
    graph = fx.Graph()
    nodes = [graph.placeholder("x")]
    for _ in range(n):
        inputs = data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3))
        nodes.append(graph.call_function(sum, (inputs,)))
    reached = set()
    for node in reversed(nodes):
        reached |= {node} if node is nodes[-1] or reached & set(node.users) else set()
    nodes = [node for node in nodes if node in reached]

    def joined(without):
        open_, seen = [nodes[0]] if without is not nodes[0] else [], set()
        while open_:
            node = open_.pop()
            seen.add(node)
            open_ += [user for user in node.users if user is not without and user not in seen]
        return nodes[-1] in seen

    assert _cuts(nodes) == [node for node in nodes if not joined(without=node)]


@pytest.mark.parametrize("name", VGG_LAYERS)
def test_depths_of_vgg_are_what_goes_into_the_last_relu_before_each_pooling(name):
    with torch.device("meta"):
        layers = list(torchvision.models.get_model(name).features)
    poolings = [number for number, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    assert all(isinstance(layers[number - 1], nn.ReLU) for number in poolings)
    assert find_network(name).depths == {depth: f"features.{number - 2}" for depth, number in enumerate(poolings)}


def test_two_depths_may_be_one_node():
    classifier = small(depths={3: "0", 1: "0"})
    found = classifier.activations(torch.zeros(1, 3, 32, 32))
    assert list(found) == [1, 3] and torch.equal(found[1], found[3])
    assert classifier.shapes() == {1: (2, 16, 16), 3: (2, 16, 16)}


def test_depths_by_stride_where_the_network_is():
    module = build(find_network("squeezenet1_1"))
    depths = depths_by_stride(module, 224)
    assert depths_by_stride(module.to("meta"), 224) == depths


def test_a_transformer_is_built_for_the_input_of_its_weights():
    for name, size in (("vit_h_14", 518), ("vit_b_16", 224)):
        with torch.device("meta"):
            module = build(find_network(name))
        assert module.image_size == find_network(name).size == size


class Branching(nn.Module):
    """What it does depends on the values of its input, which torch.fx cannot follow."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, 2)

    def forward(self, x):
        return self.layer(x).mean((2, 3)) if x.sum() > 0 else x.mean((2, 3))


class Narrow(Branching):
    """It takes another size of input than its recipe says."""

    def forward(self, x):
        torch._assert(x.shape[2] == 16, f"it takes 16 pixels\nand {x.shape[2]} are given")
        return self.layer(x).mean((2, 3))


@pytest.mark.parametrize(("kind", "depths"), [(Branching, None), (Branching, {0: "layer"}), (Narrow, None)])
def test_a_network_that_cannot_be_followed_is_refused_in_one_line(kind, depths):
    found = Network("torchvision", "made", depths=depths, size=32)
    with pytest.raises(ValueError, match=r"^depths of 'made': ") as caught:
        Classifier("made", kind(), found)
    assert "\n" not in str(caught.value)


def test_weights_come_back_by_name_by_order_and_from_safetensors(tmp_path):
    original = randomized("mobilenet_v2")
    state = original.module.state_dict()
    paths = [tmp_path / name for name in ("own.pth", "other.pth", "own.safetensors")]
    torch.save(state, paths[0])
    torch.save({f"entry{number}": value for number, value in enumerate(state.values())}, paths[1])
    save_file(state, paths[2])
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for path in paths:
        loaded = load_classifier("mobilenet_v2", path, device="cpu")
        assert loaded.depths == dict(NETWORKS["mobilenet_v2"].depths)
        with torch.no_grad():
            assert torch.equal(loaded.logits(x), original.logits(x))
        for a, b in zip(loaded.module.state_dict().values(), original.module.state_dict().values(), strict=True):
            assert torch.equal(a, b)
    moved = load_classifier("mobilenet_v2", str(paths[0]), depths={2: "features.5", 7: "features.18"}, device="cpu")
    assert moved.depths == {2: "features.5", 7: "features.18"}
    assert [m.shape[1] for m in moved.activations(x).values()] == [32, 1280]


def test_efficientnet_lite_under_its_own_names_gives_the_same_logits(tmp_path):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reference = package.EfficientNet.from_name("efficientnet-lite0").eval()
        for part in reference.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.uniform_(part.running_mean, -0.2, 0.2)
                nn.init.uniform_(part.running_var, 0.5, 1.5)
                nn.init.uniform_(part.weight, 0.8, 1.2)
                nn.init.uniform_(part.bias, -0.2, 0.2)
    path = tmp_path / "lite.pth"
    torch.save(reference.state_dict(), path)
    found = find_network("efficientnet_lite0")
    module = build(found)
    load_weights(module, path)
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = reference(x)
        assert expected.std() > 1e-2
        torch.testing.assert_close(module.eval()(x), expected, rtol=0, atol=1e-4)
    sides = [m.shape[-1] for m in Classifier("efficientnet_lite0", module, found, "cpu").activations(x).values()]
    assert sides == [112, 56, 28, 14, 7]


def test_files_without_counters_of_batches_and_with_the_old_names_of_densenet(tmp_path):
    """As torchvision still offers them: denselayer1.norm.1 for denselayer1.norm1, and no num_batches_tracked."""
    original = randomized("densenet121").module
    state = {name: value for name, value in original.state_dict().items() if "num_batches" not in name}
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value for name, value in state.items()}
    assert len(old) == len(state) < len(original.state_dict()) and old.keys() != state.keys()
    for number, entries in enumerate((state, old)):
        torch.save(entries, tmp_path / f"{number}.pth")
        module = build(find_network("densenet121"))
        load_weights(module, tmp_path / f"{number}.pth")
        loaded = module.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in state.items())


@pytest.mark.parametrize(
    "other",
    [
        lambda: nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 2)),  # the first layer fits
        lambda: nn.Sequential(nn.Linear(3, 2)),
        lambda: nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.Linear(3, 2)}),
    ],
)
def test_a_module_keeps_its_weights_when_a_file_does_not_fit(tmp_path, other):
    torch.save(other().state_dict(), tmp_path / "other.pth")
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ValueError, match=r"other\.pth"):
        load_weights(module, tmp_path / "other.pth")
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class Files(SimpleHTTPRequestHandler):
    """Serves a folder, ranges too; the first answer breaks off after so many bytes."""

    def do_GET(self):
        content = Path(self.directory, self.path.lstrip("/")).read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        self.server.starts.append(start)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start:] if len(self.server.starts) > 1 else content[: self.server.first])

    def log_message(self, *_args):
        pass


@pytest.fixture
def official(tmp_path, monkeypatch):
    """A function that offers a file of weights as torchvision's of squeezenet1_1, from a server on this machine."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=tmp_path))
    server.starts, server.first = [], 100_000
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    transforms = next(iter(torchvision.models.get_model_weights("squeezenet1_1"))).transforms

    def offer(file, digits):
        name = f"squeezenet1_1-{digits}.pth"
        (tmp_path / name).write_bytes(file)
        address = f"http://127.0.0.1:{server.server_port}/{name}"
        entry = SimpleNamespace(url=address, transforms=transforms, meta={"_file_size": 1.0})
        monkeypatch.setattr("torchvision.models.get_model_weights", lambda _name: [entry])
        monkeypatch.setattr("nas.transfers.time.sleep", lambda _seconds: None)
        return server

    yield offer
    server.shutdown()
    thread.join()
    server.server_close()


def saved(module):
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    return file.getvalue()


@pytest.mark.parametrize("n_digits", [8, 10, 64])
def test_official_weights_are_fetched_once_in_as_many_pieces_as_it_takes(official, tmp_path, n_digits):
    original = randomized("squeezenet1_1")
    file = saved(original.module)
    server = official(file, hashlib.sha256(file).hexdigest()[:n_digits])
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        with torch.no_grad():
            assert torch.equal(load_classifier("squeezenet1_1", device="cpu").logits(x), original.logits(x))
    assert server.starts == [0, 100_000]
    assert [path.name for path in tmp_path.glob("cache/*/*")] == ["squeezenet1_1.pth"]


def test_official_weights_that_are_other_ones_get_no_name(official, tmp_path):
    file = saved(build(find_network("squeezenet1_1")))
    digits = hashlib.sha256(file).hexdigest()[:8]
    wrong = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    official(file, wrong)
    with pytest.raises(SourceError, match=f"expected sha256 {wrong}, found {digits}") as caught:
        load_classifier("squeezenet1_1", device="cpu")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("cache/*/*.pth"))


@pytest.mark.parametrize("digits", ["", "1234567", "g" * 8, "a" * 65])
def test_first_digits_that_are_too_few_or_none(digits):
    with pytest.raises(ValueError, match="sha256_prefix must be 8 to 64 hexadecimal digits"):
        Https("https://x/y", sha256_prefix=digits)


def test_every_torchvision_classifier_has_an_address_with_digits():
    for name in torchvision.models.list_models(module=torchvision.models):
        source = find_network(name).weights
        if name in NETWORKS:
            continue
        assert source.url.startswith("https://download.pytorch.org/models/"), name
        assert f"-{source.sha256_prefix}." in source.url
        official = torchvision.models.get_model_weights(name)
        assert "IMAGENET1K_V1" not in official.__members__ or source.url == official.IMAGENET1K_V1.url
    assert find_network("convnext_nano").weights is None  # of timm


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing, protocol=2))])
def test_weights_that_would_run_code_are_refused(tmp_path, write):
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    pickle.loads(pickle.dumps(RunsCode(canary)))
    assert canary.exists()  # so the file below would do it
    canary.unlink()
    write({"weight": RunsCode(canary)}, path)
    with pytest.raises(ValueError, match="refused") as caught:
        load_weights(nn.Linear(1, 1), path)
    assert "evil.pth" in str(caught.value) and "\n" not in str(caught.value)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("gone.pth", lambda path: None, ["no such file", ".safetensors"]),
        ("text.pth", lambda path: path.write_text("<html>"), ["damaged"]),
        ("empty.pth", lambda path: path.write_bytes(b""), ["cannot be read"]),
        ("cut.pth", lambda path: path.write_bytes(b"PK\x03\x04"), ["cannot be read"]),
        ("cut.safetensors", lambda path: path.write_bytes(b"\x10"), ["cannot be read"]),
        ("list.pth", lambda path: torch.save([torch.ones(1)], path), ["no state dict"]),
        ("nested.pth", lambda path: torch.save({"model": {"weight": torch.ones(1)}}, path), ["no state dict"]),
        ("network.pth", lambda path: torch.save(nn.Linear(3, 2), path), ["refused"]),
    ],
)
def test_files_that_are_no_state_dict(tmp_path, name, write, words):
    path = tmp_path / name
    write(path)
    with pytest.raises(ValueError) as caught:
        read_state_dict(path)
    message = str(caught.value)
    assert message.startswith(f"weights {path}: ") and "\n" not in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (nn.Linear(3, 2, bias=False), ["1 entries", "Linear", "'bias'"]),  # an entry is missing
        (nn.Linear(4, 2), ["Linear", "weight", "size mismatch"]),  # same names, other shapes
        (nn.Sequential(nn.Linear(2, 3)), ["4 entries", "Linear", "'0.bias'"]),  # other names, other shapes
    ],
)
def test_weights_of_another_architecture(tmp_path, other, words):
    path = tmp_path / "other.pth"
    torch.save(other.state_dict(), path)
    with pytest.raises(ValueError) as caught:
        load_weights(nn.Linear(3, 2), path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda path: load_classifier("resnet1000", path), ["'resnet1000' is unknown", "mobilenet_v2", "torchvision"]),
        (lambda path: load_classifier("fasterrcnn_resnet50_fpn"), ["is unknown", "timm"]),
        (
            lambda path: load_classifier("resnet18.nosuch", path),
            ["'resnet18.nosuch' is unknown", "nosuch", "Leave out"],
        ),
        (lambda path: load_classifier("convnext_nano"), ["'convnext_nano'", "weights=FILE"]),  # of timm
        (
            lambda path: Classifier("flat", nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), Network("", "", size=32)),
            ["'flat'", "no square feature maps", "activations.depths"],
        ),
        (lambda path: load_classifier("mobilenet_v2", path / "no.pth"), ["no.pth: no such file"]),
        (
            lambda path: Classifier(
                "mine",
                build(find_network("mobilenet_v2")),
                dataclasses.replace(find_network("mobilenet_v2"), depths={0: "features.99"}),
                "cpu",
            ),
            ["depths", "'mine'", "'features.99'"],
        ),
    ],
)
def test_errors_name_what_was_given_and_what_is_allowed(tmp_path, call, words):
    with pytest.raises(ValueError) as caught:
        call(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []
