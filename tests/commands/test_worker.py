"""Processes of a machine for a cluster."""

import subprocess
import sys

import pytest
import torch

from commands import worker
from nas.store import n_cores


def test_without_gpus_there_is_a_process_for_each_core_or_as_many_as_are_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert list(worker.groups(None)) == [({}, n_cores())] and list(worker.groups(3)) == [({}, 3)]


@pytest.mark.parametrize(
    ("visible", "n", "expected"),
    [
        (
            None,
            4,
            [({"CUDA_VISIBLE_DEVICES": "0"}, 1), ({"CUDA_VISIBLE_DEVICES": "1"}, 1), ({"CUDA_VISIBLE_DEVICES": ""}, 2)],
        ),
        ("5,7", 2, [({"CUDA_VISIBLE_DEVICES": "5"}, 1), ({"CUDA_VISIBLE_DEVICES": "7"}, 1)]),
        ("5,7", 1, [({"CUDA_VISIBLE_DEVICES": "5"}, 1)]),
    ],
)
def test_each_gpu_has_a_process_and_the_other_processes_have_none(monkeypatch, visible, n, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert list(worker.groups(n)) == expected


@pytest.mark.parametrize("given", [[], ["tcp://h:1", "two"], ["tcp://h:1", "2", "3"]])
def test_what_it_is_given_is_checked(root, given):
    command = [sys.executable, "-m", "commands.worker", *given]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"error: {worker.USAGE}\n")
