"""Whether a process can be copied, in processes of their own."""

import subprocess
import sys

import pytest

PROGRAM = """
from threading import Event, Thread
from nas.store import copies
{}
print(copies.can_be_copied())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="copies are made on Linux")
@pytest.mark.parametrize(
    ("before", "works"),
    [
        ("", True),
        ("Thread(target=Event().wait, daemon=True).start()", False),
        ("copies.LIBRARIES = copies.Path('maps')", False),
        ("copies.THREADS = copies.Path('nowhere')", False),
    ],
)
def test_a_process_with_one_thread_and_no_driver_of_a_gpu_can_be_copied(tmp_path, before, works):
    (tmp_path / "maps").write_text("7f00-7f01 r-xp 0 08:01 7 /usr/lib/libcuda.so.1\n")
    program = [sys.executable, "-c", PROGRAM.format(before)]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{works}\n"
