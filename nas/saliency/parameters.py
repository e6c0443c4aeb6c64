"""Parameters of a saliency method, checked against its defaults."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

MAY_BE_ZERO = ("seed", "dilation", "noise_level", "alpha", "sigma")
SHARES = ("keep",)


def check_values(method: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise a ValueError for a parameter that the method does not have, or a value that it does not take."""
    for name, value in given.items():
        if name not in defaults:
            known = f"allowed are {', '.join(defaults)}" if defaults else "it takes none"
            raise ValueError(f"{method} has no parameter {name!r}: {known}")
        _check_value(method, name, value, defaults[name])


def _check_value(method: str, name: str, value: Any, default: Any) -> None:
    """Values have the type of the default; numbers are above 0 where nothing else is said."""
    kind = type(default)
    wanted = {bool: "True or False", str: "a name", int: "a whole number", float: "a number", tuple: "numbers"}[kind]
    numbers = value if kind is tuple and isinstance(value, tuple | list) else [value]
    types = {bool: bool, str: str, int: Integral}.get(kind, Real)
    fits = len(numbers) > 0 and all(
        isinstance(number, types) and (kind is bool or not isinstance(number, bool)) for number in numbers
    )
    if kind not in (bool, str):
        wanted += " of 0 or more" if name in MAY_BE_ZERO else " above 0"
        wanted += " and at most 1" if name in SHARES else ""
        fits = fits and all(
            (number >= 0 if name in MAY_BE_ZERO else number > 0) and (number <= 1 or name not in SHARES)
            for number in numbers
        )
    if not fits:
        raise ValueError(f"{name} of {method} is {value!r}; give {wanted}, such as {default!r}")
