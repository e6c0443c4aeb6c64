"""Gather the report: its first page with every figure and table, and reports/metrics.json."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

import pages
from nas.datasets import read_records
from nas.plots import style
from nas.shards import write_json
from nas.tables import collect
from params import Parameters, run

REPORTS = Path("reports")
CLAIMS = REPORTS / "claims.json"


class Section(NamedTuple):
    name: str
    title: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


SECTIONS = (
    Section("segmentations", "Superpixels of three kinds", figures=("figure1",)),
    Section("method", "How NAS are made", figures=("figure2",)),
    Section("depths", "Depth and number of clusters", figures=("figure3",)),
    Section("agreement", "Agreement with objects and edges", tables=("table2",)),
    Section("single_and_class", "One photo against all of its class", figures=("figure4",), tables=("classes",)),
    Section("contrast", "Saliency, averaged inside superpixels", figures=("figure5",)),
    Section("high_iou", "Localization at high thresholds", figures=("figure6",), tables=("table1",)),
    Section("few_labels", "Scoring saliency with few labels", figures=("figure7",), tables=("table3",)),
    Section("relevance_curves", "Removing the least relevant first", figures=("figure8",), tables=("table4",)),
    Section("inconsistency", "How inconsistent is AUC-LeRF?", figures=("figure9",)),
    Section("sampling", "Have the saliency maps converged?", figures=("convergence",)),
    Section("networks", "The networks", tables=("table5",)),
    Section("annotations", "The ground truth", figures=("annotations",)),
)


def metrics(parameters: Parameters) -> dict[str, Any]:
    """The numbers to compare between runs: data set, network, then measure by method on the recipe's grid."""
    found: dict[str, Any] = {}
    for dataset in parameters.datasets:
        for classifier in parameters.classifiers:
            superpixels = collect(Path(), "superpixels", [dataset], [classifier])
            superpixels = superpixels[superpixels["size"] == str(parameters.superpixels.sizes[0])]
            accuracy = collect(Path(), "activations", [dataset], [classifier])
            top1 = accuracy[(accuracy["labels"] == "all") & (accuracy["view"] == "center crop")]
            found.setdefault(dataset, {})[classifier] = {
                "top1": rounded(top1["mean"].iloc[0]),
                **{
                    method: {row["measure"]: rounded(row["mean"]) for row in of_method.to_dict("records")}
                    for method, of_method in superpixels.groupby("method", sort=False)
                },
            }
    return found


def rounded(value: float) -> float | None:
    """Four digits after the point; a number that is not defined is null."""
    return None if pd.isna(value) else round(float(value), 4)


def main(parameters: Parameters) -> None:
    sections = [
        {
            "name": section.name,
            "title": section.title,
            "tags": [pages.figure_tag(REPORTS / "figures", name) for name in section.figures]
            + [pages.table_tag(REPORTS / "tables", name) for name in section.tables],
        }
        for section in SECTIONS
    ]
    photos = {dataset: len(read_records(Path("data/raw", dataset))) for dataset in parameters.datasets}
    small = ", ".join(f"{dataset} has {n} photos" for dataset, n in photos.items() if n < 200)
    page = pages.index(
        sections,
        ledger=json.loads(CLAIMS.read_text()),
        name=style.name,
        kind_name=style.kind_name,
        label=pages.label,
        title="Neuro-Activated Superpixels, reconstructed and measured",
        photos=photos,
        classifiers=parameters.classifiers,
        seed=parameters.seed,
        level=f"{parameters.statistics.level:.0%}",
        small=small and f"{small}: enough to check the method and to see large effects, too few for small ones.",
    )
    write_json(REPORTS / "metrics.json", metrics(parameters))
    pages.write(page, REPORTS / "site" / "index.html")


if __name__ == "__main__":
    run(main)
