"""The surroundings of a program: what could change numbers or pixels from outside is not let in."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# who runs it and where, what is given to it on purpose, and the way to the network; all else stays out
KEPT = (
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "CURL_CA_BUNDLE",
    "HOME",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "NETRC",
    "PATH",
    "REQUESTS_CA_BUNDLE",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "USER",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",  # of pip; matplotlib, Jupyter and IPython have their own below
)
BEGINNINGS = ("DVC_", "NAS_", "PIP_")  # PIP_INDEX_URL and its like say where packages come from
# of numerical libraries: last bits of a sum differ with their number, so it is one in every process, of which there
# are as many as cores; a network has activations.threads
THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
MOMENT = 3.0  # seconds; matplotlib itself waits for five
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def of_own_making(given: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """The environment in which a program runs: some variables of `given`, and some that are the same everywhere.

    Parameters: `scratch`, a folder for what other libraries write, and where they find no settings of the user's.
    """
    kept = {
        name: value
        for name, value in given.items()
        if name in KEPT or name.startswith(BEGINNINGS) or name.lower() in PROXIES
    }
    fixed = {
        **dict.fromkeys(THREADS, "1"),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_CONFIG_DIR": str(scratch / "jupyter"),
        "JUPYTER_DATA_DIR": str(scratch / "jupyter"),
        "JUPYTER_PREFER_ENV_PATH": "0",  # the kernel of that folder, not the one of .venv
        "LC_ALL": "C.UTF-8",
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
    }
    return kept | fixed


def settle(scratch: Path) -> None:
    """Make this the environment of the running program and of all that it starts; before other libraries look at it."""
    os.umask(0o022)
    made = of_own_making(os.environ, scratch.resolve())
    for name in set(os.environ) - set(made):
        del os.environ[name]
    os.environ.update(made)
    unlock(scratch)


def unlock(scratch: Path) -> None:
    """Remove a lock of matplotlib's list of fonts that a killed process left: later ones would wait, and warn in pages.

    It is held while a file is written, for a moment: one that is older than that is nobody's.
    """
    for lock in (scratch / "matplotlib").glob("*.matplotlib-lock"):
        with suppress(OSError):  # it is gone, or not ours
            age = time.time() - lock.stat().st_mtime
            if 0 <= age < MOMENT:
                time.sleep(MOMENT - age)
            lock.unlink()
