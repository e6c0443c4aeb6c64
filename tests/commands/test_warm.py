"""Programs that start as copies of a process: they are what they would be had they been started on their own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from small import ROOT

from commands import warm

SERVER = "import sys; from commands import warm; warm.LIBRARIES = ('fractions', 'no_such_library'); warm.main()"
CLIENT = "import sys; from stages.warm import ask; code = ask('program', sys.argv[1:]); "
CLIENT += "sys.exit('nobody' if code is None else code)"
PROGRAM = """
import os, signal, sys, time
from pathlib import Path

from stages.warm import ask

what = sys.argv[1]
if what == "tell":
    loaded = "fractions" in sys.modules
    mask = os.umask(0)
    said = [os.environ.get(name) for name in ("SAID", "SERVED")]
    print(__name__, oct(mask), sys.argv[1:], *said, loaded, ask("program", []))
    print(sys.stdin.read(), end="")
    print("to stderr", file=sys.stderr)
elif what == "fail":
    raise ValueError("of the program")
elif what == "exit":
    sys.exit(3)
elif what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
elif what == "wait":
    try:
        Path(sys.argv[2]).write_text(f"{os.getpid()} {os.getppid()} {os.getpgrp()}")
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(130)
"""


@contextmanager
def server(folder):
    (folder / "program.py").write_text(PROGRAM)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SERVED": "yes"}
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE, process_group=0) as one:
        try:
            until(lambda: (folder / warm.SOCKET).exists())
            yield one
        finally:
            if one.poll() is None:
                os.killpg(one.pid, signal.SIGKILL)


def until(holds):
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def client(folder, *arguments, **settings):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SAID": "é x"}
    command = [sys.executable, "-X", "utf8", "-c", CLIENT, *arguments]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, encoding="utf-8", umask=0o27, **pipes,
                            **settings)  # fmt: skip


def result(folder, *arguments, given=""):
    with client(folder, *arguments) as one:
        out, err = one.communicate(given, timeout=60)
        return one.returncode, out, err


def test_a_program_has_its_own_arguments_surroundings_and_files(tmp_path):
    with server(tmp_path):
        code, out, err = result(tmp_path, "tell", "a b", given="typed")
        assert (code, out) == (0, "__main__ 0o27 ['tell', 'a b'] é x None True None\ntyped")
        assert err == "to stderr\n"
        assert result(tmp_path, "tell")[1].startswith("__main__ 0o27 ['tell'] é x")  # another one after it


def test_the_end_of_a_program_is_that_of_whoever_asked(tmp_path):
    with server(tmp_path) as served:
        assert result(tmp_path, "exit") == (3, "", "")
        assert result(tmp_path, "die")[0] == 128 + signal.SIGKILL
        code, out, err = result(tmp_path, "fail")
        assert (code, out) == (1, "") and err.endswith("ValueError: of the program\n")
        assert served.poll() is None  # whatever became of its copies


def numbers(file):
    """Of a program that waits: its process, the one that keeps it, its group."""
    until(lambda: file.exists() and file.read_text())
    return [int(number) for number in file.read_text().split()]


@pytest.mark.parametrize("ended", ["who asked", "who keeps it"])
def test_a_program_ends_with_whoever_asked_and_whoever_keeps_it(tmp_path, ended):
    with server(tmp_path), client(tmp_path, "wait", "started") as one:
        process, keeper, _ = numbers(tmp_path / "started")
        os.kill(one.pid if ended == "who asked" else keeper, signal.SIGKILL)
        until(lambda: not is_running(process))
        assert one.wait(timeout=60) == (-signal.SIGKILL if ended == "who asked" else 1)


def test_a_program_that_asks_as_the_child_of_another_ends_with_that(tmp_path):
    child = [sys.executable, "-m", "stages.warm", "program", "wait", "started"]
    parent = f"import subprocess; subprocess.run({child}, start_new_session=True)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    with server(tmp_path), subprocess.Popen([sys.executable, "-c", parent], cwd=tmp_path, env=environment) as one:
        process, *_ = numbers(tmp_path / "started")
        one.kill()
        until(lambda: not is_running(process))


def test_ctrl_c_is_for_the_programs(tmp_path):
    with server(tmp_path) as served:
        ones = [client(tmp_path, "wait", name, process_group=served.pid) for name in ("first", "second")]
        for name in ("first", "second"):
            assert numbers(tmp_path / name)[2] == served.pid
        os.killpg(served.pid, signal.SIGINT)
        for one in ones:
            out, _ = one.communicate(timeout=60)
            assert (one.returncode, out) == (130, "interrupted\n")
        assert result(tmp_path, "exit")[0] == 3  # it goes on


@pytest.mark.parametrize("own", [{"process_group": 0}, {"start_new_session": True}])
def test_ctrl_c_in_another_terminal_is_for_the_program_there(tmp_path, own):
    with server(tmp_path):
        one, other = client(tmp_path, "wait", "one", **own), client(tmp_path, "wait", "other", **own)
        numbers(tmp_path / "one"), numbers(tmp_path / "other")
        os.killpg(one.pid, signal.SIGINT)
        assert one.communicate(timeout=60)[0] == "interrupted\n" and one.returncode == 130
        assert other.poll() is None
        other.kill()
        other.communicate()


def test_it_ends_with_its_input(tmp_path):
    with server(tmp_path) as served:
        served.stdin.close()
        assert served.wait(timeout=60) == 0


def test_a_request_that_is_too_long_for_the_socket_is_run_by_oneself(tmp_path):
    with server(tmp_path):
        assert result(tmp_path, *["x" * 100_000] * 10)[2] == "nobody\n"


def test_all_libraries_leave_one_that_can_be_copied():
    program = "from importlib import import_module; from commands import warm; "
    program += "[import_module(each) for each in warm.LIBRARIES]; print(warm.can_be_copied()); "
    program += "from threading import Thread, Event; Thread(target=Event().wait, daemon=True).start(); "
    program += "print(warm.can_be_copied()); import sys; print([name for name in sys.modules if name[:4] == 'nas.'])"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=os.environ | threads, check=True,
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout.splitlines() == ["True", "False", "[]"]


def is_running(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(autouse=True)
def _on_linux():
    if not sys.platform.startswith("linux"):
        pytest.skip("copies are made on Linux")
