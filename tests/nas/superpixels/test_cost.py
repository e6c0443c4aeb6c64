from pathlib import Path

import numpy as np
import pytest
from plain import store

from nas.superpixels.cost import bytes_of_superpixels


@pytest.mark.parametrize("side", [32, 57])
def test_the_bytes_are_those_of_the_files_but_for_their_notes(tmp_path: Path, side: int) -> None:
    labels = {f"slic.{number}": np.zeros((side, side), np.uint16) for number in range(4)}
    folder = store(tmp_path / "superpixels", dict.fromkeys("abc", labels))
    found = sum(path.stat().st_size for path in folder.glob("shard-*"))
    assert 0 <= found - 3 * bytes_of_superpixels(4, side) < 3 * 1000
