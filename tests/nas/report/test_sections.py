"""Sections are notebooks."""

from nas.report.sections import SECTIONS


def test_every_notebook_is_a_section_and_no_name_is_there_twice(root):
    names = [section.name for section in SECTIONS]
    assert sorted(names) == sorted(path.stem for path in (root / "notebooks").glob("*.ipynb") if path.stem != "explore")
    parts = [part for section in SECTIONS for part in (*section.figures, *section.tables)]
    assert len({*parts}) == len(parts) and len({*names}) == len(names)
