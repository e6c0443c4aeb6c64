"""Fetch the weights of a classifier, check that they fit, keep them as safetensors: data/weights/CLASSIFIER."""

import sys
from pathlib import Path

from safetensors.torch import save

from nas import classifiers
from nas.shards import write_bytes
from nas.sources import SourceError
from params import SCRATCH, Parameters, run


def main(parameters: Parameters, name: str) -> None:
    recipe = classifiers.recipe(name)
    given = parameters.weights.files.get(name)
    if given is not None:
        weights = Path(given).expanduser()
    elif recipe.weights is not None:
        try:
            weights = recipe.weights.fetch(SCRATCH / "weights" / f"{name}.pth", workspace=SCRATCH / "download")
        except SourceError as error:
            raise SourceError(f"{error}; a file of your own goes into weights.files.{name}") from error
    else:
        raise ValueError(f"classifiers has {name!r}, whose weights are not fetched: set weights.files.{name}")
    module = classifiers.build(recipe)
    classifiers.load_weights(module, weights)
    state = {key: value.contiguous() for key, value in module.state_dict().items()}
    write_bytes(Path("data/weights", f"{name}.safetensors"), save(state))


if __name__ == "__main__":
    run(main, *sys.argv[1:])
