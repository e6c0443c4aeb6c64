"""That the browser sees what is wrong with a page."""

import pytest
from browser import missing, seen

BAD = """<!DOCTYPE html><html><head><title>bad</title></head><body>
<div style="width: 3000px">wide</div><img src="missing.png"><a href="#nowhere">x</a>
<table class="data"><thead><tr><th class="n" scope="col"><button>a</button></th></tr></thead>
<tbody><tr><td class="n">2</td></tr><tr><td class="n">1</td></tr></tbody></table>
<script>throw new Error("on purpose");</script></body></html>"""
GOOD = """<!DOCTYPE html><html lang="en"><head><title>good</title></head><body><main><h1 id="here">A title</h1>
<p><a href="#here">to it</a></p></main></body></html>"""


@pytest.fixture(autouse=True)
def browser():
    if reason := missing():
        pytest.skip(reason)


def test_what_is_wrong_is_seen(tmp_path):
    (tmp_path / "page.html").write_text(BAD)
    found = seen(tmp_path, "page.html", 390, tmp_path)
    assert found["width"] == 390 and found["wider"] > 2000 and found["anchors"] == ["#nowhere"]
    assert any("on purpose" in error for error in found["errors"])
    assert any("missing.png" in error for error in found["errors"])
    assert found["unsorted"] == ["a ascending", "a descending"]
    ids = {each.partition(":")[0] for each in found["violations"]}
    assert {"image-alt", "html-has-lang"} <= ids
    assert [path.name for path in tmp_path.glob("*.html")] == ["page.html"]


def test_nothing_is_seen_where_nothing_is_wrong(tmp_path):
    (tmp_path / "page.html").write_text(GOOD)
    found = seen(tmp_path, "page.html", 1280, tmp_path)
    assert found.pop("passes") > 5 and found.pop("wider") <= 0 and found.pop("width") == 1280
    assert not any(found.values())
    assert seen(tmp_path, "page.html", 1280, tmp_path, accessible=False)["passes"] == 0
