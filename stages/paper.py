"""Replicate at the paper's scale: say what will be fetched and what it needs, ask, then run the pipeline.

Run by `make paper`. It sets what params.yaml lists under `paper`, as an experiment of DVC, and nothing else.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas.classifiers import recipe
from nas.datasets.catalogue import ABOUT
from params import Parameters, run


def plan(parameters: Parameters) -> tuple[list[str], list[str], list[str]]:
    """Data sets that can be used, classifiers that can be used, and the lines that say so of all of them."""
    datasets, classifiers = [], []
    lines = ["Data sets:"]
    for name in parameters.paper.datasets:
        about, root = ABOUT.get(name), parameters.download.root.get(name)
        if about is None:
            raise ValueError(f"paper.datasets has {name!r}: allowed are {', '.join(ABOUT)}")
        if root is not None:
            where = f"your copy in {root}"
        elif about.archives or name == "sample":
            where = f"download of {gigabytes(about.size)}"
        else:
            where = f"LEFT OUT, to be fetched by hand: {about.by_hand}; then set download.root.{name}"
        datasets += [] if where.startswith("LEFT OUT") else [name]
        lines += [f"  {name}: {where}", f"    {about.title}; licence: {about.licence}; see docs/datasets/{name}.md"]
    lines.append("Networks:")
    for name in parameters.paper.classifiers:
        given = parameters.weights.files.get(name)
        known = recipe(name).weights is not None
        where = (
            f"your file {given}" if given else "official weights" if known else f"LEFT OUT: set weights.files.{name}"
        )
        classifiers += [name] if given or known else []
        lines.append(f"  {name}: {where}")
    return datasets, classifiers, lines


def gigabytes(size: int | None) -> str:
    """A number of bytes in words."""
    return "a size that is not published" if size is None else f"{size / 1e9:.2f} GB"


def changes(parameters: Parameters, datasets: Sequence[str], classifiers: Sequence[str]) -> dict[str, Any]:
    """Keys of params.yaml and the values that they get, for the data sets and networks that can be used."""
    return {"datasets": list(datasets), "classifiers": list(classifiers), **parameters.paper.settings}


def main(parameters: Parameters, *answers: str) -> None:
    datasets, classifiers, lines = plan(parameters)
    chosen = changes(parameters, datasets, classifiers)
    print("\n".join(lines))
    print("Settings in place of those of the default run:")
    print("\n".join(f"  {key}: {json.dumps(value)}" for key, value in chosen.items()))
    print(f"Free on this disk: {gigabytes(shutil.disk_usage(Path.cwd()).free)}; each stage says what it needs.")
    if not datasets or not classifiers:
        raise ValueError("nothing is left to run: set download.root or weights.files for what was left out")
    answer = answers[0] if answers else input("Go on with these? [y/N] ") if sys.stdin.isatty() else ""
    if answer.lower() not in ("y", "yes"):
        print("Nothing was run. To go on without being asked: make paper ANSWER=y")
        return
    options = [option for key, value in chosen.items() for option in ("-S", f"{key}={json.dumps(value)}")]
    subprocess.run([sys.executable, "-m", "dvc", "exp", "run", "--name", "paper", *options], check=True)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
