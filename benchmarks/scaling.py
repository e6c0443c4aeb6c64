"""Where the time of many photos would go on many processes: a calculation on what was measured, no measurement.

    python -m benchmarks.scaling [--photos N] [--processes N ...] [--faster X] [--disk GB/s] [--batch ms]

The cost of a photo in each stage, with MobileNetV2 on one core, is that of reports/benchmarks.json. A process is a
core; with `--faster` it is a GPU that runs a network so many times as fast as a core, beside as many cores for all
else. What stays on one machine: handing batches to processes and gathering them, statistics and claims.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPORT = Path(__file__).parent.parent / "reports" / "benchmarks.json"
OF_NETWORKS = ("activations", "saliency", "relevance")  # stages that run one
READ = {"activations": 0.1, "superpixels": 1.5, "ablation": 1.5, "saliency": 1.4, "localization": 6.0, "relevance": 6.2}
# seconds a photo, of 440 photos of docs/evidence.md on one core: intervals at all thresholds, and what the claims need
ALONE = {"statistics": 66.1 / 440, "claims": 119.8 / 440}


@dataclass(frozen=True)
class Costs:
    """What was measured.

    stages : name to seconds of one core a photo
    """

    stages: dict[str, float]

    @classmethod
    def read(cls, path: Path) -> "Costs":
        """From the file of `make bench`. Raises ValueError where the stages are not in it."""
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [row for row in content["rows"] if row["benchmark"] == "stages" and row["unit"] == "s/photo"]
        if not rows:
            raise ValueError(f"{path}: has no cost of a stage; run make bench")
        return cls({row["case"]: row["ours"] * content["machine"]["cores"] for row in rows})


def hours(
    costs: Costs, n_photos: int, n_processes: int, faster: float = 1.0, disk: float = 1.0, batch: float = 4.8
) -> dict[str, float]:
    """Hours by what they go into.

    Parameters
    ----------
    faster : how many times as fast as a core a process runs a network
    disk : GB/s that the shared file system gives all processes together
    batch : milliseconds that a batch takes of the machine that hands them out
    """
    networks = sum(costs.stages[name] for name in OF_NETWORKS) / faster
    others = sum(seconds for name, seconds in costs.stages.items() if name not in OF_NETWORKS)
    found = {
        "networks": n_photos * networks / n_processes,
        "all else": n_photos * others / n_processes,
        "reading": n_photos * sum(READ.values()) / 1000 / disk,
        "handing out": n_photos * len(costs.stages) * batch / 1000,
        "statistics, claims": n_photos * sum(ALONE.values()),
    }
    return {name: seconds / 3600 for name, seconds in found.items()}


def table(costs: Costs, n_photos: int, processes: Sequence[int], **settings: float) -> list[list[str]]:
    """A row for each number of processes: hours by what they go into, and in all."""
    rows = []
    for n in processes:
        found = hours(costs, n_photos, n, **settings)
        rows.append([str(n), *(f"{value:.1f}" for value in found.values()), f"{sum(found.values()):.1f}"])
    return [["processes", *hours(costs, 1, 1), "hours"], *rows]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description="Hours on many processes.")
    parser.add_argument("--photos", type=int, default=50_000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--faster", type=float, default=1.0, help="a process runs a network so many times as fast")
    parser.add_argument("--disk", type=float, default=1.0, help="GB/s of the shared file system")
    parser.add_argument("--batch", type=float, default=4.8, help="ms that handing out a batch takes")
    given = parser.parse_args()
    settings = {"faster": given.faster, "disk": given.disk, "batch": given.batch}
    for row in table(Costs.read(REPORT), given.photos, given.processes, **settings):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
