"""Two runs side by side: make compare A=main B=workspace, any two revisions or experiments.

Writes reports/compare/index.html. Nothing is computed anew.
"""

import shutil
import sys
from pathlib import Path

from nas.report import Revision, compare
from nas.store import move, one_line, write_bytes
from stages.params import SCRATCH

FOLDER = Path("reports/compare")


def main(one: str = "", other: str = "") -> None:
    runs = [Revision.of(name or default, Path()) for name, default in ((one, "HEAD"), (other, "workspace"))]
    place = SCRATCH / "compare"
    shutil.rmtree(place, ignore_errors=True)
    made = []
    for name, content in compare(*runs):
        made.append(Path(name))
        write_bytes(place / name, content)
    shutil.rmtree(FOLDER, ignore_errors=True)
    move(made, place, FOLDER)
    print(f"{runs[0].name} and {runs[1].name}: {(FOLDER / 'index.html').resolve()}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(f"error: {one_line(error)}")
