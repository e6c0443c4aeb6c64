"""On a GPU: NAS beside the network's own forward pass, labels beside those of a CPU, and the pass by its arithmetic.

ResNet-50 with random weights, 224 x 224, depths 1 to 4, k = 8, 20 iterations on the full grid, float32. Medians of runs
in turns, after one that is not counted; each waits for the GPU. Then what is different where labels are made by a CPU,
and the forward pass in bfloat16 with how far its logits are.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from benchmarks.row import Row
from nas.networks import Classifier, build, find_network
from nas.superpixels.hypercolumns import Hypercolumns
from nas.superpixels.kmeans import k_means_plus_plus, lloyd

NETWORK, K, ITERATIONS, DEPTHS = "resnet50", 8, 20, (1, 2, 3, 4)


def medians(calls: Sequence[Callable[[], object]], runs: int, device: str) -> list[float]:
    """Seconds of each call, in turns."""
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(runs + 1):
        for call, took in zip(calls, seconds, strict=True):
            began = time.perf_counter()
            call()
            if device == "cuda":
                torch.cuda.synchronize()
            if turn:
                took.append(time.perf_counter() - began)
    return [statistics.median(took) for took in seconds]


@torch.no_grad()
def measure(quick: bool, device: str = "cuda") -> Iterator[Row]:
    """The engine, its labels, and the forward pass."""
    side, batch, runs = (64, 2, 1) if quick else (224, 64, 7)
    torch.manual_seed(0)
    found = find_network(NETWORK)
    classifier = Classifier(NETWORK, build(found), found, device)
    x = torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    maps = [classifier.activations(x)[depth] for depth in DEPTHS]
    draws = torch.rand(batch, K, generator=torch.Generator().manual_seed(0))

    def cluster(maps: Sequence[Tensor], draws: Tensor = draws) -> Tensor:
        columns = Hypercolumns(list(maps), (side, side))
        starts = columns.at(k_means_plus_plus(columns, K, draws.to(maps[0].device)))
        return lloyd(columns, starts, max_iter=ITERATIONS, tol=0).labels

    def half() -> Tensor:
        with torch.autocast(device, torch.bfloat16):
            return classifier.logits(x)

    ours, forward, fast = medians([lambda: cluster(maps), lambda: classifier.logits(x), half], runs, device)
    per_image = 1000 / batch
    case = f"{NETWORK}, {side} x {side}, k = {K}"
    yield Row("gpu", case, ours * per_image, forward * per_image, "ms/image", "its forward pass, float32")
    few = min(batch, 8)
    labels = cluster(maps)[:few].cpu()
    began = time.perf_counter()
    on_cpu = cluster([m[:few].cpu() for m in maps], draws[:few])
    took = (time.perf_counter() - began) / few
    note = f"{float((labels != on_cpu).float().mean()):.4%} of labels differ ({few} images)"
    yield Row("gpu", f"{case}, labels", ours * per_image, 1000 * took, "ms/image", "the same on the CPU", note)
    logits = classifier.logits(x)
    apart = float((half().float() - logits).abs().max() / logits.abs().max())
    note = f"logits within {apart:.0e} of the largest"
    yield Row("gpu", "forward pass, bfloat16", fast * per_image, forward * per_image, "ms/image", "float32", note)
