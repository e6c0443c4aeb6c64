"""What many tests hold results against, built the plain way, and what earlier stages would have stored."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from nas.data.records import Record
from nas.networks.activations import FORWARD
from nas.networks.descriptions import build, find_network
from nas.networks.forward import Forward
from nas.networks.heads import Fit, write_head
from nas.saliency.maps import normalize, resize_map
from nas.store.files import write_json
from nas.store.shards import Shard, gather, write_shard


def plain_columns(maps: Sequence[Tensor], size: tuple[int, int], weighting: str | None, mode: str) -> Tensor:
    """(B, H * W, sum of channels): resized, divided by the norm, weighted, concatenated; without activations, zero."""
    parts = []
    for m in maps:
        resized = interpolate(m, size=size, mode=mode, align_corners=None if mode == "nearest-exact" else False)
        norms = resized.square().sum(dim=1, keepdim=True).sqrt()
        weight = (1 + maps[0].shape[1]) / (1 + m.shape[1]) if weighting == "channels" else 1
        parts.append(weight * torch.where(norms > 0, resized / norms, 0))
    return torch.cat(parts, dim=1).flatten(2).mT


def normal(seed: int, *shape: int) -> Tensor:
    """Standard normal values, float64."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def flood(labels: NDArray[Any]) -> NDArray[Any]:
    """Connected components by depth-first search from each pixel in raster order."""
    height, width = labels.shape
    found = np.full(labels.shape, -1)
    for start in np.ndindex(labels.shape):
        if found[start] >= 0:
            continue
        name, stack = found.max() + 1, [start]
        while stack:
            i, j = stack.pop()
            if not (0 <= i < height and 0 <= j < width) or found[i, j] >= 0 or labels[i, j] != labels[start]:
                continue
            found[i, j] = name
            stack += [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
    return found


def store(folder: Path, photos: Mapping[str, Mapping[str, Any]]) -> Path:
    """Shards of one photo each, {photo: {name: array}}, as a stage writes them."""
    parts = []
    for number, (photo, arrays) in enumerate(photos.items()):
        stacked = {name: np.asarray(each)[None] for name, each in arrays.items()}
        parts.append(folder.with_name(f"parts of {folder.name}") / f"{number}.safetensors")
        write_shard(Shard([photo], stacked), parts[-1])
    gather(parts, folder)
    return folder


def write_network(folder: Path, name: str = "mobilenet_v2", seed: int = 0) -> tuple[Path, Path]:
    """Random weights whose predictions depend on the photo, and a head that says there is none: their paths."""
    weights, head = folder / f"{name}.safetensors", folder / "head"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = build(find_network(name))
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_var.fill_(0.2)  # else the signal dies out on its way
            if isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, std=0.5)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(module.state_dict(), weights)
    write_head(head, None, Fit("none is tested"))
    return weights, head


def store_activations(folder: Path, photos: Mapping[str, Mapping[str, Any]]) -> Path:
    """Views, maps `depthN` and logits of photos; as all maps are stored, no network is loaded to read them."""
    names = next(iter(photos.values()))
    depths = {name.removeprefix("depth"): f"layer of {name}" for name in names if name.startswith("depth")}
    network = {"classifier": "mobilenet_v2", "weights": "none", "sha256": "0" * 64, "depths": depths}
    write_json(
        store(folder, photos) / FORWARD,
        network | asdict(Forward(1)),
    )
    return folder


def record_of(folder: Path, photo: str, mask: NDArray[np.uint8] | None = None, **known: Any) -> Record:
    """A photo of which only the truth is there; its mask, if it has one, as a file in `folder`."""
    if mask is not None:
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(folder / f"{photo}.png")
        known |= {"mask": folder / f"{photo}.png", "size": mask.shape}
    return Record(photo, folder / "absent.png", f"{photo:0>64}", **known)


def plain_boxes(image: NDArray[np.uint8], cut: int, multi_contour: bool) -> list[list[int]]:
    """Choe et al. 2020: binarize, find contours, take bounding boxes; none where nothing lies above the cut."""
    height, width = image.shape
    binary = np.where(image > cut, 255, 0).astype(np.uint8)
    contours = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[-2]
    if not multi_contour and contours:
        contours = [max(contours, key=cv2.contourArea)]
    boxes = []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        boxes.append([x, y, min(x + w, width - 1), min(y + h, height - 1)])
    return boxes


def plain_iou(a: Sequence[int], b: Sequence[int]) -> float:
    """By drawing both boxes, corners included."""
    pixels = [{(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)} for x0, y0, x1, y1 in (a, b)]
    return len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])


def plain_best_ious(saliency: NDArray[Any], true: Sequence[Sequence[int]], multi_contour: bool) -> list[float]:
    """Quantize, then for each of 1000 thresholds the best IoU of any box with any true one."""
    image = np.floor(saliency * 255).astype(np.uint8)
    best: dict[int, float] = {}
    found = []
    for threshold in np.arange(0, 1, 0.001):
        cut = int(threshold * image.max())
        if cut not in best:
            boxes = plain_boxes(image, cut, multi_contour) or [[0, 0, 0, 0]]
            best[cut] = max(plain_iou(a, b) for a in boxes for b in true)
        found.append(best[cut])
    return found


def random_map(seed: int) -> NDArray[np.float64]:
    """A map in [0, 1] of a random kind and size: noise, blocks, blurred, few levels, binary, constant, a line."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 24, 2)
    noise = rng.random((height, width))
    small = rng.random((height // 4 + 1, width // 4 + 1))
    kind = rng.integers(8)
    if kind == 0:
        return noise
    if kind == 1:
        return np.kron(small, np.ones((4, 4)))[:height, :width]
    if kind == 2:
        return normalize(cv2.GaussianBlur(noise, (0, 0), 1.5))
    if kind == 3:
        return np.floor(noise * rng.integers(2, 6)) / 5
    if kind == 4:
        return (noise < rng.uniform(0.2, 0.8)).astype(np.float64)
    if kind == 5:
        return np.full((height, width), rng.choice([0.0, 0.003, 0.5, 1.0]))
    if kind == 6:
        return noise[:1] * 0.7
    return normalize(resize_map(small, (height, width)))


def random_boxes(rng: np.random.Generator, height: int, width: int, n: int) -> list[list[int]]:
    """Boxes inside an image, x0, y0, x1, y1."""
    x, y = (np.sort(rng.integers(0, side, (n, 2)), axis=1) for side in (width, height))
    return [[x0, y0, x1, y1] for (x0, x1), (y0, y1) in zip(x.tolist(), y.tolist(), strict=True)]
