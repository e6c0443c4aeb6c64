"""Hand each data set and network its own settings: data/choices/datasets/NAME.json, data/choices/networks/NAME.json.

What reads one of these files runs again when the settings of that one change, and not when another's do.
"""

import shutil
from pathlib import Path

from nas.data import BASE, check_download
from nas.store import write_json
from stages.params import Parameters

TARGET = Path("data/choices")


def main(parameters: Parameters) -> None:
    given, depths = parameters.download, parameters.activations.depths
    check_download(given.root, given.mirror, given.split)
    shutil.rmtree(TARGET, ignore_errors=True)
    for name in parameters.datasets:
        mirror = given.mirror.get(name, given.mirror.get(BASE))
        settings = {"root": given.root.get(name), "mirror": mirror, "split": given.split.get(name)}
        write_json(TARGET / "datasets" / f"{name}.json", settings)
    for name in parameters.classifiers:
        own = {str(depth): node for depth, node in depths[name].items()} if name in depths else None
        write_json(TARGET / "networks" / f"{name}.json", {"weights": parameters.weights.files.get(name), "depths": own})
