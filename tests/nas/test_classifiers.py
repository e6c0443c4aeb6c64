"""Networks against forward passes written out by hand, transforms against torchvision, weights against tampering."""

import dataclasses
import math
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
    mean, std = (np.array(values)[:, None, None] for values in (recipe("inception_v3").mean, recipe("inception_v3").std))
    pixels = np.random.default_rng(0).random((1, 3, 75, 75))
    with torch.no_grad():
        logits = module(torch.from_numpy((pixels - mean) / std).float())
        module.transform_input = False
        expected = module(torch.from_numpy((pixels - 0.5) / 0.5).float())  # the scale that it was trained with
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "size", "maps"),
    [
        ("resnet18", 224, {0: (64, 112), 1: (64, 56), 2: (128, 28), 3: (256, 14), 4: (512, 7)}),
        ("inception_v3", 299, {0: (64, 147), 1: (192, 71), 2: (288, 35), 3: (768, 17), 4: (2048, 8)}),
        ("densenet121", 224, {0: (64, 112), 1: (128, 56), 2: (256, 28), 3: (512, 14), 4: (1024, 7)}),
        ("efficientnet_b0", 224, {0: (96, 112), 1: (144, 56), 2: (240, 28), 3: (672, 14), 4: (1280, 7)}),
    ],
)
def test_depths_by_stride(name, size, maps):
    module = build(recipe(name))
    depths = depths_by_stride(module, size)
    classifier = Classifier(name, module, dataclasses.replace(recipe(name), depths=depths), "cpu")
    found = classifier.activations(torch.zeros(1, 3, size, size))
    sides = {depth: tuple(m.shape[1:]) for depth, m in found.items()}
    assert {depth: shape[1] for depth, shape in sides.items()} == {depth: side for depth, (_, side) in maps.items()}
    for depth, side in ((depth, shape[1]) for depth, shape in sides.items()):
        assert round(math.log2(size / side)) == depth + 1


def test_depths_by_stride_takes_the_last_map():
    assert depths_by_stride(build(recipe("resnet18")), 224) == {
        0: "relu",
        1: "layer2.0.conv1",
        2: "layer3.0.conv1",
        3: "layer4.0.conv1",
        4: "layer4.1.relu_1",
    }
