"""Note the state of a weight file of the user's, data/own/weights/NETWORK.json: another one is another input.

The file lies outside of the project, so that DVC does not see it; this stage runs each time.
"""

from pathlib import Path

from nas.store import expanded, state_of, write_json
from stages.params import Parameters


def main(parameters: Parameters, file: str) -> None:
    place = expanded(parameters.weights.files[file], f"weights.files.{file}")
    write_json(Path("data/own/weights", f"{file}.json"), state_of(place))
