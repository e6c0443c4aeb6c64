"""Two runs made up here, side by side."""

import io
import json
import re

import numpy as np
import pytest
import yaml
from ledgers import CLAIM, LEDGER, OTHER
from PIL import Image

from nas.report.comparing import Change, Number, changes, compare, differing, estimates, numbers
from nas.report.revisions import Revision


def picture(seed, size=(6, 8)):
    found = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)).save(found, format="PNG")
    return found.getvalue()


def run_of(folder, claims, parameters, metrics, figures):
    (folder / "reports/figures").mkdir(parents=True)
    (folder / "reports/claims.json").write_text(json.dumps({"claims": claims, "across": []}))
    (folder / "reports/metrics.json").write_text(json.dumps(metrics))
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters))
    for name, content in figures.items():
        (folder / f"reports/figures/{name}.png").write_bytes(content)
    return Revision(folder.name, folder, "")


@pytest.fixture
def runs(tmp_path):
    other = CLAIM | {"value": 0.4, "low": 0.2, "high": 0.6, "verdict": "supported"}
    return (
        run_of(tmp_path / "<one>", [CLAIM, OTHER], {"a": {"b": 1, "c": [1]}, "same": 2}, {"x": {"y": 1.0}, "z": None},
               {"figure1": picture(0), "figure2": picture(1), "figure3": picture(2), "figure4": picture(3)}),
        run_of(tmp_path / "two", [other, OTHER], {"a": {"b": 3, "c": [1]}, "new": 1, "same": 2}, {"x": {"y": 1.5}},
               {"figure1": picture(0), "figure2": picture(9), "figure3": picture(2, (6, 9))}),
    )  # fmt: skip


def test_the_page_has_what_differs_and_no_more(runs):
    made = dict(compare(*runs))
    text = made["index.html"].decode()
    rows = [re.sub(r"</td>\s*<td>", " | ", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", text, re.DOTALL)]
    assert [re.sub("<[^>]+>", "", row) for row in rows] == [
        "a.b | 1 | 3",
        "new | – | 1",
        "helps.nas_clusters | contradicted | supported",
        "helps.nas_clusters | -0.0123 | 0.4 | 0.4123 | apart",
        "x.y | 1 | 1.5 | 0.5",
    ]
    assert "byte for byte: Figure 1." in text and "Figure 4: two has no figure4.png." in text
    assert "&lt;one&gt;" in text and "<one>" not in text and "The two are of different sizes" in text
    assert set(made) == {"index.html", "style.css", "compare.js", "one/figure2.png", "other/figure2.png",
                         "differing/figure2.png", "one/figure3.png", "other/figure3.png"}  # fmt: skip
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address in made or address == "data:,"
    assert dict(compare(*runs)) == made


def test_two_equal_runs_differ_in_nothing(runs):
    text = dict(compare(runs[0], runs[0]))["index.html"].decode()
    assert text.count("Nothing differs.") == 4 and 'type="range"' not in text and "<figure" not in text


def test_pixels_that_differ_are_counted_and_red():
    one = np.full((4, 5, 3), 200, np.uint8)
    other = one.copy()
    other[1, 2] = 0
    share, drawn = differing(*(_png(each) for each in (one, other)))
    found = np.asarray(Image.open(io.BytesIO(drawn)))
    assert share == 1 / 20 and found[1, 2].tolist() == [194, 30, 30] and found[0, 0].tolist() == [241] * 3
    assert differing(_png(one), _png(one[1:])) == (None, None)


def _png(pixels):
    found = io.BytesIO()
    Image.fromarray(pixels).save(found, format="PNG")
    return found.getvalue()


def test_values_that_differ_are_in_order_and_numbers_are_of_both():
    assert changes({"a": 1, "b": 2}, {"b": 3, "c": None, "d": 0}) == [
        Change("a", 1, "–"), Change("b", 2, 3), Change("c", "–", None), Change("d", "–", 0)
    ]  # fmt: skip
    assert numbers({"a": 1, "b": True, "c": "x", "d": None}, {"a": 2.5, "b": True, "c": 1}) == [
        Number("a", 1, 2.5, None)
    ]
    assert Number("a", 1, 2.5, None).difference == 1.5 and Number("a", None, 2.5, None).difference is None


@pytest.mark.parametrize(("low", "high", "overlap"), [(0.05, 0.2, True), (0.06, 0.2, False), (None, None, None)])
def test_intervals_overlap_where_they_touch(low, high, overlap):
    one, other = {"x": CLAIM}, {"x": CLAIM | {"value": 0.1, "low": low, "high": high}, "y": CLAIM}
    assert estimates(one, other) == [Number("x", -0.0123, 0.1, overlap)]


def test_values_are_printed_as_they_stand_in_params_yaml(runs):
    for run, values in zip(runs, ({"a": True, "b": 1234567, "c": None}, {"a": False, "b": 1234568}), strict=True):
        (run.root / "params.yaml").write_text(yaml.safe_dump(values))
    text = dict(compare(*runs))["index.html"].decode()
    rows = [re.findall("<td>(.*?)</td>", row) for row in re.findall(r"<tr>(<td>[abc]<.*?)</tr>", text, re.DOTALL)]
    assert rows == [["a", "True", "False"], ["b", "1234567", "1234568"], ["c", "null", "–"]]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [("params.yaml", "a: [", "cannot be read"), ("reports/claims.json", "{}", "holds no claims")],
)
def test_a_file_that_is_none_of_a_report_is_named(runs, path, content, message):
    (runs[1].root / path).write_text(content)
    with pytest.raises(ValueError, match=rf"^two: {path} {message}") as caught:
        dict(compare(*runs))
    assert "\n" not in str(caught.value)


def test_a_ledger_that_is_cut_off_is_named(runs):
    (runs[1].root / "reports/claims.json").write_text(json.dumps(LEDGER)[:-5])
    with pytest.raises(ValueError, match=r"^two: reports/claims\.json cannot be read \(.+\); restore it, or run make"):
        dict(compare(*runs))
