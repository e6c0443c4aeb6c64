"""Whether two processes would make the same bytes of the same data."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from nas.store.code import LIBRARY, code_of, versions

# of numerical libraries, and of the order of sums on a GPU
SETTINGS = ("CUBLAS_WORKSPACE_CONFIG", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
CODE = "the code of nas"


def described(network: bool, root: Path | None = None, token: str = "") -> dict[str, str]:
    """What bytes depend on beside code and data, of this process: name to value.

    Parameters: `root`, `token`, a folder and the name of a file in it that has to be there.
    """
    found = {CODE: code_of(frozenset(LIBRARY.rglob("*.py"))), "Python": platform.python_version()}
    found |= versions() | {name: os.environ.get(name, "not set") for name in SETTINGS}
    found["the processor"] = platform.machine()
    if network:
        import torch

        found["the processor"] += f" with {torch.backends.cpu.get_cpu_capability()}"
        found["the device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    if root is not None:
        found[f"the folder {root}"] = "seen" if root.joinpath(token).is_file() else "not seen"
    return found


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """What differs, each in a few words."""
    found = []
    for name, value in here.items():
        other = there.get(name, "missing")
        if other != value:
            found.append(f"{name} is another" if name == CODE else f"{name} is {other} there and {value} here")
    return found
