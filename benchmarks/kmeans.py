"""How much faster k-means on implicit hypercolumns is than scikit-learn's on stored ones.

Maps of the shapes of ResNet-50 at depths 1 to 4, smooth noise; one image, 20 iterations from the same start, one
thread, wall time, medians of runs in turns. Labels must be equal but for locations on a border between two clusters, by
rounding; their share is noted, and the memory of the stored columns beside that of the maps.
"""

import statistics
import time
import warnings
from collections.abc import Iterator
from itertools import product

import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch.nn.functional import interpolate

from benchmarks.row import Row
from nas.superpixels.hypercolumns import Hypercolumns
from nas.superpixels.kmeans import k_means_plus_plus, lloyd

SHAPES = ((256, 56), (512, 28), (1024, 14), (2048, 7))


def measure(quick: bool) -> Iterator[Row]:
    """Grids by numbers of clusters."""
    sizes, clusters, rounds, iterations = ((14,), (3,), 1, 2) if quick else ((56, 112, 224), (5, 8, 32), 3, 20)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    # of a network's maps neighbours are alike, and most values are 0
    maps = [
        interpolate(torch.randn(1, channels, 7, 7, generator=generator), (side, side), mode="bicubic").relu()
        for channels, side in SHAPES
    ]
    stored = sum(m.numel() for m in maps) * 4
    for size, k in product(sizes, clusters):
        columns = Hypercolumns(maps, (size, size))
        plain = columns.stored()[0].numpy()
        starts = columns.at(k_means_plus_plus(columns, k, torch.rand(1, k, generator=generator)))
        seconds: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(rounds):
            began = time.perf_counter()
            with threadpool_limits(1), warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
                model = KMeans(k, init=starts[0].numpy(), n_init=1, max_iter=iterations, tol=0).fit(plain)
            middle = time.perf_counter()
            found = lloyd(Hypercolumns(maps, (size, size)), starts, max_iter=iterations, tol=0)
            seconds["plain"].append(middle - began)
            seconds["ours"].append(time.perf_counter() - middle)
        other = float((found.labels.flatten().numpy() != model.labels_).mean())
        slow, fast = (statistics.median(runs) for runs in seconds.values())
        note = f"{other:.2%} other labels; {stored / 1e6:.0f} MB, {plain.nbytes / 1e6:.0f} MB"
        yield Row("kmeans", f"{size} x {size}, k = {k}", fast, slow, "s", "scikit-learn on stored columns", note)
