"""What a notebook works with: the settings of its subject, and where its figures and tables go."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, Image, display
from matplotlib.figure import Figure

from nas.report import style
from nas.report.figures import depths_looker
from nas.report.figures.depths_looker import Looker
from nas.report.pages import MARK, scrolled
from nas.report.writing import html as html_table
from nas.report.writing import in_lines, write_printed
from nas.statistics import Resampling
from nas.store import one_line, read_yaml, write_bytes, write_json


class NotebookPage:
    """A page of the report in the making.

    Parameters
    ----------
    subject : name of the notebook, and of the section of params.yaml whose `figure` are its settings
    root : folder of the project; by default the one around the notebook
    output : folder for figures and tables; by default one for work in progress, so that the report stays as it is

    Attributes
    ----------
    root, output : the folders
    datasets, networks : of params.yaml
    settings : of the figure
    resampling : of the intervals
    consistent_tau : of the claims, from which two rankings count as alike
    """

    def __init__(self, subject: str, root: str | None = None, output: str | None = None) -> None:
        self.root = Path(root) if root is not None else _around(Path.cwd())
        self.output = Path(output) if output is not None else self.root / "data" / "scratch" / "notebooks" / subject
        parameters = read_yaml(self.root / "params.yaml")
        self.datasets: list[str] = parameters["datasets"]
        self.networks: list[str] = parameters["classifiers"]
        self.settings: dict[str, Any] = parameters.get(subject, {}).get("figure", {})
        statistics = parameters["statistics"]
        self.resampling = Resampling(statistics["level"], statistics["resamples"], parameters["seed"])
        self.consistent_tau: float = parameters["claims"]["consistent_tau"]
        self._shown = 0

    def figure(
        self,
        drawn: Figure,
        caption: str,
        name: str,
        photographs: bool = False,
        data: pd.DataFrame | None = None,
    ) -> None:
        """Save a figure and show it with its caption, see `nas.report.style.save`; `data`, the numbers drawn, as CSV.

        In the page of the report it is the picture of the report, with its downloads (`nas.report.pages`).
        """
        stem = self.output / "figures" / name
        picture = style.save(drawn, caption, stem, photographs)
        if data is not None:
            write_bytes(stem.with_suffix(".csv"), data.to_csv(index=False, float_format="%.6g").encode())
        display(Image(picture), metadata={MARK: {"part": name}})
        display(_paragraph(caption), metadata={MARK: {}})

    def table(
        self,
        table: pd.DataFrame,
        caption: str,
        name: str,
        bold: pd.DataFrame | None = None,
        tidy: pd.DataFrame | None = None,
        short: Sequence[bool] | None = None,
    ) -> None:
        """Save a table and show it with its caption, see `nas.report.writing.write_printed`."""
        write_printed(table, self.output / "tables" / name, caption, bold, tidy, short)
        display(_paragraph(caption), metadata={MARK: {}})
        display(HTML(html_table(table, bold)), metadata={MARK: {"part": name}})

    def json(self, table: pd.DataFrame, name: str) -> None:
        """Save the rows of a table as JSON, for the plots of DVC."""
        write_json(self.output / "tables" / f"{name}.json", table.to_dict("records"))

    def looker(self, shown: Looker) -> None:
        """Save the tiles of label maps and show the sliders that choose one; they slide in the report alone."""
        depths_looker.save(shown, self.output / "figures")
        display(HTML(depths_looker.element(shown)))

    def show(self, table: pd.DataFrame, note: str = "") -> None:
        """Show a table that is part of the page alone, after a note."""
        if note:
            display(_paragraph(note))
        self._shown += 1
        display(HTML(scrolled(html_table(in_lines(table)), f"Table {self._shown} of this page")))


def _paragraph(text: str) -> HTML:
    """A text in which nothing is markup: it may have names of the user's."""
    return HTML(f"<p>{html.escape(one_line(text), quote=False)}</p>")


def _around(folder: Path) -> Path:
    for place in (folder, *folder.parents):
        if (place / "params.yaml").is_file() and (place / "dvc.yaml").is_file():
            return place
    raise ValueError(f"{folder}: lies in no folder with params.yaml and dvc.yaml; give root=")
