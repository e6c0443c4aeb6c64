import os
from pathlib import Path

import pytest
from small import ROOT, tracked_files

pytest_plugins = ["projects", "class_projects"]
# these networks and photos are so small that threads, where other work goes on, wait for each other most of the time;
# set before torch is imported, for the programs too that tests start
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """See `small.tracked_files`."""
    return tracked_files()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that takes longest by far comes first, so that no process waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_end_to_end.py")
