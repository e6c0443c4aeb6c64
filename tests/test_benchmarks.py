"""A benchmark still runs; how fast it says the project is, `make bench` tells."""

import subprocess
import sys


def test_the_benchmark_of_k_means_runs(root):
    few = ["--sizes", "14", "--clusters", "3", "--rounds", "1", "--iterations", "2"]
    done = subprocess.run([sys.executable, "benchmarks/kmeans.py", *few], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    _, row = done.stdout.splitlines()
    assert row.split()[:2] == ["14", "3"] and row.split()[7] == "0.00%"


def test_the_benchmark_of_passes_runs(root):
    few = ["squeezenet1_1", "--batches", "1", "--runs", "1"]
    done = subprocess.run([sys.executable, "benchmarks/passes.py", *few], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for row in done.stdout.splitlines()[1:]:
        assert row.split()[0] == "squeezenet1_1" and float(row.split()[-1]) < 1e-4


def test_the_benchmark_of_relevance_curves_runs(root):
    command = [sys.executable, "benchmarks/relevance.py", "--photos", "1", "--steps", "1"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "curves of 1 photos" in done.stdout and "images evaluated" in done.stdout
