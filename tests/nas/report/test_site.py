"""The pages of the report, of results made up here."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from ledgers import CLAIM, LEDGER
from PIL import Image

from nas.data.records import Record, write_records
from nas.report import site
from nas.report.pages import PLACE
from nas.report.sections import SECTIONS
from nas.report.site import Run, bar, make_site
from nas.report.writing import write_printed
from nas.store.files import write_bytes

MADE = {"data": {"data/raw/made": "0123456789ab"}, "versions": {"torch": "2"}}


@pytest.fixture
def root(tmp_path):
    """A project with every section, figure and table, and two data sets of 2 and 3 photos."""
    for section in SECTIONS:
        parts = (*section.figures, *section.tables)
        content = "".join([f"<h1>{section.title}</h1>", *map(PLACE.format, parts)])
        write_bytes(tmp_path / f"reports/sections/{section.name}.html", content.encode())
        for name in section.figures:
            write_bytes(tmp_path / f"reports/figures/{name}.txt", f"Caption of {name}. And more.\n".encode())
            Image.new("RGB", (30, 10)).save(tmp_path / f"reports/figures/{name}.png")
        for name in section.tables:
            table = pd.DataFrame({"score": ["0.5", "0.25"]})
            write_printed(table, tmp_path / f"reports/tables/{name}", f"Caption of {name}", short=[True, False])
    for dataset, n in (("made", 2), ("bare", 3)):
        write_records(
            [Record(f"p{i}", tmp_path / "x.png", "0" * 64) for i in range(n)], tmp_path / "data/raw" / dataset
        )
    return tmp_path


def pages(root, **given):
    known = {"datasets": ["made", "bare"], "networks": ["mobilenet_v2", "own"], "level": 0.9, "seed": 7}
    return dict(make_site(root, LEDGER, MADE, Run(**(known | given))))


def plain(text):
    return " ".join(re.sub(r"<[^>]+>", "", text).split())


def test_every_figure_and_table_is_on_the_first_page_once_in_its_section_and_on_its_own_page(root):
    found = pages(root)
    text, places = found["index.html"], []
    for section in SECTIONS:
        if section.name != "claims":
            places.append(text.index(f'<h2 id="section-{section.name}">'))
            assert f'<a href="{section.name}.html">The whole section' in text
        for name in (*section.figures, *section.tables):
            for page in (text, found[f"{section.name}.html"]):
                assert page.count(f'<figure id="{name}"') == 1 and page.count(f"</strong> Caption of {name}") == 1
            places.append(text.index(f'<figure id="{name}"'))
        for name in section.tables:
            assert (text.count('<td class="n">0.25</td>'), "0.25" in found[f"{section.name}.html"]) == (0, True)
            assert f'<a href="{section.name}.html#{name}">All 2 rows</a>, of which these are 1.' in text
    assert places == sorted(places)


def test_the_page_says_of_what_it_is_and_what_it_found(root):
    text = plain(pages(root)["index.html"])
    assert "made (2), bare (3); networks: MobileNetV2, own; seed 7." in text
    assert "4 tests on 7 photos: 1 supported, 1 contradicted, 1 undecided, 1 not measured." in text
    assert "corrected for all 4 tests" in text and "Square brackets are 90% intervals over photos" in text
    assert "NAS clusters are below SLIC with as &lt;many&gt; (-0.012)." in text and "a rule" in text


def test_claims_are_the_numbers_of_the_ledger(root):
    text = pages(root)["index.html"]
    assert text.count("<strong>It &lt;helps&gt;.</strong> Averaging &lt;helps&gt;.") == 1
    read = plain(text)
    assert (
        "NAS clusters over SLIC with as &lt;many&gt; contradicted It is &lt;below&gt; 0. Cells: -0.020 to +0.010, I"
        in read
    )
    assert "0.8, a threshold of ours supported" in read and "Not measured: nothing." in read
    for verdict in ("contradicted", "not measured", "supported"):
        assert f'<span class="verdict {verdict.replace(" ", "-")}">{verdict}</span>' in text
    for claim in LEDGER["claims"]:
        assert text.count(f'id="claim-{claim["name"]}"') == 1
    assert "Above 0 in 2 of 3 cells, on 1 data set under 2 networks (p = 0.3000, the largest of the cells" in read


def test_a_section_repeats_the_verdicts_that_its_figures_show(root):
    found = pages(root)
    assert found["localization.html"].count('id="verdict-helps.nas_clusters"') == 1  # of table 1
    assert 'id="verdict-' not in found["method.html"] and "Claims that are tested here" not in found["method.html"]
    assert 'href="localization.html#verdict-helps.nas_clusters"' in found["index.html"]


def test_what_holds_everywhere_says_why_it_is_not_measured(root, monkeypatch):
    monkeypatch.setitem(LEDGER["across"][0], "missing", "1 data set")
    assert "Not measured: 1 data set." in pages(root)["index.html"]


def test_small_data_sets_are_called_small(root, monkeypatch):
    assert "Few photos: made has 2 photos, bare has 3 photos: enough to check" in plain(pages(root)["index.html"])
    monkeypatch.setattr(site, "FEW", 3)
    assert "Few photos: made has 2 photos: enough to check" in plain(pages(root)["index.html"])
    monkeypatch.setattr(site, "FEW", 2)
    assert "enough to check" not in pages(root)["index.html"]


class Checked(HTMLParser):
    """Ids, and addresses with the elements that they are of, and elements that are open."""

    VOID = ("meta", "link", "img", "br", "input", "path", "circle", "hr")

    def __init__(self, text):
        super().__init__()
        self.ids, self.addresses, self.open = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.ids += [known["id"]] if "id" in known else []
        self.addresses += [known[key] for key in ("href", "src") if key in known]
        assert tag != "img" or (known["alt"] and known["width"] and known["height"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in self.VOID or self.open.pop() == tag


def test_every_link_leads_somewhere_in_the_folder_and_every_id_is_there_once(root):
    found = pages(root)
    checked = {name: Checked(text) for name, text in found.items() if name.endswith(".html")}
    others = {"../provenance.json", *(f"notebooks/{section.name}.ipynb" for section in SECTIONS)}
    for name, page in checked.items():
        assert len({*page.ids}) == len(page.ids)
        for address in page.addresses:
            file, _, place = address.partition("#")
            if file.startswith(("../figures/", "../tables/")):
                assert (root / "reports/site" / file).resolve().is_file(), address
            elif file not in others and file != "data:,":
                assert file in found or not file, address
                assert not place or place in checked[file or name].ids, address


def test_no_page_loads_anything_from_outside(root):
    for name, text in pages(root).items():
        assert not re.search(r"""(src|href)=["'](https?:)?//""", text) and "@import" not in text, name


@pytest.mark.parametrize(("value", "place"), [(-1.0, 0.0), (1.0, 100.0), (0.0, 50.0), (0.1, 55.0)])
def test_a_bar_has_its_estimate_in_its_place(value, place):
    drawn = bar(CLAIM | {"value": value, "low": 0.0, "high": 0.5, "null": -1.0})
    assert f'<circle cx="{place:.1f}"' in drawn and 'd="M50.0 7H75.0"' in drawn and 'd="M0.0 1v12"' in drawn
    assert "circle" not in bar(CLAIM | {"value": None, "low": None, "high": None})
