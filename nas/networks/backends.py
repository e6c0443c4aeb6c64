"""What runs a network that only predicts: torch, or on a CPU OpenVINO, which needs about half the time."""

import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

Backend = Literal["openvino", "torch"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)


def backend_on(device: str | torch.device, wanted: Backend) -> Backend:
    """What runs a network on a device: torch on a GPU, and where OpenVINO is not installed."""
    if wanted not in BACKENDS:
        raise ValueError(f"backend is {wanted!r}; give one of {', '.join(BACKENDS)}")
    return wanted if torch.device(device).type == "cpu" and find_spec("openvino") else "torch"


@cache
def _core() -> Any:
    """OpenVINO's core, one for the whole process: each sets a stack for signal handlers, and takes it back at its end.

    Where there were two, that may be the stack of the first one, which is gone, and the next Ctrl-C ends in a crash.
    """
    from openvino import Core

    return Core()


def by_openvino(network: nn.Module, size: int) -> Callable[[Tensor], Tensor]:
    """The same function from inputs (B, 3, size, size) float32 on the CPU to logits (B, n_classes), without gradients.

    Sums are in float32, whatever the CPU has besides, and an image has the same logits in any batch. It uses as many
    threads as torch does now. Inputs of another size go through the network itself.

    Parameters
    ----------
    network : in evaluation mode, with parameters in float32; it is not changed, and later changes of it do not matter

    Raises
    ------
    Exception : whatever the conversion raises of a network that it cannot follow
    """
    from openvino.frontend import FrontEndManager  # only here, since it takes a while to load
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    frontend = FrontEndManager().load_by_framework("pytorch")  # `convert_model` would report that it was called
    with warnings.catch_warnings(action="ignore"):  # it uses what torch calls deprecated
        decoder = TorchScriptPythonDecoder(network, example_input=(torch.zeros(1, 3, size, size),))
    model = frontend.convert(frontend.load(decoder))
    (given,) = model.inputs
    model.reshape({given: [-1, 3, size, size]})
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,  # else all processes would share a core
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": 1,
    }
    compiled = _core().compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()

    def predict(x: Tensor) -> Tensor:
        if x.shape[1:] != (3, size, size):
            with torch.no_grad():
                logits: Tensor = network(x)
            return logits
        found = request.infer([x.detach().contiguous().numpy()], share_inputs=True)
        return torch.from_numpy(found[compiled.output(0)].copy())

    return predict
