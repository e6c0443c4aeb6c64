"""Weight files, read without running code."""

import pickle
import sys
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.data import SourceError
from nas.networks.descriptions import Network
from nas.networks.usable import LARGEST, n_not_usable
from nas.store import one_line

# of all names, where a network was trained on several devices, was compiled, or was part of another module
PREFIXES = ("module.", "_orig_mod.", "model.")
# where training scripts keep the state dict, the likelier first; averages over steps are not taken unasked
INSIDE = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
KINDS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def load_weights(module: nn.Module, path: Path) -> None:
    """Load a state dict into a module, by name, or by order where names differ.

    By order every shape must agree, and every kind that a name tells, as running_mean. Old files lack
    `num_batches_tracked`, which a trained network does not use. When loading fails, the module is left as it was.

    Raises
    ------
    ValueError : a file that is no state dict, that would run code when read, that does not fit the module, or has
        values that are not finite
    """
    state, own = read_state_dict(path), {name: value.clone() for name, value in module.state_dict().items()}
    lacking = own.keys() - state.keys() if len(state) < len(own) else set()
    counters = {name for name in lacking if name.endswith("num_batches_tracked")}
    expected = {name: value for name, value in own.items() if name not in counters}
    if state.keys() != expected.keys():
        if len(state) != len(expected) or not all(map(_alike, state.items(), expected.items())):
            unknown = sorted(state.keys() ^ expected.keys())
            raise ValueError(
                f"weights {path}: {len(unknown)} entries do not fit {type(module).__name__}, the first is "
                f"{unknown[0]!r}; give the state dict of this architecture"
            )
        state = dict(zip(expected, state.values(), strict=True))
    check_values(state, path)
    for name, values in state.items():
        if values.is_floating_point() != own[name].is_floating_point():
            raise ValueError(
                f"weights {path}: {name!r} has {values.dtype}, must have {own[name].dtype}; give weights that are not "
                "quantized"
            )
    try:
        module.load_state_dict({**{name: own[name] for name in counters}, **state})
    except RuntimeError as error:
        module.load_state_dict(own)
        raise ValueError(f"weights {path}: {one_line(error)}") from error


def _alike(given: tuple[str, Tensor], wanted: tuple[str, Tensor]) -> bool:
    """Whether an entry can be the other one by its shape, and by its kind where its name says one, as running_mean."""
    kinds = [name.rpartition(".")[2] for name, _ in (given, wanted)]
    return given[1].shape == wanted[1].shape and (kinds[0] == kinds[1] or not KINDS.issuperset(kinds))


def check_values(state: Mapping[str, Tensor], path: Path) -> None:
    """Raise ValueError for an entry with values that are not finite, or so large that no layer can use them."""
    for name, values in state.items():
        if values.is_floating_point() and (wrong := n_not_usable(values)):
            raise ValueError(
                f"weights {path}: {wrong} of the {values.numel()} values of {name!r} are not finite or beyond "
                f"{LARGEST:g}; save them anew from a network that works"
            )


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict without running code: .safetensors, or torch with `weights_only=True`.

    Raises
    ------
    ValueError : a file that is missing, damaged or no state dict, or that would run code when read
    """
    if not path.is_file():
        raise ValueError(f"weights {path}: no such file; give a .safetensors or .pth file")
    if path.stat().st_size == 0:
        raise ValueError(f"weights {path}: cannot be read (it is empty); download or copy it again")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return _without_prefix(load_file(path))
        _check_sums(path)
        with warnings.catch_warnings(action="ignore"):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"weights {path}: refused, it is damaged or reading it would run code of the file; save its state dict "
            "anew, or as .safetensors"
        ) from error
    except Exception as error:
        raise ValueError(f"weights {path}: cannot be read ({one_line(error, 200)})") from error
    return _without_prefix(_as_state(state, path))


def _check_sums(path: Path) -> None:
    """Raise BadZipFile where checksums in a file of torch's are not those of its bytes; torch itself does not look."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(f"{damaged} in it is damaged")


def _as_state(content: Any, path: Path) -> dict[str, Tensor]:
    """The content of a file as names to tensors with values, or a ValueError."""
    if not isinstance(content, dict):
        raise ValueError(f"weights {path}: holds no state dict, but {_kind(content)}; save one: module.state_dict()")
    if not _is_state(content) and (key := next((key for key in INSIDE if _is_state(content.get(key))), None)):
        others = ", ".join(repr(name) for name in content if name != key)
        print(f"weights {path}: {key!r} in it is used, and not {others or 'anything else'}", file=sys.stderr)
        content = content[key]
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            inside = [key for key, each in content.items() if isinstance(each, dict)]
            nested = f"; save what is in {' or '.join(map(repr, inside[:3]))} alone" if inside else ""
            raise ValueError(
                f"weights {path}: holds no state dict of names to tensors: {one_line(repr(name), 80)} is "
                f"{_kind(value)}{nested}"
            )
        if value.layout != torch.strided or value.is_meta:
            raise ValueError(f"weights {path}: {name!r} is a tensor without values of its own; save it dense")
    state: dict[str, Tensor] = content
    return state


def _is_state(content: Any) -> bool:
    """Whether it is names to tensors, and there are some."""
    return isinstance(content, dict) and bool(content) and all(isinstance(each, Tensor) for each in content.values())


def _kind(value: Any) -> str:
    """What a value is, in words: a tensor, or the type of another."""
    return "a tensor" if isinstance(value, Tensor) else f"of the type {type(value).__name__}"


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The entries by their names without each of `PREFIXES` that all of them have."""
    for prefix in PREFIXES * 2:  # a compiled network that was trained on several devices has two, in either order
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def fetch_weights(name: str, network: Network, folder: Path, workspace: Path) -> Path:
    """The file of the official weights of a network, fetched and checked unless it is in `folder` already.

    Raises
    ------
    ValueError : a network whose weights are not fetched, a file that cannot be had, or a checksum that differs
    """
    if network.weights is None:
        raise ValueError(f"classifiers has {name!r}, whose weights are not fetched: set weights.files.{name}")
    try:
        return network.weights.fetch(folder / f"{name}.pth", workspace=workspace)
    except SourceError as error:
        raise SourceError(f"{error}; a file of your own goes into weights.files.{name}") from error
