"""Networks against forward passes written out by hand, transforms against torchvision, weights against tampering."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm.data
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

from nas.classifiers import (
    RECIPES,
    Classifier,
    Recipe,
    build,
    depths_by_stride,
    load_classifier,
    load_weights,
    read_state_dict,
    recipe,
)

many = settings(max_examples=25, deadline=None, derandomize=True)
sides = st.integers(5, 90)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def small(**changes):
    """A classifier of one layer, to look at what goes into it."""
    tiny = Recipe("torchvision", "none", depths={0: "0"}, size=32, resize=37)
    module = nn.Sequential(nn.Conv2d(3, 2, 3, stride=2, padding=1))
    return Classifier("tiny", module, dataclasses.replace(tiny, **changes), "cpu")


def randomized(name, **changes):
    """A network with random weights and running statistics, as a classifier."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = build(recipe(name))
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.uniform_(part.running_mean, -0.5, 0.5)
                nn.init.uniform_(part.running_var, 0.5, 2)
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.uniform_(part.bias, -0.5, 0.5)
    return Classifier(name, module, dataclasses.replace(recipe(name), **changes), "cpu")


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
    found = recipe(name)
    # the transform alone matters here, not the network behind it
    classifier = small(**{key: getattr(found, key) for key in ("size", "resize", "mean", "std", "interpolation")})
    official = next(iter(torchvision.models.get_model_weights(name))).transforms()
    expected = official(Image.fromarray(photo))[None]
    torch.testing.assert_close(classifier.preprocess(photo, crop=True), expected, rtol=0, atol=1e-6)
    assert classifier.preprocess(photo).shape == expected.shape


@pytest.mark.parametrize("name", ["convnext_nano", "test_resnet", "tf_efficientnet_lite0"])
def test_cropped_input_is_that_of_timm(name):
    photo = noise(347, 411)
    found = recipe(name)
    classifier = small(**{key: getattr(found, key) for key in ("size", "resize", "mean", "std", "interpolation")})
    config = timm.data.resolve_data_config(timm.get_pretrained_cfg(name).to_dict())
    expected = timm.data.create_transform(**config)(Image.fromarray(photo))[None]
    torch.testing.assert_close(classifier.preprocess(photo, crop=True), expected, rtol=0, atol=1e-6)


def test_table_agrees_with_the_libraries_on_its_networks():
    transform = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    mobilenet, lite = RECIPES["mobilenet_v2"], RECIPES["efficientnet_lite0"]
    assert [mobilenet.size] == transform.crop_size
    assert [mobilenet.resize] == transform.resize_size
    assert (list(mobilenet.mean), list(mobilenet.std)) == (list(transform.mean), list(transform.std))
    assert mobilenet.interpolation == transform.interpolation.value
    from_timm = recipe("tf_efficientnet_lite0")
    assert dataclasses.replace(lite, weights=None, depths=None) == from_timm


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
    """Stem, stage, then a norm and a convolution of stride 2: the norm's output is the last at each stride."""
    maps = {}
    for depth in (1, 2, 3):
        x = m.features[2 * depth - 1](m.features[2 * depth - 2](x) if depth == 1 else x)
        norm, reduction = m.features[2 * depth]
        maps[depth] = norm(x)
        x = reduction(maps[depth])
    return maps | {4: m.features[7](x)}


@pytest.mark.parametrize(
    ("name", "by_hand", "strides"),
    [
        ("mobilenet_v2", by_hand_mobilenet_v2, {0: 2, 1: 4, 2: 8, 3: 16, 4: 32}),
        ("resnet50", by_hand_resnet50, {0: 4, 1: 4, 2: 8, 3: 16, 4: 32}),
        ("vgg16", by_hand_vgg16, {0: 1, 1: 2, 2: 4, 3: 8, 4: 16}),
        ("convnext_tiny", by_hand_convnext_tiny, {1: 4, 2: 8, 3: 16, 4: 32}),
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


def test_inception_adapts_its_input_like_the_official_weights():
    module = build(recipe("inception_v3")).eval()
    mean, std = (
        np.array(values)[:, None, None] for values in (recipe("inception_v3").mean, recipe("inception_v3").std)
    )
    pixels = np.random.default_rng(0).random((1, 3, 75, 75))
    with torch.no_grad():
        logits = module(torch.from_numpy((pixels - mean) / std).float())
        module.transform_input = False
        expected = module(torch.from_numpy((pixels - 0.5) / 0.5).float())  # the scale that it was trained with
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "nodes", "sides"),
    [
        (
            "resnet18",
            ["relu", "layer1.1.relu_1", "layer2.1.relu_1", "layer3.1.relu_1", "layer4.1.relu_1"],
            [112, 56, 28, 14, 7],
        ),
        (  # without padding the sides are a little short of 299 / 2, 299 / 4, ...
            "inception_v3",
            [
                "Conv2d_2b_3x3.relu",
                "Conv2d_4a_3x3.relu",
                "Mixed_6a.branch3x3dbl_2.relu",
                "Mixed_7a.branch7x7x3_3.relu",
                "Mixed_7c.cat_2",
            ],
            [147, 71, 35, 17, 8],
        ),
        (  # layers of torchvision.ops are not looked into
            "efficientnet_b0",
            [
                "features.2.0.block.0",
                "features.3.0.block.0",
                "features.4.0.block.0",
                "features.6.0.block.0",
                "features.8",
            ],
            [112, 56, 28, 14, 7],
        ),
        ("mobilenet_v3_small", None, [112, 56, 28, 14, 7]),
        ("googlenet", None, [112, 56, 28, 14, 7]),
        ("squeezenet1_1", None, [111, 55, 27, 13]),  # ends at stride 16
        ("test_resnet", None, [80, 40, 20, 10, 5]),  # of timm
    ],
)
def test_depths_by_stride(name, nodes, sides):
    found = recipe(name)
    classifier = Classifier(name, build(found), dataclasses.replace(found, depths=None), "cpu")
    assert list(classifier.depths) == list(range(len(sides)))
    assert nodes is None or list(classifier.depths.values()) == nodes
    maps = classifier.activations(torch.zeros(1, 3, found.size, found.size))
    assert [tuple(maps[depth].shape[2:]) for depth in maps] == [(side, side) for side in sides]


def test_depths_by_stride_where_the_network_is():
    module = build(recipe("resnet18"))
    depths = depths_by_stride(module, 224)
    assert depths_by_stride(module.to("meta"), 224) == depths


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
        assert loaded.depths == dict(RECIPES["mobilenet_v2"].depths)
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
    found = recipe("efficientnet_lite0")
    module = build(found)
    load_weights(module, path)
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = reference(x)
        assert expected.std() > 1e-2
        torch.testing.assert_close(module.eval()(x), expected, rtol=0, atol=1e-4)
    sides = [m.shape[-1] for m in Classifier("efficientnet_lite0", module, found, "cpu").activations(x).values()]
    assert sides == [112, 56, 28, 14, 7]


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
        (lambda path: load_classifier("resnet18"), ["'resnet18'", "weights=FILE"]),
        (lambda path: load_classifier("mobilenet_v2", path / "no.pth"), ["no.pth: no such file"]),
        (
            lambda path: Classifier(
                "mine",
                build(recipe("mobilenet_v2")),
                dataclasses.replace(recipe("mobilenet_v2"), depths={0: "features.99"}),
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
