import json

import pytest

from nas.parameters.reading import ParametersError
from nas.parameters.running import run_program


@pytest.fixture
def timings(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["stages/any.py", "x"])
    monkeypatch.delenv("NAS_DEBUG", raising=False)
    return tmp_path / "reports" / "timings.json"


def raising(error):
    def stage(*_arguments):
        raise error

    return stage


ERRORS = {
    "error: one two": ValueError("one\n  two"),
    "error: [Errno 28] No space left on device: 'data/x'": OSError(28, "No space left on device", "data/x"),
    "error: data/x is missing; run dvc repro, which makes it": FileNotFoundError(2, "No such file", "data/x"),
    "error: [Errno 2] No such file: '/x'": FileNotFoundError(2, "No such file", "/x"),
    "error: a is now b\nc is now d": ParametersError(["a is now b", "c is now d"]),  # a line for each key
}


@pytest.mark.parametrize(("said", "error"), ERRORS.items(), ids=["value", "disk", "earlier", "elsewhere", "renamed"])
@pytest.mark.parametrize("where", ["reading", "running"])
def test_an_error_of_the_user_s_is_said_without_a_traceback_and_ends_the_program(timings, capsys, said, error, where):
    read, main = (raising(error), print) if where == "reading" else (dict, raising(error))
    with pytest.raises(SystemExit) as caught:
        run_program(read, main, ["x"], timings)
    assert caught.value.code == said  # Python prints a text on stderr and exits with code 1
    assert capsys.readouterr() == ("", "") and not timings.exists()


def test_the_traceback_is_shown_on_request(timings, capsys, monkeypatch):
    monkeypatch.setenv("NAS_DEBUG", "1")
    with pytest.raises(SystemExit, match=r"^error: one two$"):
        run_program(dict, raising(ValueError("one\n  two")), [], timings)
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback") and "in stage" in shown and shown.endswith("ValueError: one\n  two\n")


@pytest.mark.parametrize("where", ["reading", "running"])
def test_ctrl_c_is_one_line(timings, capsys, monkeypatch, where):
    monkeypatch.setenv("NAS_DEBUG", "1")
    read, main = (raising(KeyboardInterrupt()), print) if where == "reading" else (dict, raising(KeyboardInterrupt()))
    with pytest.raises(SystemExit) as caught:
        run_program(read, main, ["x"], timings)
    assert caught.value.code == 130 and capsys.readouterr().err.startswith("error: interrupted; ")
    assert not timings.exists()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": "soon"}', '{"a": null}', "\x00", '"text"'])
def test_damaged_times_are_begun_anew_and_it_is_said(timings, capsys, content):
    timings.parent.mkdir()
    timings.write_text(content)
    run_program(dict, lambda *_given: None, ["x"], timings)
    assert list(json.loads(timings.read_text())) == ["any x"]
    said = capsys.readouterr().err
    assert said.startswith(f"{timings}: is damaged") and said.count("\n") == 1
    run_program(dict, lambda *_given: None, ["y"], timings)
    assert list(json.loads(timings.read_text())) == ["any x", "any y"] and capsys.readouterr().err == ""


def test_a_mistake_of_ours_keeps_its_traceback(timings):
    with pytest.raises(KeyError):
        run_program(dict, raising(KeyError("x")), ["x"], timings)
    assert not timings.exists()


def test_a_program_gets_its_parameters_and_arguments_and_its_time_is_noted(timings, monkeypatch):
    now, asked = iter([0.0, 1.26, 10.0, 10.0, 20.0, 23.0]), []
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    for argument in ("y", "x", "y"):
        run_program(lambda: {"seed": 0}, lambda *given: asked.append(given), [argument, "z"], timings)
    assert asked == [({"seed": 0}, name, "z") for name in ("y", "x", "y")]
    noted = json.loads(timings.read_text())
    assert list(noted.items()) == [("any x z", 0.0), ("any y z", 3.0)]


class OutOfMemoryError(RuntimeError):
    """As torch's is called."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9 GiB"),
        OutOfMemoryError("CUDA out of memory.\nTried to allocate"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_is_one_line(timings, error):
    with pytest.raises(
        SystemExit, match=r"^error: memory is full \(.+\); set the batch of this stage lower, .+$"
    ) as caught:
        run_program(dict, raising(error), [], timings)
    assert "\n" not in caught.value.code and not timings.exists()


def test_a_time_that_cannot_be_noted_fails_nothing(timings, capsys, monkeypatch):
    full = OSError(28, "No space left on device", str(timings))
    monkeypatch.setattr("nas.parameters.running.write_json", raising(full))
    run_program(dict, lambda _parameters: None, [], timings)
    assert capsys.readouterr().err == f"the wall time is not noted: {full}\n"
