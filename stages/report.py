"""Gather the report: reports/site with every figure and table, what made them, and the numbers to compare."""

from pathlib import Path

from nas.report import SECTIONS, Run, make_site, metrics, provenance, write_page
from nas.store import move, read_json, write_bytes, write_json
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters) -> None:
    ledger = read_json(Path("reports/claims.json"))
    chosen = parameters.datasets, parameters.classifiers
    made = provenance(Path(), [claim["name"] for claim in ledger["claims"]])
    run = Run(*chosen, parameters.statistics.level, parameters.seed)
    place = SCRATCH / "report"  # all is written before the first file gets its name
    files = [Path("metrics.json"), Path("provenance.json")]
    for path, content in zip(files, (metrics(Path(), ledger, *chosen), made), strict=True):
        write_json(place / path, content)
    for name, text in make_site(Path(), ledger, made, run):
        files.append(Path("site", name))
        write_page(text, place / files[-1])
    for section in SECTIONS:
        notebook = Path("notebooks", f"{section.name}.ipynb")
        files.append(Path("site") / notebook)
        write_bytes(place / files[-1], notebook.read_bytes())
    move(tuple(files), place, Path("reports"))
    for former in Path("reports/site").rglob("*.*"):
        if former.is_file() and former.relative_to("reports") not in files:
            former.unlink()
