"""Replicate at the paper's scale: say what will be fetched and what it needs, ask, then run the pipeline.

Run by `make paper`. It sets what params.yaml lists under `paper` in params.yaml itself, and runs an experiment of DVC.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from commands import budget
from nas.data import DATASETS
from nas.networks import find_network
from nas.parameters import dump, load, validate, with_values
from nas.store import readable, write_bytes
from stages.params import HEADER, PARAMS, Parameters, check, run

SETTINGS = "paper.settings"  # where these values are from


def plan(parameters: Parameters) -> tuple[list[str], list[str], list[str]]:
    """Data sets that can be used, classifiers that can be used, and the lines that say so of all of them."""
    datasets, classifiers = [], []
    lines = ["Data sets:"]
    for name in parameters.paper.datasets:
        about, root = DATASETS[name].about, parameters.download.root.get(name)
        if root is not None:
            where = f"your copy in {root}"
        elif about.archives or about.packaged:
            size = "a size that is not published" if about.size is None else readable(about.size)
            where = f"download of {size}"
        else:
            where = f"LEFT OUT, to be fetched by hand: {about.by_hand}; then set download.root.{name}"
        n_photos = budget.n_photos(parameters, name)
        datasets += [] if where.startswith("LEFT OUT") else [name]
        lines += [
            f"  {name}: {n_photos or 'your'} photos, {where}",
            f"    {about.title}; licence: {about.licence}; see docs/datasets/{name}.md",
        ]
    lines.append("Networks:")
    for name in parameters.paper.classifiers:
        given, found = parameters.weights.files.get(name), find_network(name)
        if given is not None:
            where = f"your file {given}"
        elif found.weights is not None:
            size = "a size that is not published" if found.n_bytes is None else readable(found.n_bytes)
            where = f"download of {size}; licence: {found.licence}"
        else:
            where = f"LEFT OUT, to be had by hand: set weights.files.{name}"
        classifiers += [] if where.startswith("LEFT OUT") else [name]
        lines.append(f"  {name}: {where}")
    return datasets, classifiers, lines


def changes(parameters: Parameters, datasets: Sequence[str], classifiers: Sequence[str]) -> dict[str, Any]:
    """Keys of params.yaml and the values that they get, for the data sets and networks that can be used."""
    return {"datasets": list(datasets), "classifiers": list(classifiers), **parameters.paper.settings}


def content(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The content of params.yaml with values in place of others, by dotted key. Raises ValueError for a wrong key."""
    return with_values(load(PARAMS), chosen, SETTINGS)


def applied(chosen: Mapping[str, Any]) -> Parameters:
    """The parameters of the run. Raises ValueError, naming a wrong key."""
    return check(content(chosen), SETTINGS)


def main(parameters: Parameters, *answers: str) -> None:
    datasets, classifiers, lines = plan(applied(parameters.paper.settings))
    chosen = changes(parameters, datasets, classifiers)
    print("\n".join(lines))
    print("Settings in place of those of the default run:")
    print("\n".join(f"  {key}: {json.dumps(value)}" for key, value in chosen.items()), flush=True)
    if not datasets or not classifiers:
        raise ValueError("nothing is left to run: set download.root or weights.files for what was left out")
    print("What that takes, by random weights and pictures; relevance at most so long:", flush=True)
    print("\n".join(budget.budget_of(applied(chosen))), flush=True)
    answer = answers[0] if answers else input("Go on with these? [y/N] ") if sys.stdin.isatty() else ""
    if answer.lower() not in ("y", "yes"):
        print("Nothing was run. To go on without being asked: make paper ANSWER=y")
        return
    written = validate(Parameters, content(chosen), SETTINGS)
    write_bytes(PARAMS, (HEADER + dump(written)).encode())
    name = time.strftime("paper-%Y%m%d-%H%M%S")  # DVC refuses one that there is already
    sys.exit(subprocess.run([sys.executable, "-m", "dvc", "exp", "run", "--name", name]).returncode)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
