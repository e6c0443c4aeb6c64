"""Fetch the weights of a network, check that they fit, keep them as safetensors: data/weights/NETWORK.safetensors."""

import json
from pathlib import Path

from safetensors.torch import save

from nas.networks import build, fetch_weights, find_network, load_weights
from nas.store import write_bytes
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, network: str) -> None:
    own = json.loads(Path("data/choices/networks", f"{network}.json").read_text())["weights"]
    found = find_network(network)
    workspace = SCRATCH / "download"
    weights = (
        Path(own).expanduser() if own is not None else fetch_weights(network, found, SCRATCH / "weights", workspace)
    )
    module = build(found)
    load_weights(module, weights)
    state = {key: value.contiguous() for key, value in module.state_dict().items()}
    write_bytes(Path("data/weights", f"{network}.safetensors"), save(state))
