"""Note the state of a data set that the user already has, data/own/photos/DATASET.json: another one is another input.

The files lie outside of the project, so that DVC sees none of them; this stage runs each time. To them belong folders
that the data set is read from next to its root.
"""

from pathlib import Path

from nas.data import DATASETS
from nas.store import expanded, state_of, write_json
from stages.params import Parameters


def main(parameters: Parameters, copy: str) -> None:
    place = expanded(parameters.download.root[copy], f"download.root.{copy}")
    beside = {name: state_of(place.resolve().parent / name) for name in DATASETS[copy].about.beside}
    write_json(Path("data/own/photos", f"{copy}.json"), {"root": state_of(place), **beside})
