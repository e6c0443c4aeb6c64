"""The command, in this repository."""

import pytest

from commands import compare


def test_two_runs_lie_side_by_side_and_the_former_pair_is_gone(root, tmp_path, monkeypatch, capsys):
    for path in ("params.yaml", "reports"):
        (tmp_path / path).symlink_to(root / path)
    (tmp_path / "reports").unlink()
    (tmp_path / "reports").mkdir()
    for name in ("claims.json", "metrics.json", "figures"):
        (tmp_path / "reports" / name).symlink_to(root / "reports" / name)
    monkeypatch.chdir(tmp_path)
    left = tmp_path / "reports/compare/one/of-another-pair.png"
    left.parent.mkdir(parents=True)
    left.touch()
    compare.main("workspace", "workspace")
    assert capsys.readouterr().out == f"workspace and workspace: {tmp_path / 'reports/compare/index.html'}\n"
    assert not left.exists() and (tmp_path / "reports/compare/style.css").is_file()
    before = (tmp_path / "reports/compare/index.html").read_bytes()
    with pytest.raises(ValueError, match="'nothing' is no revision"):
        compare.main("nothing")
    assert (tmp_path / "reports/compare/index.html").read_bytes() == before
