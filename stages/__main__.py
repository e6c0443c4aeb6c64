"""Run a stage: python -m stages NAME, and where DVC does not say for which ones, DATASET and NETWORK.

The commands in dvc.yaml name nothing that comes from params.yaml, so that no shell reads any of it: DVC says in
DVC_STAGE for which data set and network a stage runs.
"""

import inspect
import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from nas.parameters import end_interrupted, settle
from stages.warm import SURROUNDINGS, ask

MODELS = {"checks", "kinds", "params", "shipped", "warm"}  # of no stage
# name of an argument of a stage to what it can be
AXES: dict[str, Callable[[Any], Iterable[str]]] = {
    "dataset": lambda parameters: parameters.datasets,
    "network": lambda parameters: parameters.classifiers,
    "copy": lambda parameters: parameters.download.root,
    "file": lambda parameters: parameters.weights.files,
}


def main() -> None:
    stages = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py") if file.stem not in MODELS)
    if len(sys.argv) < 2 or sys.argv[1] not in stages:
        sys.exit(f"error: python -m stages NAME: NAME is one of {', '.join(stages)}")
    settle(SURROUNDINGS)  # before other libraries are imported
    name, *given = sys.argv[1:]
    sys.argv = [f"stages/{name}.py", *given]
    stage = import_module(f"stages.{name}").main
    import_module("stages.params").run(stage, item=lambda parameters: item(name, stage, given, parameters))


def item(name: str, stage: Callable[..., None], given: list[str], parameters: Any) -> list[str]:
    """The arguments of a stage: those that are given, or the ones of the item that DVC runs.

    Raises
    ------
    ValueError : too few or too many, or no item of params.yaml
    """
    wanted = list(inspect.signature(stage).parameters)[1:]
    usage = f"python -m stages {' '.join([name, *map(str.upper, wanted)])}"
    if given or not wanted:
        if len(given) != len(wanted):
            raise ValueError(f"{name} is given {' '.join(given)}: {usage}")
        return given
    if not set(wanted) <= set(AXES):
        raise ValueError(f"{name} is given nothing: {usage}")
    items = [list(each) for each in product(*(AXES[axis](parameters) for axis in wanted))]
    called = os.environ.get("DVC_STAGE", "").rpartition(":")[2]  # after the file, where DVC runs in another folder
    found = [each for each in items if called == f"{name}@{'-'.join(each)}"]
    if called == name or (not called and len(items) == 1):  # of the first pair alone, or of the only one
        found = items[:1]
    if len(found) != 1:
        raise ValueError(f"{name} is given nothing, and {called or 'no stage of DVC'} says not for which: {usage}")
    return found[0]


if __name__ == "__main__":
    try:
        if (code := ask("stages", sys.argv[1:])) is not None:
            sys.exit(code)
        main()
    except KeyboardInterrupt:  # while libraries are imported
        end_interrupted()
