"""Hold the paper's claims against the tables: reports/claims.json."""

from pathlib import Path

from nas.claims import Measuring, claims_of, make_ledger
from nas.store import write_json
from stages.params import Parameters


def main(parameters: Parameters) -> None:
    settings, level = parameters.claims, parameters.statistics.level
    cells = [
        cell
        for dataset in parameters.datasets
        for network in parameters.classifiers
        for cell in Measuring(
            root=Path(),
            dataset=dataset,
            network=network,
            grids=[str(size) for size in parameters.superpixels.sizes],
            clusters=str(parameters.superpixels.clusters),
            own_clusters=parameters.classes.own_clusters[0],
        ).cells(claims_of(settings.regions))
    ]
    thresholds = {"consistent_tau": settings.consistent_tau, "agreeing_tau": settings.agreeing_tau}
    least = settings.datasets, settings.networks
    write_json(
        Path("reports/claims.json"),
        make_ledger(cells, settings.regions, thresholds, settings.alpha, least, level, parameters.seed),
    )
