"""Gather the report: its first page with every figure and table, and reports/metrics.json."""

import json
from pathlib import Path

from nas.report import make_first_page, metrics, write_page
from nas.store import move, write_json
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters) -> None:
    ledger = json.loads(Path("reports/claims.json").read_text(encoding="utf-8"))
    chosen = parameters.datasets, parameters.classifiers
    page = make_first_page(Path(), ledger, *chosen, parameters.statistics.level, parameters.seed)
    place = SCRATCH / "report"  # both are written before one gets its name
    write_json(place / "metrics.json", metrics(Path(), ledger, *chosen))
    write_page(page, place / "site/index.html")
    move((Path("metrics.json"), Path("site/index.html")), place, Path("reports"))
