"""One file to be uploaded by hand: make archive writes reports/archive.zip, an RO-Crate of the report and what made it.

It holds the pages, figures, tables, claims and provenance, the parameters, the pipeline with its lock files, and the
notebooks. The same report of the same commit gives the same bytes.
"""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from rocrate.rocrate import ROCrate

from nas.store import move, one_line
from stages.params import SCRATCH

TARGET = Path("reports/archive.zip")
REPORT = ("site", "figures", "tables")  # folders of reports
ALONE = {
    "reports/claims.json": "the claims, their tests and verdicts",
    "reports/metrics.json": "the main numbers",
    "reports/provenance.json": "what made each figure, table and claim",
    "params.yaml": "every knob of the replication",
    "dvc.yaml": "the pipeline",
    "dvc.lock": "hashes of everything that the pipeline read and made",
    "requirements.lock": "versions of all packages",
    "README.md": "how to replicate",
    "LICENSE": "the licence",
    "CITATION.cff": "how to cite",
    ".zenodo.json": "what an archive asks of an upload",
}
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in the archive


def main() -> None:
    files = contents(Path())
    said = json.loads(Path(".zenodo.json").read_text(encoding="utf-8"))
    crate = ROCrate()
    crate.name, crate.description = said["title"], said["description"]
    crate.license, crate.keywords = "https://spdx.org/licenses/MIT", said["keywords"]
    crate.datePublished = date_of_commit()
    crate.root_dataset["isBasedOn"] = {"@id": "https://arxiv.org/abs/2406.04933"}
    for path in files:
        about = {"description": ALONE[path.as_posix()]} if path.as_posix() in ALONE else {}
        crate.add_file(str(path), path.as_posix(), properties=about)
    place = SCRATCH / "archive"
    shutil.rmtree(place, ignore_errors=True)
    crate.write(place / "crate")
    pack(place / "crate", place / TARGET.name)
    move([Path(TARGET.name)], place, TARGET.parent)
    shutil.rmtree(place)
    print(f"{TARGET.resolve()}: {len(files)} files, {TARGET.stat().st_size / 1e6:.1f} MB; look at it, then upload it")


def contents(root: Path) -> list[Path]:
    """The files of the archive, sorted.

    Raises
    ------
    ValueError : a report that is not there, or not whole
    """
    found = [path for folder in REPORT for path in (root / "reports" / folder).rglob("*") if path.is_file()]
    found += [*map(root.joinpath, ALONE), *(root / "notebooks").glob("*.ipynb")]
    missing = [path for path in [root / "reports/site/index.html", *found] if not path.is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is not there: run make repro, and then make archive")
    return sorted(path.relative_to(root) for path in found if path.name != ".gitignore")


def date_of_commit() -> str:
    """The date of the last commit, or the first of the calendar that archives have where there is none."""
    done = subprocess.run(["git", "log", "-1", "--format=%cs"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 and done.stdout.strip() else "1980-01-01"


def pack(folder: Path, target: Path) -> None:
    """All files of a folder in a zip, in order and with one date."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"error: {one_line(error)}")
