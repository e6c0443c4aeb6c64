"""Programs where nobody waits at the socket; where somebody does, see tests/commands/test_warm.py."""

import os
import socket
import subprocess
import sys

from small import ROOT

from stages import warm


def test_where_nobody_waits_a_program_runs_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert warm.ask("program", []) is None
    (tmp_path / warm.SOCKET).parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:  # by one that was killed
        left.bind(str(warm.SOCKET))
    assert (tmp_path / warm.SOCKET).exists() and warm.ask("program", []) is None


def test_any_module_runs_as_a_program(tmp_path):
    (tmp_path / "program.py").write_text("import sys; print(__name__, sys.argv[1:]); sys.exit(3)")
    command = [sys.executable, "-m", "stages.warm", "program", "a b"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "__main__ ['a b']\n", "")
