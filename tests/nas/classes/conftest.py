"""Photos of birds and dogs made up here: what a network would have seen of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plain import record_of, store_activations
from torch import Tensor

from nas.data.records import Record

SIDE, CHANNELS = 8, {2: 4, 3: 5, 4: 6}
CLASSES = {"b0": "crane", "d0": "collie", "b1": "crane", "d1": "collie", "b2": "owl"}


def maps_of(photo: str) -> dict[str, Any]:
    """Smooth activations with a middle that differs, at three depths."""
    generator = np.random.default_rng(list(photo.encode()))
    maps = {}
    for depth, channels in CHANNELS.items():
        side = SIDE >> (depth - 2)
        noise = generator.normal(size=(channels, side, side))
        noise[:, side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] += 2 * np.arange(channels)[:, None, None]
        maps[f"depth{depth}"] = noise.astype(np.float32)
    return maps


@pytest.fixture(scope="session")
def activations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of stored activations of all photos."""
    folder = tmp_path_factory.mktemp("activations") / "stored"
    return store_activations(folder, {photo: maps_of(photo) for photo in CLASSES})


@pytest.fixture(scope="session")
def birds() -> list[Record]:
    return [record_of(Path(), photo, class_name=CLASSES[photo], super_class="bird") for photo in ("b0", "b1", "b2")]


@pytest.fixture(scope="session")
def stacked() -> Callable[[list[str]], dict[int, Tensor]]:
    """A function that gives the maps of some photos as one batch."""

    def stack(photos: list[str]) -> dict[int, Tensor]:
        maps = [maps_of(photo) for photo in photos]
        return {depth: torch.from_numpy(np.stack([m[f"depth{depth}"] for m in maps])) for depth in CHANNELS}

    return stack
