"""Networks against forward passes written out by hand, transforms against torchvision."""

import dataclasses
import hashlib
import io
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

from nas.data.sources import SourceError
from nas.networks.classifier import Classifier, load_classifier
from nas.networks.descriptions import NETWORKS, Network, build, find_network

many = settings(max_examples=25, deadline=None, derandomize=True)
sides = st.integers(5, 90)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@many
@given(height=sides, width=sides, interpolation=st.sampled_from(["bilinear", "bicubic"]), seed=st.integers(0, 99))
def test_view_is_that_of_torchvision(small, height, width, interpolation, seed):
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
def test_normalize_is_that_of_torchvision(small, seed, n):
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.5, 0.3)
    views = np.stack([noise(32, 32, seed + i) for i in range(n)])
    views.flags.writeable = False
    expected = torch.stack([Compose([ToTensor(), Normalize(mean, std)])(view.copy()) for view in views])
    found = small(mean=mean, std=std).normalize(views)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


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
def test_activations_are_those_of_a_forward_pass_by_hand(randomized, name, by_hand, strides):
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


def test_logits_are_those_of_the_network_and_keep_gradients(randomized):
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


def test_two_depths_may_be_one_node(small):
    classifier = small(depths={3: "0", 1: "0"})
    found = classifier.activations(torch.zeros(1, 3, 32, 32))
    assert list(found) == [1, 3] and torch.equal(found[1], found[3])
    assert classifier.shapes() == {1: (2, 16, 16), 3: (2, 16, 16)}


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


def test_weights_come_back_by_name_by_order_and_from_safetensors(randomized, tmp_path):
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
        monkeypatch.setattr("nas.data.transfers.time.sleep", lambda _seconds: None)
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
def test_official_weights_are_fetched_once_in_as_many_pieces_as_it_takes(randomized, official, tmp_path, n_digits):
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


def test_a_photo_is_an_array_an_image_of_pillow_or_a_file(small, tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    classifier = small()
    expected = classifier.preprocess(photo)
    given = [
        Image.fromarray(photo),
        tmp_path / "photo.png",
        str(tmp_path / "photo.png"),
        Image.fromarray(photo).convert("RGBA"),
    ]
    for each in given:
        assert torch.equal(classifier.preprocess(each), expected)
    grey = Image.fromarray(photo[..., 0])
    assert torch.equal(classifier.preprocess(grey), classifier.preprocess(np.stack([photo[..., 0]] * 3, 2)))


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((3, 4, 4), np.uint8), [[1, 2]], None],
)
def test_what_is_no_photo_is_described(small, image):
    with pytest.raises(ValueError, match=r"^image has shape \(.*\) and dtype \w+; give a photo \(H, W, 3\) uint8"):
        small().preprocess(image)


def test_a_file_that_is_no_photo_is_named(small, tmp_path):
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(ValueError, match=r"notes.txt is none of BMP"):
        small().preprocess(tmp_path / "notes.txt")
