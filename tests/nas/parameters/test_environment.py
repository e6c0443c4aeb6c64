"""What is let in from outside."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nas.parameters.environment import of_own_making, unlock

HOSTILE = {
    "OMP_NUM_THREADS": "7",
    "MKL_NUM_THREADS": "7",
    "OPENBLAS_NUM_THREADS": "7",
    "OMP_DYNAMIC": "true",
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "default",
    "MPLBACKEND": "nope",
    "MPLCONFIGDIR": "/nowhere",
    "PYTHONSTARTUP": "/nowhere.py",
    "PYTHONSAFEPATH": "1",
    "PYTHONPATH": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PYTHONHASHSEED": "7",
    "LC_ALL": "de_DE.ISO-8859-1",
    "LANG": "tr_TR.UTF-8",
    "NVIDIA_TF32_OVERRIDE": "1",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1",
    "JUPYTER_CONFIG_DIR": "/nowhere",
    "IPYTHONDIR": "/nowhere",
}
WANTED = {
    "PATH": "/bin",
    "HOME": "/h",
    "DVC_STAGE": "x@y",
    "NAS_DEBUG": "1",
    "PIP_INDEX_URL": "i",
    "TMPDIR": "/t",
    "TMP": "/t2",
    "TEMP": "/t3",
    "CUDA_VISIBLE_DEVICES": "0",
    "LD_LIBRARY_PATH": "/l",
    "SSL_CERT_FILE": "c",
    "SSL_CERT_DIR": "/c",
    "REQUESTS_CA_BUNDLE": "r",
    "VIRTUAL_ENV": "/v",
    "XDG_CACHE_HOME": "/x",
    "XDG_CONFIG_HOME": "/g",
    "NETRC": "n",
    "CURL_CA_BUNDLE": "b",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    "USER": "u",
}
# as curl, requests and pip know them
WANTED |= {
    name: "p" for lower in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (lower, lower.upper())
}


def test_what_changes_numbers_or_pixels_stays_out_and_what_is_needed_is_kept(tmp_path):
    made = of_own_making(HOSTILE | WANTED, tmp_path)
    assert made == of_own_making(WANTED, tmp_path) and made.items() >= WANTED.items()
    assert not {name for name in HOSTILE if made.get(name) == HOSTILE[name]}
    assert made["MPLCONFIGDIR"] == str(tmp_path / "matplotlib") and made["LC_ALL"] == "C.UTF-8"
    assert made["OMP_NUM_THREADS"] == made["MKL_NUM_THREADS"] == made["OPENBLAS_NUM_THREADS"] == "1"


def test_a_program_and_what_it_starts_have_it(tmp_path):
    program = """
import os, subprocess, sys
from pathlib import Path
from nas.parameters import settle
settle(Path("scratch"))
sys.stdout.flush()
print(sorted(os.environ.items()) == sorted(eval(subprocess.run(
    [sys.executable, "-c", "import os; print(list(os.environ.items()))"], capture_output=True, text=True).stdout)))
print(os.environ.get("OMP_NUM_THREADS"), os.environ["PYTHONUTF8"])
open("made", "w").close()
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "7"}
    done = subprocess.run([sys.executable, "-c", f"import os; os.umask(0o077)\n{program}"], cwd=tmp_path,
                          env=environment, capture_output=True, text=True)  # fmt: skip
    assert done.stdout.split() == ["True", "1", "1"], done.stderr
    assert Path(tmp_path, "made").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("age", [0.0, 60.0, -86400.0], ids=["just now", "long ago", "tomorrow"])
def test_a_lock_that_a_killed_process_left_is_removed(tmp_path, age):
    lock = tmp_path / "matplotlib" / "fontlist-v1.json.matplotlib-lock"
    lock.parent.mkdir()
    lock.touch()
    os.utime(lock, (time.time() - age,) * 2)
    unlock(tmp_path)
    assert not lock.exists()


def test_without_a_lock_nothing_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    unlock(tmp_path)
    (tmp_path / "matplotlib").mkdir()
    unlock(tmp_path)
