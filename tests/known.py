"""A function without a code of its own, for tests of what is kept; processes that import it need no torch."""

from collections.abc import Callable
from typing import Any


class Known:
    """A function that is known by a name: its code, and what it notes of its calls, count not among what it is."""

    def __init__(self, function: Callable[..., Any], fingerprint: Any) -> None:
        self.function, self.fingerprint = function, fingerprint

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)
