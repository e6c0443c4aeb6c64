"""Prepare the tagging of a class's clusters as object or background: python stages/tag.py CLASS [DATASET CLASSIFIER].

Draws reports/tags/DATASET-CLASSIFIER-CLASS.png, every cluster of the stage `classes` with its number and by itself,
and writes data/tags/DATASET/CLASSIFIER/CLASS.yaml with one line per cluster to fill in, unless it is there. A file
that is there and tags clusters of other settings ends it, before anything is drawn.
"""

import sys
from pathlib import Path

from nas.classes import folder_name, read_group
from nas.plots import classes, style
from nas.semantics import WORDS, check_settings, write_tag_template
from params import Parameters, run


def main(parameters: Parameters, group: str = "", dataset: str = "", classifier: str = "") -> None:
    if not group:
        raise ValueError("no class is given: python stages/tag.py CLASS [DATASET CLASSIFIER], CLASS of classes.groups")
    dataset, classifier = dataset or parameters.datasets[0], classifier or parameters.classifiers[0]
    found = read_group(Path(), dataset, classifier, group)
    name = folder_name(group)
    template = Path("data/tags", dataset, classifier, f"{name}.yaml")
    if template.exists():
        check_settings(template, found.settings)
    figure, caption = classes.load_tag_sheet(Path(), found)
    picture = style.save(figure, caption, Path("reports/tags", f"{dataset}-{classifier}-{name}"), photographs=True)
    if not template.exists():
        template.parent.mkdir(parents=True, exist_ok=True)
        write_tag_template(template, found.settings, found.n_clusters)
    print(f"{picture}: look at each cluster")
    print(f"{template}: write {' or '.join(WORDS)} after the number of each cluster")


if __name__ == "__main__":
    run(main, *sys.argv[1:])
