"""Image classifiers: a trained network, its preprocessing, its activations by depth."""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as transforms

from nas.data import read_image
from nas.networks.backends import Backend, backend_on, by_openvino
from nas.networks.descriptions import Network, build, find_network
from nas.networks.extraction import difference, maps_of_nodes, noise
from nas.networks.folding import folded
from nas.networks.modules import OfModules, evaluating, state_of_module, structure_of
from nas.networks.strides import channels_first, depths_by_stride
from nas.networks.weights import load_weights
from nas.store import reason_of

Predict = Callable[[Tensor], Tensor]
Photo = np.ndarray | Image.Image | str | os.PathLike[str]  # (H, W, 3) uint8, or what one is made of


class Classifier:
    """A trained image classifier, which is put into evaluation mode.

    Attributes
    ----------
    name : str
    module : torch.nn.Module, (B, 3, size, size) to logits (B, n_classes)
    depths : dict from depth (0 is shallowest) to the name of the graph node whose output is used
    size : side of the square input, in pixels
    network : its description
    backend : "openvino" or "torch", what `predictor` is run by on a CPU, if it can be

    The module may go on to change, by fine-tuning, `load_state_dict`, other settings or hooks of its layers: all calls
    are of the module as it then is. Of what is written to `tensor.data` alone that holds unless all sums stay. A call
    leaves it bit for bit as it was, modes of its parts included.

    With `trunk`, a network of the same layers, the maps are those of its nodes: `module` may then be a graph that has
    lost the names of its blocks.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        network: Network,
        device: str | torch.device = "cpu",
        trunk: nn.Module | None = None,
        backend: Backend = "openvino",
    ) -> None:
        self.name = name
        self.backend = backend
        self.network = network
        self.size = network.size
        device = torch.device(device)
        if device.type == "cuda":
            exact_arithmetic()
        self.module = module.eval().to(device)
        self._trunk = self.module if trunk is None else trunk.eval().to(device)
        self._extractors: OfModules[nn.Module] = OfModules(structure_of)
        self._foldeds: OfModules[Predict | None] = OfModules(state_of_module)
        self._predictors: OfModules[Predict] = OfModules(state_of_module)
        self._fingerprints: OfModules[list[Any]] = OfModules(state_of_module)
        try:
            found = network.depths or depths_by_stride(self._trunk, network.size)
        except Exception as error:  # networks fail in any way where torch.fx cannot follow them
            raise ValueError(
                f"depths of {name!r}: torch.fx cannot follow this network ({reason_of(error)}); use another one"
            ) from error
        self.depths = dict(sorted(found.items()))
        if not self.depths:
            raise ValueError(
                f"depths of {name!r}: it has no square feature maps that all later ones are made from; "
                "name nodes of its graph (depths=, activations.depths)"
            )
        self._extractor()

    @property
    def device(self) -> torch.device:
        """Where its parameters are, even after they were moved."""
        return next((tensor.device for tensor in self.module.parameters()), torch.device("cpu"))

    @property
    def fingerprint(self) -> list[Any]:
        """JSON values that change where logits or maps may: description, depths, device, every parameter."""
        return self._fingerprints.get(self.module, self._fingerprint)

    def _fingerprint(self) -> list[Any]:
        sha256 = hashlib.sha256()
        for name, values in sorted(self.module.state_dict().items()):
            sha256.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            sha256.update(values.detach().cpu().contiguous().numpy().tobytes())
        return [self.name, self.network, self.depths, self.device.type, sha256.hexdigest()]

    def _extractor(self) -> nn.Module:
        """Inputs (B, 3, size, size) to {node: map}; it shares the layers of the module."""
        return self._extractors.get(self._trunk, self._new_extractor)

    def _new_extractor(self) -> nn.Module:
        nodes = sorted(set(self.depths.values()))
        try:
            return maps_of_nodes(self._trunk, nodes, self.size)
        except Exception as error:
            raise ValueError(f"depths of {self.name!r}: {reason_of(error, 400)}") from error

    def view(self, image: Photo, crop: bool = False) -> np.ndarray:
        """What the network sees of a photo, (H, W, 3) uint8, of Pillow or a file: (size, size, 3) uint8.

        By default the whole photo is squashed to a square, as in the localization protocol. `crop=True` is the
        network's own transform: shorter side to `network.resize`, then a center crop.
        """
        photo, interpolation = Image.fromarray(array_of(image)), InterpolationMode(self.network.interpolation)
        if not crop:
            return np.array(transforms.resize(photo, [self.size, self.size], interpolation))
        resized = transforms.resize(photo, [self.network.resize], interpolation)
        return np.array(transforms.center_crop(resized, [self.size, self.size]))

    def normalize(self, views: np.ndarray) -> Tensor:
        """Views (B, size, size, 3) uint8 to the network's input (B, 3, size, size) float32."""
        pixels = torch.tensor(np.ascontiguousarray(views), device=self.device).permute(0, 3, 1, 2).float() / 255
        mean = torch.tensor(self.network.mean, device=self.device)[:, None, None]
        std = torch.tensor(self.network.std, device=self.device)[:, None, None]
        return (pixels - mean) / std

    def preprocess(self, image: Photo, crop: bool = False) -> Tensor:
        """A photo to the network's input (1, 3, size, size) float32, see `view`."""
        return self.normalize(self.view(image, crop)[None])

    def logits(self, x: Tensor) -> Tensor:
        """Inputs (B, 3, size, size) to logits (B, n_classes)."""
        with evaluating(self.module):
            result: Tensor = self.module(x.contiguous(memory_format=torch.channels_last))  # the faster convolutions
        return result

    @property
    def predictor(self) -> Predict:
        """Inputs (B, 3, size, size) to logits, faster than `logits`, without gradients: `folded`, and by the backend.

        It is of the module as it is now. Where a faster form cannot be made, or says something else than the module,
        the next slower one is taken, at last the module itself, and a line on stderr says so.
        """
        return self._predictors.get(self.module, self._new_predictor)

    def _new_predictor(self) -> Predict:
        predict = self._foldeds.get(self.module, self._folded)
        network = predict if isinstance(predict, nn.Module) else self.module
        if backend_on(self.device, self.backend) == "openvino":
            found = self._tried(lambda: by_openvino(network, self.size), "by torch, and not by openvino")
            predict = predict if found is None else found
        return predict or self.logits

    @property
    def differentiable(self) -> Predict:
        """Inputs (B, 3, size, size) to logits, faster than `logits`, with gradients by the inputs alone: `folded`.

        It is of the module as it is now, which is taken itself where it cannot be folded, see `predictor`.
        """
        return self._foldeds.get(self.module, self._folded) or self.logits

    def _folded(self) -> Predict | None:
        return self._tried(lambda: folded(self.module), "as it is, without folding its batch normalizations")

    @torch.no_grad()
    def _tried(self, make: Callable[[], Predict], instead: str) -> Predict | None:
        """A faster form of the module; None, and a line on stderr, where it cannot be made or says something else."""
        try:
            made = make()
            differ = difference(made, self.logits, noise(self.size, self.module))
        except Exception as error:  # networks fail in any way where they cannot be followed
            differ = reason_of(error)
        if not differ:
            return made
        print(f"{self.name}: is run {instead}: {differ}", file=sys.stderr)
        return None

    @torch.no_grad()
    def activations(self, x: Tensor) -> dict[int, Tensor]:
        """Inputs (B, 3, size, size) to the maps of each depth, {depth: (B, C, h, w)}, at their own size.

        Raises ValueError where the node of a depth gives no map.
        """
        with evaluating(self._trunk):
            maps = self._extractor()(x)
        found = {depth: channels_first(maps[node]) for depth, node in self.depths.items()}
        for depth, values in found.items():
            if values.ndim != 4:
                raise ValueError(
                    f"depths of {self.name!r}: node {self.depths[depth]!r} of depth {depth} gives values of shape "
                    f"{tuple(values.shape)}, no maps (B, C, h, w); name another one (activations.depths)"
                )
        return found

    def shapes(self) -> dict[int, tuple[int, int, int]]:
        """Channels, height and width of the map of each depth."""
        maps = self.activations(torch.zeros(1, 3, self.size, self.size, device=self.device))
        return {depth: (m.shape[1], m.shape[2], m.shape[3]) for depth, m in maps.items()}

    @torch.no_grad()
    def n_classes(self) -> int:
        """Number of logits."""
        return self.logits(torch.zeros(1, 3, self.size, self.size, device=self.device)).shape[1]


def array_of(image: Photo) -> np.ndarray:
    """A photo as (H, W, 3) uint8; a file is read by `nas.data.read_image`, an image of Pillow turned into RGB.

    Raises
    ------
    ValueError : an array of another shape or dtype, or a file that is no photo
    """
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image))
    found = np.asarray(image.convert("RGB") if isinstance(image, Image.Image) else image)
    if found.dtype != np.uint8 or found.ndim != 3 or found.shape[2] != 3 or found.size == 0:
        raise ValueError(
            f"image has shape {found.shape} and dtype {found.dtype}; give a photo (H, W, 3) uint8, of 0 to 255, an "
            "image of Pillow, or the path of a file"
        )
    return found


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
    backend: Backend = "openvino",
) -> Classifier:
    """Load a trained classifier.

    Parameters
    ----------
    name : a key of `NETWORKS`, or any classifier of torchvision or timm
    weights : file with a state dict, .safetensors or a torch file that `weights_only=True` reads. By default
        the official weights, fetched once into the user's cache folder and checked.
    depths : depth to graph node, in place of those of the description
    device : "cuda" if there is one, else "cpu", by default
    backend : "openvino" or "torch", see `Classifier`

    Raises
    ------
    ValueError : unknown name, refused weights, or a node that the network lacks
    SourceError : official weights that cannot be had
    """
    found = find_network(name)
    if depths is not None:
        found = Network(**{**found.__dict__, "depths": depths})
    if weights is None:
        if found.weights is None:
            raise ValueError(f"classifier {name!r} has weights that are not fetched: give weights=FILE")
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neuro-activated-superpixels"
        weights = cache / f"{name}.pth"
        if not weights.exists():
            found.weights.fetch(weights, workspace=cache)
    module = build(found)
    load_weights(module, Path(weights))
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Classifier(name, module, found, device, backend=backend)
