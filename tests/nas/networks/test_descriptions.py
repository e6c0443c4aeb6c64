"""Networks of the table and by the metadata of their libraries, against these libraries."""

import dataclasses

import numpy as np
import pytest
import timm.data
import torch
import torchvision
from PIL import Image
from torch import nn

from nas.networks.descriptions import NETWORKS, VGG_LAYERS, build, find_network


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50", "inception_v3", "convnext_tiny", "efficientnet_b1"])
def test_cropped_input_is_that_of_the_official_transform(small, name):
    photo = noise(347, 411)
    found = find_network(name)
    # the transform alone matters here, not the network behind it
    classifier = small(**{key: getattr(found, key) for key in ("size", "resize", "mean", "std", "interpolation")})
    official = next(iter(torchvision.models.get_model_weights(name))).transforms()
    expected = official(Image.fromarray(photo))[None]
    torch.testing.assert_close(classifier.preprocess(photo, crop=True), expected, rtol=0, atol=1e-6)
    assert classifier.preprocess(photo).shape == expected.shape


@pytest.mark.parametrize("name", ["convnext_nano", "test_resnet", "tf_efficientnet_lite0"])
def test_cropped_input_is_that_of_timm(small, name):
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


@pytest.mark.parametrize("name", VGG_LAYERS)
def test_depths_of_vgg_are_what_goes_into_the_last_relu_before_each_pooling(name):
    with torch.device("meta"):
        layers = list(torchvision.models.get_model(name).features)
    poolings = [number for number, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    assert all(isinstance(layers[number - 1], nn.ReLU) for number in poolings)
    assert find_network(name).depths == {depth: f"features.{number - 2}" for depth, number in enumerate(poolings)}


def test_a_transformer_is_built_for_the_input_of_its_weights():
    for name, size in (("vit_h_14", 518), ("vit_b_16", 224)):
        with torch.device("meta"):
            module = build(find_network(name))
        assert module.image_size == find_network(name).size == size


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
