"""Note the state of a data set that the user already has, data/own/photos/DATASET.json: another one is another input.

The files lie outside of the project, so that DVC sees none of them; this stage runs each time.
"""

from pathlib import Path

from nas.store import expanded, state_of, write_json
from stages.params import Parameters


def main(parameters: Parameters, copy: str) -> None:
    place = expanded(parameters.download.root[copy], f"download.root.{copy}")
    write_json(Path("data/own/photos", f"{copy}.json"), state_of(place))
