"""Whether a copy of this process (fork) would work."""

from pathlib import Path

THREADS = Path("/proc/self/task")  # of this process, on Linux
LIBRARIES = Path("/proc/self/maps")  # that it has loaded
COPIED = {"jemalloc_bg_thd"}  # threads that a copy has, too, or does without


def can_be_copied() -> bool:
    """Whether a copy of this process works: one that has threads, or the driver of a GPU, has none in its copy."""
    names = [file.read_text().strip() for file in THREADS.glob("*/comm")]
    return sum(name not in COPIED for name in names) == 1 and "libcuda.so" not in LIBRARIES.read_text()
