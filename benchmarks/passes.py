"""How much faster passes without gradients are by OpenVINO than by torch, alone and beside others.

    python benchmarks/passes.py [NETWORK ...]

Milliseconds per image of one thread, float32, medians of runs in turns, with random weights, whose values do not change
the time: the network as it is, folded (see `nas.networks.folding`), and by OpenVINO. Then as many processes as there
are cores, each with one thread: what an image takes in each of them. The difference of the logits from those of the
network as it is stands beside, as a share of the largest.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from nas.networks import Classifier, build, find_network
from nas.store import in_processes, n_cores


def of(name: str) -> dict[str, Callable[[Tensor], Tensor]]:
    """Each way to run a network."""
    found = find_network(name)
    torch.manual_seed(0)
    module = build(found)
    ways = {backend: Classifier(name, module, found, "cpu", backend=backend) for backend in ("torch", "openvino")}
    return {"as it is": ways["torch"].logits, "folded": ways["torch"].predictor, "openvino": ways["openvino"].predictor}


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=["mobilenet_v2", "efficientnet_lite0", "resnet50"])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    print("             network processes batch  as it is    folded  openvino  ratio apart")
    for name in given.networks:
        for processes in sorted({1, n_cores()}):
            for batch in given.batches:
                each = list(in_processes(milliseconds, [(name, batch, given.runs)] * processes, processes))
                mean = {way: statistics.mean(took[way] for took, _ in each) for way in each[0][0]}
                row = " ".join(f"{took:>6.1f} ms" for took in mean.values())
                ratio = mean["folded"] / mean["openvino"]
                print(f"{name:>20} {processes:>9} {batch:>5} {row} {ratio:>6.2f} {max(apart for _, apart in each):.0e}")
