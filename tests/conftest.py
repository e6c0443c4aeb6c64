import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytest_plugins = ["projects", "class_projects"]
# these networks and photos are so small that threads, where other work goes on, wait for each other most of the time;
# set before torch is imported, for the programs too that tests start
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Files of the repository, relative to its root: what git tracks, and what it would track if it were added."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def clone(tracked: list[Path]) -> Callable[[Path], Path]:
    """A function that copies the repository into a folder, as a fresh clone would have it: no data, no cache."""

    def copy(folder: Path) -> Path:
        for name in tracked:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        return folder

    return copy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that takes longest by far comes first, so that no process waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_end_to_end.py")
