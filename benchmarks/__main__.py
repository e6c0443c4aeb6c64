"""Measure: one table on the screen, and the same in reports/benchmarks.json.

    python -m benchmarks [NAME ...] [--photos N ...] [--quick]

The file is written where all are measured, in full. `--quick` does as little as possible: it shows that they run.
"""

import argparse
import os
import platform
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.row import HEAD
from nas.store import n_cores, write_json

NAMES = (
    "cluster",
    "kmeans",
    "localization",
    "passes",
    "shares",
    "stages",
    *(("gpu",) if torch.cuda.is_available() else ()),
)
REPORT = Path(__file__).parent.parent / "reports" / "benchmarks.json"


def machine() -> dict[str, str | int]:
    """What measured: a processor, how many of its cores, and what is installed."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": n_cores(),
        "gpu": gpu,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed against references.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all by default")
    parser.add_argument("--photos", type=int, nargs="+", default=[24, 48, 96], help="of the benchmark of stages")
    parser.add_argument("--quick", action="store_true", help="as little as possible")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"{min(unknown)} is no benchmark of this machine: NAME is one of {', '.join(NAMES)}")
    found, here, load = [], machine(), os.getloadavg()[0]
    print(f"{here}, load {load:.1f}\n{HEAD}", flush=True)
    for name in given.names or NAMES:
        settings = {"counts": given.photos} if name == "stages" else {}
        for row in import_module(f"benchmarks.{name}").measure(given.quick, **settings):
            found.append({**asdict(row), "ratio": row.ratio})
            print(row, flush=True)
    if not given.names and not given.quick:
        write_json(REPORT, {"machine": {**here, "load": load}, "rows": found})


if __name__ == "__main__":
    main()
