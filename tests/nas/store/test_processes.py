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


# as a stage is: a process with one thread, whose workers are copies of it
COPIED = """
import os, signal, sys, time
import torch
from nas.store.processes import can_be_copied, in_processes

what, loaded = sys.argv[1], {"here": os.getpid()}

def work(number):
    if what == "fails" and number == 1:
        raise ValueError(f"photo {number}")
    if what == "is killed" and number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "waits":
        print(os.getpid(), flush=True)
        time.sleep(60)
    return number, loaded["here"], os.getpid(), torch.get_num_threads()

assert can_be_copied()
try:
    for each in in_processes(lambda number: work(number), [(number,) for number in range(5)], 3):
        print(*each)
except (ValueError, ChildProcessError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def copied(what, **settings):
    command, pipes = [sys.executable, "-c", COPIED, what], {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=os.environ | ONE_THREAD, text=True, **pipes, **settings)


def test_copies_give_the_results_of_what_is_loaded_and_of_what_cannot_be_pickled():
    with copied("works") as one:
        said, errors = one.communicate(timeout=60)
    rows = [list(map(int, line.split())) for line in said.splitlines()]
    assert (one.returncode, errors) == (0, "") and sorted(row[0] for row in rows) == list(range(5))
    assert {row[1] for row in rows} == {one.pid} and one.pid not in {row[2] for row in rows}
    assert {row[3] for row in rows} == {1}


@pytest.mark.parametrize(
    ("what", "error"), [("fails", "ValueError: photo 1\n"), ("is killed", "ChildProcessError: a process was ended")]
)
def test_an_error_of_a_copy_is_that_of_the_whole_and_leaves_none(what, error):
    with copied(what, start_new_session=True) as one:
        _, errors = one.communicate(timeout=60)
    assert one.returncode == 1 and errors.startswith(error) and running(one.pid) == []


def test_copies_end_with_the_process_that_they_are_of():
    with copied("waits", start_new_session=True) as one:
        workers = [int(one.stdout.readline()) for _ in range(3)]
        one.kill()
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(worker).wait(timeout=60)
