"""Reports of a repository made up here."""

import subprocess

import pytest

from nas.report.revisions import WORKSPACE, Revision


@pytest.fixture
def repository(tmp_path):
    """Two commits, an experiment of DVC, and a file that is not committed."""

    def git(*command):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=b@c", *command], cwd=tmp_path, check=True)

    git("init", "--quiet", "--initial-branch=main")
    (tmp_path / "reports/figures").mkdir(parents=True)
    for content in ("one", "two"):
        (tmp_path / "reports/claims.json").write_text(content)
        (tmp_path / "reports/figures/a.png").write_text(content)
        git("add", ".")
        git("commit", "--quiet", "-m", content)
    git("update-ref", f"refs/exps/ab/{'0' * 38}/every-jird", "HEAD~1")
    git("branch", "bare", "HEAD")
    (tmp_path / "reports/claims.json").write_text("three")
    (tmp_path / "reports/figures/b.png").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content", "figures"),
    [
        ("HEAD~1", b"one", ["a.png"]),
        ("main", b"two", ["a.png"]),
        ("every-jird", b"one", ["a.png"]),
        (WORKSPACE, b"three", ["a.png", "b.png"]),
    ],
)
def test_a_revision_has_its_own_files(repository, name, content, figures):
    found = Revision.of(name, repository)
    assert found.read("reports/claims.json") == content and found.names("reports/figures") == figures
    assert found.read("reports/nothing") is None and found.names("nothing") == []
    assert (found.commit == "") == (name == WORKSPACE)


@pytest.mark.parametrize("name", ["nothing", "--help", "-c", "HEAD:reports", "; touch x", ""])
def test_what_is_no_revision_is_refused_with_what_is_allowed(repository, name):
    with pytest.raises(ValueError, match=r"is no revision: allowed are workspace, and .* \(experiments: every-jird\)$"):
        Revision.of(name, repository)
    assert not (repository / "x").exists()


def test_a_revision_without_a_report_is_refused(repository):
    (repository / "reports/claims.json").unlink()
    with pytest.raises(
        ValueError, match=r"^workspace: has no reports/claims.json; give a revision in which make repro"
    ):
        Revision.of(WORKSPACE, repository)
