"""Texts of others in one line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.store.words import one_line


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(max_size=40))
def test_a_line_can_be_printed_and_printable_texts_stay(text):
    found = one_line(text)
    assert found.isprintable() and "\n" not in found
    if text.isprintable() and text == " ".join(text.split(" ")).strip() and "  " not in text:
        assert found == text


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("no such\n  thing\t!", None, "no such thing !"),
        ("\u202ecod", None, "\\u202ecod"),
        ("v\udcf6gel", None, "v\\udcf6gel"),
        ("a\x07\x1b[31m", None, "a\\x07\\x1b[31m"),
        ("\u732b V\u00f6gel \u05e9", None, "\u732b V\u00f6gel \u05e9"),
        ("abcdef", 3, "abc"),
        (ValueError("two\nlines"), None, "two lines"),
        ("", None, ""),
    ],
)
def test_what_cannot_be_printed_is_written_as_python_does(text, most, expected):
    assert one_line(text, most) == expected
