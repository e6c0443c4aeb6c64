"""The first page of the report, and the numbers to compare between runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from nas.data import read_records
from nas.localization import MEAN
from nas.report import pages
from nas.report.names import label_of
from nas.report.results import summary
from nas.saliency import RAW
from nas.superpixels import read_variants

HEADLINE = "MaxBoxAccV2"
FEW = 200  # photos below which the page says that a data set is small


class Section(NamedTuple):
    """A section of the first page: the name of its page, its title, its figures and tables."""

    name: str
    title: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


SECTIONS = (
    Section("superpixels", "Superpixels of three kinds", figures=("figure1",), tables=("table2",)),
    Section("method", "How NAS are made", figures=("figure2",)),
    Section("ablation", "Depth and number of clusters", figures=("figure3",)),
    Section("classes", "One photo against all of its class", figures=("figure4",), tables=("classes",)),
    Section("saliency", "Saliency, averaged inside superpixels", figures=("figure5",)),
    Section("convergence", "Have maps and curves converged?", figures=("convergence", "steps")),
    Section("localization", "Localization at high thresholds", figures=("figure6",), tables=("table1",)),
    Section("semantics", "Scoring saliency with few labels", figures=("figure7",), tables=("table3",)),
    Section("relevance", "Removing the least relevant first", figures=("figure8", "figure9"), tables=("table4",)),
    Section("networks", "The networks", tables=("table5",)),
    Section("annotations", "The ground truth", figures=("annotations",)),
)


def make_first_page(
    root: Path, ledger: dict[str, Any], datasets: Sequence[str], networks: Sequence[str], level: float, seed: int
) -> str:
    """The page, as HTML, with every figure and table that the notebooks wrote.

    Parameters: `ledger`, the content of claims.json; `level`, of the intervals.
    """
    figures, tables = root / "reports" / "figures", root / "reports" / "tables"
    sections = [
        {
            "name": section.name,
            "title": section.title,
            "tags": [pages.figure_tag(figures, name) for name in section.figures]
            + [pages.table_tag(tables, name) for name in section.tables],
        }
        for section in SECTIONS
    ]
    claims: dict[str, list[dict[str, Any]]] = {}
    for claim in ledger["claims"]:
        claims.setdefault(claim["text"], []).append(claim)
    photos = {dataset: len(read_records(root / "data" / "raw" / dataset)) for dataset in datasets}
    small = ", ".join(f"{dataset} has {n} photos" for dataset, n in photos.items() if n < FEW)
    return pages.index(
        sections,
        ledger=ledger,
        claims=claims,
        name=label_of,
        label=pages.label,
        title="Neuro-Activated Superpixels, reconstructed and measured",
        photos=photos,
        classifiers=networks,
        seed=seed,
        level=f"{level:.0%}",
        small=small and f"{small}: enough to check the method and to see large effects, too few for small ones.",
    )


def metrics(root: Path, ledger: dict[str, Any], datasets: Sequence[str], networks: Sequence[str]) -> dict[str, Any]:
    """The numbers to compare between runs.

    Of each claim of the ledger its verdict and its estimate; then by data set and network the measures of each method,
    of the first variant of NAS, and how well maps localize.
    """
    estimates = {
        claim["name"]: {"verdict": claim["verdict"], "value": rounded(claim["value"])} for claim in ledger["claims"]
    }
    found: dict[str, Any] = {"claims": estimates}
    for dataset in datasets:
        for network in networks:
            variant = next(iter(read_variants(root / "data" / "superpixels" / dataset / network)))
            superpixels = summary(root, "superpixels", [dataset], [network])
            superpixels = superpixels[superpixels["variant"] == variant]
            accuracy = summary(root, "activations", [dataset], [network])
            top1 = accuracy[(accuracy["labels"] == "all") & (accuracy["view"] == "center crop")]
            measured: dict[str, Any] = {
                "top1": rounded(top1["value"].iloc[0]),
                **{
                    str(method): {row["measure"]: rounded(row["value"]) for row in of_method.to_dict("records")}
                    for method, of_method in superpixels.groupby("method", sort=False)
                },
            }
            measured |= _localized(summary(root, "localization", [dataset], [network]))
            found.setdefault(dataset, {})[network] = measured
    return found


def _localized(scores: pd.DataFrame) -> dict[str, Any]:
    """`HEADLINE` of maps as they are, controls too, and its mean gain inside each kind of regions; {} without boxes."""
    rows = scores[scores["measure"] == HEADLINE]
    raw, means = rows[rows["regions"] == RAW], rows[rows["method"] == MEAN]
    if rows.empty:
        return {}
    return {
        HEADLINE: {row["method"]: rounded(row["value"]) for row in raw.to_dict("records")},
        f"mean gain in {HEADLINE}": {row["regions"]: rounded(row["gain"]) for row in means.to_dict("records")},
    }


def rounded(value: float | None) -> float | None:
    """Four digits after the point; a number that is not defined is null."""
    return None if value is None or pd.isna(value) else round(float(value), 4)
