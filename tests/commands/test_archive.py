"""An archive of a report made up here."""

import json
import re
import subprocess
import zipfile

import pytest
from rocrate.rocrate import ROCrate

from commands import archive


@pytest.fixture
def project(tmp_path, root, monkeypatch):
    """A repository with a small report, and what lies beside it in this one."""
    for path in archive.ALONE:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((root / path).read_bytes() if not path.startswith("reports") else b"{}")
    for path in ("reports/site/index.html", "reports/figures/figure1.png", "reports/figures/.gitignore",
                 "reports/tables/table1.csv", "notebooks/method.ipynb", "reports/sections/left-out.html"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=a", "-c", "user.email=b@c", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "x", "--date=2026-01-02T00:00"]):
        subprocess.run(
            [*git, *command], check=True, env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": "2026-01-02T00:00"}
        )
    return tmp_path


def test_the_archive_has_the_report_and_what_made_it_and_says_what_each_file_is(project, tmp_path, capsys):
    archive.main()
    assert re.fullmatch(
        r".*/reports/archive\.zip: 15 files, .* MB; look at it, then upload it\n", capsys.readouterr().out
    )
    with zipfile.ZipFile(project / "reports/archive.zip") as packed:
        names = packed.namelist()
        packed.extractall(tmp_path / "unpacked")
    own = {*archive.ALONE, "reports/site/index.html", "reports/figures/figure1.png", "reports/tables/table1.csv",
           "notebooks/method.ipynb"}  # fmt: skip
    assert set(names) == {*own, "ro-crate-metadata.json"} and names == sorted(names)
    for name in own:
        assert (tmp_path / "unpacked" / name).read_bytes() == (project / name).read_bytes()

    crate = ROCrate(tmp_path / "unpacked")  # what it needs to be one
    assert {part.id for part in crate.root_dataset["hasPart"]} == own
    described = crate.root_dataset.properties()
    assert described["datePublished"] == "2026-01-02" and described["license"] == "https://spdx.org/licenses/MIT"
    assert described["name"] == json.loads((project / ".zenodo.json").read_text())["title"] and described["description"]
    assert crate.get("params.yaml")["description"] == archive.ALONE["params.yaml"]


def test_the_same_report_gives_the_same_bytes(project):
    archive.main()
    first = (project / "reports/archive.zip").read_bytes()
    archive.main()
    assert (project / "reports/archive.zip").read_bytes() == first
    assert not (project / "data/scratch/archive").exists()


@pytest.mark.parametrize("path", ["reports/site/index.html", "reports/provenance.json", "dvc.lock"])
def test_a_report_that_is_not_whole_is_refused_and_the_former_archive_stays(project, path):
    archive.main()
    before = (project / "reports/archive.zip").read_bytes()
    (project / path).unlink()
    with pytest.raises(ValueError, match=rf"^{path} is not there: run make repro, and then make archive$"):
        archive.main()
    assert (project / "reports/archive.zip").read_bytes() == before
