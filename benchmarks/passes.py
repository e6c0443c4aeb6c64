"""How much faster passes without gradients are by OpenVINO than by torch, alone and beside others.

Milliseconds per image of one thread, float32, medians of runs in turns, with random weights, whose values do not change
the time: the folded network (see `nas.networks.folding`) by torch, and by OpenVINO. Then as many processes as there are
cores, each with one thread: what an image takes in each of them. Noted is how far the logits are from those of the
network as it is, as a share of the largest.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import Tensor

from benchmarks.row import Row
from nas.networks import Classifier, build, find_network
from nas.store import in_processes, n_cores


def of(name: str) -> dict[str, Callable[[Tensor], Tensor]]:
    """Each way to run a network."""
    found = find_network(name)
    torch.manual_seed(0)
    module = build(found)
    ways = {backend: Classifier(name, module, found, "cpu", backend=backend) for backend in ("torch", "openvino")}
    return {"as it is": ways["torch"].logits, "torch": ways["torch"].predictor, "openvino": ways["openvino"].predictor}


@torch.no_grad()
def milliseconds(name: str, batch: int, runs: int) -> tuple[dict[str, float], float]:
    """Of an image in a batch, for each way, in turns; and how far the logits of the last one are from the first."""
    torch.set_num_threads(1)
    ways, size = of(name), find_network(name).size
    x = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
    logits = {way: predict(x) for way, predict in ways.items()}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, predict in ways.items():
            began = time.perf_counter()
            predict(x)
            seconds[way].append(time.perf_counter() - began)
    apart = float((logits["openvino"] - logits["as it is"]).abs().max() / logits["as it is"].abs().max())
    return {way: 1000 * statistics.median(each) / batch for way, each in seconds.items()}, apart


def measure(quick: bool) -> Iterator[Row]:
    """Networks by numbers of processes and batches."""
    names = ("squeezenet1_1",) if quick else ("mobilenet_v2", "efficientnet_lite0", "resnet50")
    batches, runs = ((1,), 1) if quick else ((1, 4, 8), 9)
    for name, processes, batch in product(names, sorted({1, n_cores()}), batches):
        each = list(in_processes(milliseconds, [(name, batch, runs)] * processes, processes))
        mean = {way: statistics.mean(took[way] for took, _ in each) for way in ("openvino", "torch")}
        case = f"{name}, {processes} processes, {batch} at once" if processes > 1 else f"{name}, {batch} at once"
        note = f"logits within {max(apart for _, apart in each):.0e}"
        yield Row("passes", case, mean["openvino"], mean["torch"], "ms/image", "torch, folded", note)
