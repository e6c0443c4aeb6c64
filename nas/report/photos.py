"""The photos that a figure shows."""

from collections.abc import Sequence

from nas.store import Shards


def present(stored: Shards, names: Sequence[str]) -> list[str]:
    """Those of the named photos that the data set has; where it has none, as many of its own, evenly spaced.

    So a figure that names photos can be drawn of a part of their data set, and of another one.
    """
    known = set(stored.ids)
    return stored.pick([name for name in names if name in known] or names)


def missing_text(shown: Sequence[str], names: Sequence[str]) -> str:
    """A sentence on named photos that are not among those shown, "" where none of the named ones is, or all are."""
    missing = [name for name in names if name not in shown]
    if not missing or len(missing) == len(names):
        return ""
    return f" Named for this figure, but not in this data set: {', '.join(missing)}."
