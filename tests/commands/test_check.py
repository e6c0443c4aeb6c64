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
