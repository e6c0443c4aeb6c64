"""Texts of others, an error of a library or the name of a photo, inside a line of our own."""


def one_line(text: object, most: int | None = None) -> str:
    r"""A text, or an error as text, in one line that can be printed; what cannot be is written as Python does.

    Blanks and ends of lines become one space each. Of more than `most` characters the first ones are kept.

    Examples
    --------
    >>> one_line("no such\n  thing")
    'no such thing'
    >>> one_line("a\u202eb\x07\udcf6")
    'a\\u202eb\\x07\\udcf6'
    """
    words = " ".join(str(text).split())
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in words[:most])
