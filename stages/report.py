"""Gather the report: its first page with every figure and table, and reports/metrics.json."""

import json
from pathlib import Path

from nas.report import make_first_page, metrics, write_page
from nas.store import write_json
from stages.params import Parameters


def main(parameters: Parameters) -> None:
    ledger = json.loads(Path("reports/claims.json").read_text())
    chosen = parameters.datasets, parameters.classifiers
    page = make_first_page(Path(), ledger, *chosen, parameters.statistics.level, parameters.seed)
    write_json(Path("reports/metrics.json"), metrics(Path(), *chosen))
    write_page(page, Path("reports/site/index.html"))
