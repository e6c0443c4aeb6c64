"""A benchmark still runs; how fast it says the project is, `make bench` tells."""

import subprocess
import sys


def test_the_benchmark_of_relevance_curves_runs(root):
    command = [sys.executable, "benchmarks/relevance.py", "--photos", "1", "--steps", "1"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "curves of 1 photos" in done.stdout and "images evaluated" in done.stdout
