"""Prepare the tagging of a class's clusters as object or background: make tag CLASS=NAME [DATASET=... CLASSIFIER=...].

Draws reports/tags/DATASET-NETWORK-CLASS.png, every cluster of the stage `classes` with its number and by itself,
and writes data/tags/DATASET/NETWORK/CLASS.yaml with one line per cluster to fill in, unless it is there. A file
that is there and tags clusters of other settings ends it, before anything is drawn.
"""

import sys
from pathlib import Path

from nas.classes import folder_name, read_class
from nas.report.figures.tag_sheet import draw_tag_sheet
from nas.semantics import WORDS, check_settings, write_tag_template
from stages.params import Parameters, run


def main(parameters: Parameters, name: str = "", dataset: str = "", network: str = "") -> None:
    if not name:
        raise ValueError("no class is given: make tag CLASS=NAME [DATASET=... CLASSIFIER=...], NAME of classes.names")
    dataset, network = dataset or parameters.datasets[0], network or parameters.classifiers[0]
    found = read_class(Path(), dataset, network, name)
    folder = folder_name(name)
    template = Path("data/tags", dataset, network, f"{folder}.yaml")
    if template.exists():
        check_settings(template, found.settings)
    picture = draw_tag_sheet(Path(), found, Path("reports/tags", f"{dataset}-{network}-{folder}"))
    if not template.exists():
        template.parent.mkdir(parents=True, exist_ok=True)
        write_tag_template(template, found.settings, found.n_clusters)
    print(f"{picture}: look at each cluster")
    print(f"{template}: write {' or '.join(WORDS)} after the number of each cluster")


if __name__ == "__main__":
    run(main, *sys.argv[1:])
