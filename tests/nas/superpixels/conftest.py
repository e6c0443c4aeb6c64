"""Two photos made up here: what a network would have seen of them, and their masks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from plain import record_of, store_activations

from nas.data.records import Record

SIDE = 24


def photo_of(name: str) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The view and the maps at depths 2 and 3 of a photo of a square that stands out, and its mask."""
    generator = np.random.default_rng(list(name.encode()))
    mask = np.zeros((SIDE, SIDE), np.uint8)
    top, left = generator.integers(2, 10, 2)
    mask[top : top + 10, left : left + 12], mask[-1] = 1, 255
    view = generator.integers(0, 60, (SIDE, SIDE, 3)) + 150 * (mask == 1)[..., None]
    maps = {"view": view.astype(np.uint8)}
    for depth, (channels, side) in {2: (4, 12), 3: (6, 6)}.items():
        inside = (mask == 1)[:: SIDE // side, :: SIDE // side]
        noise = generator.normal(size=(channels, side, side)) + 3 * inside * generator.normal(size=(channels, 1, 1))
        maps[f"depth{depth}"] = noise.astype(np.float32)
    return maps, mask


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """A folder of stored activations, and the records of its photos; the last one has no mask."""
    folder = tmp_path_factory.mktemp("photos")
    made = {name: photo_of(name) for name in ("owl", "wren", "crow")}
    records = [record_of(folder / "masks", name, mask) for name, (_, mask) in made.items() if name != "crow"]
    records.append(record_of(folder, "crow", size=(SIDE, SIDE)))
    return store_activations(folder / "activations", {name: maps for name, (maps, _) in made.items()}), records
