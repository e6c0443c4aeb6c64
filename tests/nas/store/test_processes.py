"""Calls in other processes: results, errors, threads, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest
import torch

from nas.store.processes import deaf_to_interrupts, in_processes, n_cores


def threads_of(number, text):
    return number, text, torch.get_num_threads(), os.getpid()


def failing(number):
    if number == 1:
        raise ValueError(f"photo {number}")
    return number


def test_every_call_gives_its_result_from_another_process_with_one_thread():
    found = list(in_processes(threads_of, ((n, "x" * n) for n in range(5)), 2))
    assert sorted(found)[0][:3] == (0, "", 1)
    assert sorted((n, text) for n, text, _, _ in found) == [(n, "x" * n) for n in range(5)]
    assert {n_threads for _, _, n_threads, _ in found} == {1} and os.getpid() not in {pid for *_, pid in found}


def test_cores_are_those_that_this_process_may_use():
    program = "import os; from nas.store import n_cores; print(n_cores()); "
    program += "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(n_cores())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == "1" and 1 <= int(done.stdout.split()[0]) <= (os.cpu_count() or 1)
    assert n_cores() >= 1


def test_an_error_of_a_call_is_that_of_the_whole():
    with pytest.raises(ValueError, match=r"^photo 1$"):
        list(in_processes(failing, [(n,) for n in range(4)], 2))


def test_an_interrupt_is_heard_afterwards():
    with pytest.raises(KeyboardInterrupt):
        with deaf_to_interrupts():
            signal.raise_signal(signal.SIGINT)
            reached = True
        time.sleep(1)
    assert reached and signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


PROGRAM = """
import sys, time
from pathlib import Path
from nas.parameters import run_program
from nas.store import in_processes

def wait(number):
    Path(f"started{number}").touch()
    time.sleep(60)

def main(parameters):
    for _ in in_processes(wait, [(n,) for n in range(4)], 2):
        pass

if __name__ == "__main__":
    run_program(dict, main, [], Path("timings.json"))
"""


def test_ctrl_c_is_one_line_and_leaves_no_process(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as program:  # fmt: skip
        try:
            while program.poll() is None and len(list(tmp_path.glob("started*"))) < 2:
                time.sleep(0.05)
            os.killpg(program.pid, signal.SIGINT)  # as a terminal does
            _, said = program.communicate(timeout=60)
            assert said.splitlines() == ["error: interrupted; what is finished is kept: run dvc repro again, and it "
                                         "goes on"]  # fmt: skip
            assert program.returncode == 130
            end = time.monotonic() + 30
            while running(program.pid) and time.monotonic() < end:
                time.sleep(0.05)
            assert running(program.pid) == []
        finally:
            if running(program.pid):
                os.killpg(program.pid, signal.SIGKILL)


def running(group):
    """The processes of a group that have not ended."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def killed(number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_process_that_is_killed_is_one_error_of_ours():
    with pytest.raises(ChildProcessError, match=r"^a process was ended from outside, for lack of memory perhaps; run"):
        list(in_processes(killed, [(n,) for n in range(4)], 2))
