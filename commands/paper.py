"""Replicate at the paper's scale: say what will be fetched and what it needs, ask, then run the pipeline.

Run by `make paper`. It sets what params.yaml lists under `paper`, as an experiment of DVC, and nothing else.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import budget
from nas.classifiers import recipe
from nas.datasets.catalogue import ABOUT
from nas.durations import in_words
from nas.estimates import readable
from params import Parameters, run, validate


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
        given, found = parameters.weights.files.get(name), recipe(name)
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


def applied(parameters: Parameters, chosen: Mapping[str, Any]) -> Parameters:
    """The parameters of the run: values in place of others, by dotted key. Raises ValueError, naming a wrong key."""
    content = parameters.model_dump()
    for key, value in chosen.items():
        *sections, last = key.split(".")
        place = content
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ValueError(f"paper.settings has {key!r}: {section} is a value and no section; correct the key")
        if value == {} != place.get(last, {}):
            raise ValueError(f"paper.settings has {key!r}: DVC cannot empty a section; empty it in params.yaml itself")
        place[last] = value
    return validate(content, "paper.settings")


def overrides(parameters: Parameters, chosen: Mapping[str, Any]) -> list[str]:
    """The same for `dvc exp run -S`, which merges a section that is there with a new one unless it is removed."""
    content, found = parameters.model_dump(), []
    for key, value in chosen.items():
        there = content
        for part in key.split("."):
            there = there.get(part, {})
        found += [f"~{key}"] if isinstance(value, dict) and there else []
        found.append(f"++{key}={literal(value)}")
    return found


def literal(value: Any) -> str:
    """A value in Hydra's grammar: as JSON, but keys have no quotes, and a backslash is one but before a quote."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}: {literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(literal, value)) + "]"
    if isinstance(value, str):
        return '"' + re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + found[2].replace('"', r"\""), value) + '"'
    return json.dumps(value)


def budget_of(parameters: Parameters) -> list[str]:
    """Lines that say what the run needs of disk and time. Raises ValueError where the disk is too small."""
    counts = {dataset: budget.n_photos(parameters, dataset) for dataset in parameters.datasets}
    networks = {name: budget.untrained(parameters, name) for name in parameters.classifiers}
    n_photos = sum(n for n in counts.values() if n)
    fetched = [ABOUT[name] for name in parameters.datasets if name not in parameters.download.root]
    archives = sum(about.size or 0 for about in fetched)

    def needed(**activations: Any) -> int:
        chosen = applied(parameters, {f"activations.{key}": value for key, value in activations.items()})
        return archives + n_photos * sum(sum(budget.bytes_of(chosen, each).values()) for each in networks.values())

    room = shutil.disk_usage(Path.cwd()).free
    total = f"{readable(needed())} on disk with what is fetched (free: {readable(room)})"
    if needed() > room:
        disk = {name: budget.disk(parameters, network) for name, network in networks.items()}
        print("\n".join(budget.lines(counts, disk)), flush=True)
        raise ValueError(
            f"{total}: too little; make room, or set download.limit, activations.precision: float16 "
            f"({readable(needed(precision='float16'))} in all) or activations.cache: false "
            f"({readable(needed(cache=False))})"
        )
    by_network = {}
    for name, network in networks.items():
        print(f"Measuring {name} with random weights on this machine ...", file=sys.stderr)
        by_network[name] = budget.costs(parameters, network)
    seconds = n_photos * sum(cost.seconds for by_stage in by_network.values() for cost in by_stage.values())
    return [*budget.lines(counts, by_network), f"  in all: {total}, about {in_words(seconds)} or more"]


def main(parameters: Parameters, *answers: str) -> None:
    datasets, classifiers, lines = plan(applied(parameters, parameters.paper.settings))
    chosen = changes(parameters, datasets, classifiers)
    print("\n".join(lines))
    print("Settings in place of those of the default run:")
    print("\n".join(f"  {key}: {json.dumps(value)}" for key, value in chosen.items()), flush=True)
    if not datasets or not classifiers:
        raise ValueError("nothing is left to run: set download.root or weights.files for what was left out")
    print("What that takes, by random weights and pictures; relevance at most so long:", flush=True)
    needs = budget_of(applied(parameters, chosen))
    print("\n".join(needs), flush=True)
    answer = answers[0] if answers else input("Go on with these? [y/N] ") if sys.stdin.isatty() else ""
    if answer.lower() not in ("y", "yes"):
        print("Nothing was run. To go on without being asked: make paper ANSWER=y")
        return
    options = [option for each in overrides(parameters, chosen) for option in ("-S", each)]
    name = time.strftime("paper-%Y%m%d-%H%M%S")  # DVC refuses one that there is already
    done = subprocess.run([sys.executable, "-m", "dvc", "exp", "run", "--name", name, *options])
    sys.exit(done.returncode)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
