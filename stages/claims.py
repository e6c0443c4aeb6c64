"""Hold the paper's claims against the tables: reports/claims.json."""

from pathlib import Path

from nas.claims import Testing, make_ledger
from nas.store import write_json
from stages.params import Parameters


def main(parameters: Parameters) -> None:
    settings, resampling = parameters.claims, parameters.resampling()
    found = [
        finding
        for dataset in parameters.datasets
        for network in parameters.classifiers
        for finding in Testing(
            root=Path(),
            dataset=dataset,
            network=network,
            resampling=resampling,
            variant=str(parameters.superpixels.sizes[0]),
            clusters=str(parameters.superpixels.clusters),
            own_clusters=parameters.classes.own_clusters[0],
            regions=settings.regions,
            consistent_tau=settings.consistent_tau,
            agreeing_tau=settings.agreeing_tau,
        ).findings()
    ]
    least = settings.datasets, settings.networks
    content = make_ledger(found, settings.regions, settings.alpha, *least, resampling.level, resampling.seed)
    write_json(Path("reports/claims.json"), content)
