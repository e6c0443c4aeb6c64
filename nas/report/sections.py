"""The sections of the report: each is a notebook, a page, and what of it the first page shows."""

from typing import NamedTuple


class Section(NamedTuple):
    """A section: the name of its notebook and page, its title, its figures and tables."""

    name: str
    title: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


SECTIONS = (
    Section("claims", "Every claim and its test", figures=("claims",)),
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
