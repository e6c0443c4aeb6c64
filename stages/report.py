"""Gather the report: reports/site with every figure and table, what made them, and the numbers to compare."""

from pathlib import Path

from nas.report import make_site, metrics, provenance, write_page
from nas.store import move, read_json, write_json
from stages.params import SCRATCH, Parameters

DRIVER = Path("/proc/driver/nvidia/version")


def main(parameters: Parameters) -> None:
    ledger = read_json(Path("reports/claims.json"))
    chosen = parameters.datasets, parameters.classifiers
    device = "a GPU" if DRIVER.exists() else "a CPU"  # as torch chooses, which takes seconds to load
    made = provenance(Path(), [claim["name"] for claim in ledger["claims"]], device)
    place = SCRATCH / "report"  # all is written before the first file gets its name
    files = [Path("metrics.json"), Path("provenance.json")]
    for path, content in zip(files, (metrics(Path(), ledger, *chosen), made), strict=True):
        write_json(place / path, content)
    for name, text in make_site(Path(), ledger, made, *chosen, parameters.statistics.level, parameters.seed):
        files.append(Path("site", name))
        write_page(text, place / files[-1])
    for section in sorted(Path("notebooks").glob("*.ipynb")):
        files.append(Path("site/notebooks", section.name))
        (place / files[-1]).parent.mkdir(parents=True, exist_ok=True)
        (place / files[-1]).write_bytes(section.read_bytes())
    move(tuple(files), place, Path("reports"))
