"""Which values a parameter takes, against the rules written plainly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.saliency.parameters import MAY_BE_ZERO, SHARES, check_values

many = settings(max_examples=300, deadline=None, derandomize=True)
DEFAULTS = {"relu": True, "output": "logit", "n_steps": 5, "seed": 3, "keep": 0.5, "alpha": 1.0, "epsilon": 1e-6,
            "scales": (1, 2)}  # fmt: skip
numbers = st.one_of(st.integers(-2, 3), st.sampled_from([-0.5, 0.0, 0.5, 1.0, 1.5]))
simple = st.one_of(st.booleans(), st.sampled_from(["many", ""]), numbers, st.none())


def taken(name, value):
    """Whether the parameter takes the value."""
    if name == "relu":
        return isinstance(value, bool)
    if name == "output":
        return isinstance(value, str)
    values = list(value) if name == "scales" and isinstance(value, tuple | list) else [value]
    for each in values:
        if isinstance(each, bool) or not isinstance(each, int | float):
            return False
        if name in ("n_steps", "seed") and not isinstance(each, int):
            return False
        if each < 0 or (each == 0 and name not in MAY_BE_ZERO) or (each > 1 and name in SHARES):
            return False
    return len(values) > 0


@many
@given(name=st.sampled_from(list(DEFAULTS)), value=st.one_of(simple, st.lists(numbers, max_size=3)))
def test_values_are_taken_by_the_rules(name, value):
    if taken(name, value):
        check_values("method", DEFAULTS, {name: value})
    else:
        with pytest.raises(ValueError) as error:
            check_values("method", DEFAULTS, {name: value})
        assert str(error.value).startswith(f"{name} of method is {value!r}; give ") and "\n" not in str(error.value)
        assert str(error.value).endswith(f"such as {DEFAULTS[name]!r}")


def test_an_unknown_name_is_told_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"^rise has no parameter 'masks': allowed are n_masks, keep$"):
        check_values("rise", {"n_masks": 1, "keep": 0.5}, {"masks": 3})
    with pytest.raises(ValueError, match=r"^gradient has no parameter 'seed': it takes none$"):
        check_values("gradient", {}, {"seed": 3})
