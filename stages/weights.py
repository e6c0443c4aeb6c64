"""Fetch the weights of a network, check that they fit, keep them as safetensors: data/weights/NETWORK.safetensors."""

import json
from pathlib import Path

from safetensors.torch import save

from nas.networks import build, fetch_weights, find_network, load_weights
from nas.store import expanded, write_bytes
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, network: str) -> None:
    own = json.loads(Path("data/choices/networks", f"{network}.json").read_text(encoding="utf-8"))["weights"]
    found = find_network(network)
    if own is not None:
        weights = expanded(own, f"weights.files.{network}")
    else:
        weights = fetch_weights(network, found, SCRATCH / "weights", SCRATCH / "download")
    module = build(found)
    load_weights(module, weights)
    state = {key: value.contiguous() for key, value in module.state_dict().items()}
    write_bytes(Path("data/weights", f"{network}.safetensors"), save(state))
