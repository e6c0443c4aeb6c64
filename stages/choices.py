"""Hand each data set and network its own settings: data/choices/datasets/NAME.json, data/choices/networks/NAME.json.

What reads one of these files runs again when the settings of that one change, and not when another's do. To them
belongs the state of the files that the user already has.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.data import BASE, DATASETS
from nas.store import read_json, write_json
from stages.params import Parameters

TARGET, OWN = Path("data/choices"), Path("data/own")


def main(parameters: Parameters) -> None:
    given, files, depths = parameters.download, parameters.weights.files, parameters.activations.depths
    shutil.rmtree(TARGET, ignore_errors=True)
    all_rules = {"masks": given.masks, "agreement": given.agreement.model_dump(), "squares": given.squares}
    for name in parameters.datasets:
        mirror = given.mirror.get(name, given.mirror.get(BASE))
        settings = {"root": given.root.get(name), "mirror": mirror, "split": given.split.get(name)}
        rules = {rule: all_rules[rule] for rule in DATASETS[name].about.rules}
        state = _state("photos", name, given.root)
        write_json(TARGET / "datasets" / f"{name}.json", {**settings, "rules": rules, "state": state})
    for name in parameters.classifiers:
        own = {str(depth): node for depth, node in depths[name].items()} if name in depths else None
        state = _state("weights", name, files)
        write_json(TARGET / "networks" / f"{name}.json", {"weights": files.get(name), "state": state, "depths": own})


def _state(kind: str, name: str, named: Mapping[str, str]) -> Any:
    """What is noted of the files that a data set or network is named with; None where there are none."""
    return read_json(OWN / kind / f"{name}.json") if name in named else None
