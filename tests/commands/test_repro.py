"""What `make repro` does around DVC: params.yaml is checked first, and what a failed stage lost is restored."""

import json
import os
import subprocess
import sys
import time
from functools import partial

import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import parse_yaml
from small import dvc, environment_of

from commands import repro
from stages.params import check

# of a stage that is slow: what it makes once it may
SLOW = """
import sys, time
from pathlib import Path
out = Path("data/s"); out.mkdir(parents=True)
(out / "1").write_text("new"); Path("begun").touch()
while not Path("go").exists(): time.sleep(0.01)
if Path("fails").exists(): sys.exit(1)
(out / "2").write_text("new")
"""


@pytest.fixture
def project(root, tmp_path, monkeypatch):
    """A folder with one stage, whose command is SLOW, after its first run."""
    tmp_path = tmp_path / "project"
    tmp_path.mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    (tmp_path / "slow.py").write_text(SLOW)
    stage = {"cmd": f"{sys.executable} slow.py", "deps": ["dep"], "outs": ["data/s"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"s": stage}}))
    subprocess.run(["git", "init", "--quiet"], check=True)
    dvc(tmp_path, "init", "--quiet")
    (tmp_path / "dep").write_text("1")
    (tmp_path / "go").touch()
    dvc(tmp_path, "repro", "--quiet")
    assert files(tmp_path) == {"1": "new", "2": "new"}
    (tmp_path / "data/s/1").chmod(0o644)
    (tmp_path / "data/s/1").write_text("former")  # told apart from what another run makes
    dvc(tmp_path, "commit", "--quiet", "--force")
    for name in ("go", "begun"):
        (tmp_path / name).unlink()
    (tmp_path / "dep").write_text("2")
    return tmp_path


def files(folder):
    return {path.name: path.read_text() for path in (folder / "data/s").glob("*")}


def start(root, folder):
    command = [sys.executable, "-m", "commands.repro"]
    environment = environment_of(folder) | {"PYTHONPATH": str(root)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)  # fmt: skip


def wait_for(path):
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_stage_that_fails_loses_nothing(root, project):
    (project / "fails").touch()
    (project / "go").touch()
    running = start(root, project)
    said = running.communicate()[1]
    assert running.returncode == 1 and "failed to reproduce 's'" in said
    assert files(project) == {"1": "former", "2": "new"}


@pytest.mark.parametrize("first", ["make repro", "dvc repro"])
def test_a_second_one_is_refused_in_one_line_and_leaves_what_the_first_makes(root, project, first):
    dvc_alone = partial(subprocess.Popen, [repro.DVC, "repro"], env=environment_of(project), stderr=subprocess.PIPE)
    running = start(root, project) if first == "make repro" else dvc_alone(text=True)
    wait_for(project / "begun")
    second = start(root, project)
    (line,) = second.communicate()[1].splitlines()
    assert second.returncode == 1
    assert line.startswith("error: another make repro is" if first == "make repro" else "error: DVC is running here")
    assert files(project) == {"1": "new"}
    (project / "go").touch()
    said = running.communicate()[1]
    assert (running.returncode, said) == (0, "") and files(project) == {"1": "new", "2": "new"}


def test_wrong_parameters_are_one_line_and_nothing_runs(root, tmp_path, monkeypatch):
    text = (root / "params.yaml").read_text()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text.replace("datasets: [sample]", "datasets: [sample; touch X]"))
    monkeypatch.setattr(subprocess, "call", lambda *_: pytest.fail("DVC was run"))
    with pytest.raises(SystemExit) as caught:
        repro.main()
    assert caught.value.code.startswith("error: params.yaml: datasets.0 is 'sample; touch X': String should match")
    assert "\n" not in caught.value.code


def test_a_dvc_that_lives_is_one_that_runs(tmp_path):
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    living, other, zombie = (subprocess.Popen([*sleeping, name]) for name in ("dvc", "other", "dvc"))
    zombie.kill()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked for it
    locks = tmp_path / "rwlock"
    assert repro.running(locks) == []
    for write, read, lives in (
        ([], [], False),
        ([zombie], [], False),
        ([other], [], False),
        ([living], [], True),
        ([], [zombie, living], True),
    ):
        of = {process.pid: {"pid": process.pid, "cmd": "dvc repro"} for process in (*write, *read)}
        noted = {"write": dict(zip("a", [of[each.pid] for each in write], strict=False))}
        noted["read"] = {"b": [of[each.pid] for each in read]}
        locks.write_text(json.dumps(noted))
        assert repro.running(locks) == ([f"process {living.pid}: dvc repro"] if lives else [])
    for process in (living, other, zombie):
        process.kill()
        process.wait()
    assert repro.running(locks) == []


def test_notes_of_a_dvc_that_was_killed_block_no_later_one(root, project, monkeypatch):
    """Its number is that of a process that nobody has asked for, or that of another program."""
    (project / "go").touch()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    other = subprocess.Popen(["sleep", "60"])
    noted = {"write": {str(project / "data/s"): {"pid": zombie.pid, "cmd": "dvc repro"}}}
    noted["read"] = {str(project / "data/s"): [{"pid": other.pid, "cmd": "dvc repro"}]}
    (project / repro.LOCKS).parent.mkdir(parents=True, exist_ok=True)
    (project / repro.LOCKS).write_text(json.dumps(noted))
    running = start(root, project)
    said = running.communicate()[1]
    for process in (zombie, other):
        process.kill()
        process.wait()
    assert running.returncode == 0 and files(project) == {"1": "new", "2": "new"}, said


def test_notes_of_files_that_are_no_longer_named_are_removed(root, tmp_path):
    content = yaml.safe_load((root / "params.yaml").read_text())
    content["download"]["root"], content["weights"]["files"] = {"cub": "~/cub"}, {"vgg16": "a.pth"}
    names = [f"{kind}/{name}.json" for kind in ("photos", "weights") for name in ("cub", "vgg16")]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    repro.tidy(tmp_path, check(content, "params.yaml"))
    left = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")]
    assert sorted(left) == ["photos/cub.json", "weights/vgg16.json"]


@pytest.mark.parametrize("content", ["", '{"data/raw', "\x00"])
def test_what_a_killed_dvc_left_half_written_is_removed_with_a_line(tmp_path, monkeypatch, capsys, content):
    monkeypatch.setattr(repro, "MOMENT", 0.0)
    locks = tmp_path / "rwlock"
    locks.write_text(content)
    repro.mend(locks)
    said = capsys.readouterr().err
    assert not locks.exists() and said.startswith(f"{locks}: was left half-written") and said.count("\n") == 1
    repro.mend(locks)
    assert capsys.readouterr().err == ""


def test_what_a_living_dvc_writes_stays(tmp_path, monkeypatch):
    locks, written = tmp_path / "rwlock", '{"data/raw": {"read": []}}'
    locks.write_text(written[:5])
    monkeypatch.setattr("time.sleep", lambda _seconds: locks.write_text(written))
    repro.mend(locks)
    assert locks.read_text() == written
    repro.mend(locks)
    assert locks.read_text() == written


def test_what_dvc_was_killed_while_it_wrote_of_stages_stops_no_later_one(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(repro, "MOMENT", 0.0)
    made, whole = tmp_path / "dvc.lock", "".join((root / "dvc.lock").read_text().splitlines(keepends=True)[:50])
    assert whole.count("    cmd: ") == 2
    n_removed = 0
    for n in range(len(whole) + 1):
        made.write_text(whole[:n])
        repro.mend(made, repro.read_made)
        n_removed += not made.exists()
        if made.exists():  # as DVC itself reads it
            COMPILED_LOCKFILE_SCHEMA(parse_yaml(made.read_text(), str(made)))
    assert made.read_text() == whole and 0 < n_removed < len(whole)
    assert capsys.readouterr().err.count(f"{made}: was left half-written") == n_removed


def test_after_that_everything_is_made_as_before(root, project):
    (project / "go").touch()
    (project / "dvc.lock").write_text("schema: '2.0'\nstages:\n  s:\n    cmd: x\n    deps:\n    - md5: 1\n")
    running = start(root, project)
    said = running.communicate()[1]
    assert running.returncode == 0 and files(project) == {"1": "new", "2": "new"}
    assert said == "dvc.lock: was left half-written by a DVC that was killed; removed\n"
    assert "s:" in (project / "dvc.lock").read_text()
