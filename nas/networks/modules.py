"""One's own module, left as it was: what copies of it depend on, and evaluation without a trace."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

PLAIN = (bool, int, float, str, type(None))
T = TypeVar("T")


def structure_of(module: nn.Module) -> tuple[Any, ...]:
    """What a graph depends on that shares the layers of a module: which layers and tensors there are, with which
    settings and hooks."""
    parts = [(name, id(part), *_hooks(part), *_settings(part)) for name, part in module.named_modules()]
    tensors = [(name, id(tensor)) for name, tensor in chain(module.named_parameters(), module.named_buffers())]
    return (*parts, *tensors)


def state_of_module(module: nn.Module) -> tuple[Any, ...]:
    """What a copy of a module depends on: layers, tensors, how often these were written to, their device and dtype.

    A fine-tuning step, `load_state_dict` and `to` change it. What is written to `tensor.data`, or in inference mode,
    torch does not count: it shows in the sum of a tensor, unless values are only exchanged.
    """
    tensors = list(chain(module.parameters(), module.buffers()))
    states = [
        (tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version, tensor.device, tensor.dtype)
        for tensor in tensors
    ]
    return (*structure_of(module), *states, *_sums(tensors))


def _hooks(part: nn.Module) -> list[int]:
    return [id(hook) for hooks in (part._forward_hooks, part._forward_pre_hooks) for hook in hooks.values()]


def _settings(part: nn.Module) -> list[tuple[str, Any]]:
    """Attributes of a layer that are plain values; not its mode, since all is evaluated in evaluation mode."""
    return [(name, value) for name, value in vars(part).items() if name != "training" and _is_plain(value)]


def _is_plain(value: Any) -> bool:
    return isinstance(value, PLAIN) or (isinstance(value, tuple) and all(map(_is_plain, value)))


@torch.no_grad()
def _sums(tensors: Sequence[Tensor]) -> list[float]:
    """The sum of each tensor; one transfer from a GPU for all of them."""
    sums = [tensor.sum().double() for tensor in tensors if not tensor.is_meta]
    return torch.stack([each.to(sums[0].device) for each in sums]).tolist() if sums else []


class OfModules(Generic[T]):
    """What was made of modules, of each one thing, made anew where the module is no longer as it was.

    Parameters: `state`, what it depends on: `structure_of` or `state_of_module`.
    """

    def __init__(self, state: Callable[[nn.Module], Any]) -> None:
        self._state = state
        self._made: WeakKeyDictionary[nn.Module, tuple[Any, T]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process nothing has been made yet."""
        return OfModules, (self._state,)

    def get(self, module: nn.Module, make: Callable[[], T]) -> T:
        """What was made of a module, or what `make` makes of it now."""
        state = self._state(module)
        if module not in self._made or self._made[module][0] != state:
            self._made[module] = state, make()
        return self._made[module][1]


def shadow(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode that shares all tensors, to be traced: a layer may keep what it is traced with."""
    tensors = {id(tensor): tensor for tensor in chain(module.parameters(), module.buffers())}
    return copy.deepcopy(module, dict(tensors)).eval()


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Every part of some modules in evaluation mode; afterwards, whatever happens, each in its own mode again."""
    training = [part for module in modules for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
