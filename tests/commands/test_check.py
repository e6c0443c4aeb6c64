"""params.yaml is checked before DVC reads it."""

import pytest

from commands import check


def test_right_parameters_say_nothing(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    check.main()
    assert capsys.readouterr() == ("", "")


def test_wrong_ones_are_one_line(root, tmp_path, monkeypatch):
    text = (root / "params.yaml").read_text()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text.replace("datasets: [sample]", "datasets: [sample; touch X]"))
    with pytest.raises(SystemExit) as caught:
        check.main()
    assert caught.value.code.startswith("error: params.yaml: datasets.0 is 'sample; touch X': String should match")
    assert "\n" not in caught.value.code


@pytest.mark.parametrize("content", ["", '{"data/raw', "\x00"])
def test_what_a_killed_dvc_left_half_written_is_removed_with_a_line(tmp_path, monkeypatch, capsys, content):
    monkeypatch.setattr(check, "MOMENT", 0.0)
    locks = tmp_path / "rwlock"
    locks.write_text(content)
    check.mend(locks)
    said = capsys.readouterr().err
    assert not locks.exists() and said.startswith(f"{locks}: was left half-written") and said.count("\n") == 1
    check.mend(locks)
    assert capsys.readouterr().err == ""


def test_what_a_living_dvc_writes_stays(tmp_path, monkeypatch):
    locks, written = tmp_path / "rwlock", '{"data/raw": {"read": []}}'
    locks.write_text(written[:5])
    monkeypatch.setattr("time.sleep", lambda _seconds: locks.write_text(written))
    check.mend(locks)
    assert locks.read_text() == written
    check.mend(locks)
    assert locks.read_text() == written
