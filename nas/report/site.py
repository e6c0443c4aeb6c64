"""The pages of the report: what notebooks say, with figures, tables, verdicts and provenance in their places."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, select_autoescape

from nas.data import read_records
from nas.report import findings, pages
from nas.report.names import label_of
from nas.report.provenance import footer
from nas.report.sections import SECTIONS, Section

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)
STYLE, SCRIPTS = "style.css", ("tables.js", "looker.js")
TITLE = "Neuro-Activated Superpixels, reconstructed and measured"
FEW = 200  # photos below which the page says that a data set is small
SCALE = (-1.0, 1.0)  # of the bars of claims: differences of shares, and correlations


class Run(NamedTuple):
    """What a report is of: data sets, networks, level of the intervals, seed."""

    datasets: Sequence[str]
    networks: Sequence[str]
    level: float
    seed: int


def make_site(root: Path, ledger: Mapping[str, Any], made: Mapping[str, Any], run: Run) -> Iterator[tuple[str, str]]:
    """Names and contents of the files of reports/site.

    Parameters: `ledger`, the content of claims.json; `made`, of provenance.json.
    """
    shared = {"sections": SECTIONS, "name": label_of, "label": pages.label, "bar": bar, "other": findings.other_of}
    yield "index.html", _index(root, ledger, made, run, shared)
    for number, section in enumerate(SECTIONS):
        content = (root / "reports" / "sections" / f"{section.name}.html").read_text(encoding="utf-8")
        yield (
            f"{section.name}.html",
            TEMPLATES.get_template("section.html").render(
                shared,
                section=section,
                title=section.title,
                body=pages.filled(content, dict(_parts(root, section, ledger["claims"], short=False))),
                tested=tested(section, ledger["claims"]),
                before=SECTIONS[number - 1] if number else None,
                after=SECTIONS[number + 1] if number + 1 < len(SECTIONS) else None,
                footer=footer(made, f"notebooks/{section.name}.ipynb"),
            ),
        )
    for file in (STYLE, *SCRIPTS):
        yield file, (Path(__file__).parent / "templates" / file).read_text(encoding="utf-8")


def _index(root: Path, ledger: Mapping[str, Any], made: Mapping[str, Any], run: Run, shared: Mapping[str, Any]) -> str:
    claims = ledger["claims"]
    photos = {dataset: len(read_records(root / "data" / "raw" / dataset)) for dataset in run.datasets}
    small = ", ".join(f"{dataset} has {n} photos" for dataset, n in photos.items() if n < FEW)
    tags = {section.name: [tag for _, tag in _parts(root, section, claims, short=True)] for section in SECTIONS}
    return TEMPLATES.get_template("index.html").render(
        shared,
        title=TITLE,
        ledger=ledger,
        headline=findings.headline([*claims, *ledger["across"]]),
        findings=findings.findings(claims),
        tally=findings.tally([*claims, *ledger["across"]]),
        groups=findings.groups(claims),
        tags=tags,
        tested={section.name: tested(section, claims) for section in SECTIONS},
        photos=photos,
        classifiers=run.networks,
        seed=run.seed,
        level=f"{run.level:.0%}",
        small=small and f"{small}: enough to check the method and to see large effects, too few for small ones.",
        footer=footer(made, ""),
    )


def _parts(root: Path, section: Section, claims: Sequence[Mapping[str, Any]], short: bool) -> Iterator[tuple[str, str]]:
    """Names and tags of the figures and tables of a section; of tables the `short` ones that link to the page."""
    figures, tables = root / "reports" / "figures", root / "reports" / "tables"
    source = f"notebooks/{section.name}.ipynb"
    for name in section.figures:
        shown = [claim for claim in claims if claim["figure"] == name]
        told = [f"{subject}: {text}" for subject, text in findings.findings(shown)]
        yield name, pages.figure_tag(figures, name, told, source)
    for name in section.tables:
        yield name, pages.table_tag(tables, name, short, f"{section.name}.html#{name}", source)


def tested(section: Section, claims: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The claims that the figures and tables of a section show, by subject."""
    return findings.groups([claim for claim in claims if claim["figure"] in (*section.figures, *section.tables)])


def bar(claim: Mapping[str, Any]) -> str:
    """An estimate with its interval, and what it is held against, as a small drawing."""
    low, high = SCALE
    places = {
        key: 100 * (min(max(claim[key], low), high) - low) / (high - low)
        for key in ("null", "value", "low", "high")
        if claim[key] is not None
    }
    drawn = f'<path class="null" d="M{places["null"]:.1f} 1v12"/>'
    if "value" in places:
        drawn += (
            f'<path d="M{places["low"]:.1f} 7H{places["high"]:.1f}"/><circle cx="{places["value"]:.1f}" cy="7" r="3"/>'
        )
    kind = claim["verdict"].replace(" ", "-")
    return f'<svg class="bar {kind}" viewBox="0 0 100 14" aria-hidden="true" focusable="false">{drawn}</svg>'
