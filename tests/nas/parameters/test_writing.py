"""Sections written and read again as YAML, with the comments of their model."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.parameters.section import Section, knob
from nas.parameters.writing import WIDTH, dump, flow, tidy

random = settings(max_examples=150, deadline=None, derandomize=True)
TEXT = st.text("abyn ~/:#,-\"'{}[]&*!|>%@`1.\u00e9\\", max_size=6) | st.sampled_from(
    ["null", "Yes", "off", "~", "~/x.pth", "true", "y", "1e5", "0x1", "2001-01-01", "a: b", "a #b", "=", "<<"]
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,12}", fullmatch=True)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(0, 9), inner, max_size=3)
)
LONG = f"of the tuned variant, or null where there is none{', which is said at length' * 4}"


class Slic(Section):
    compactness: float = knob("how square")
    sigma: float
    name: str = knob("of it")


class Regions(Section):
    sizes: list[str] = knob("the variants")
    parameters: dict[str, Any] = knob("of the methods", entries={"rise": "many", "lime": "few"})
    files: dict[str, Any]
    slic: Slic = knob("of slic")
    tuned: Slic | None = knob(LONG)


class Parameters(Section):
    seed: int = knob("of all random numbers")
    datasets: list[str]
    regions: Regions = knob("of the photos")
    limit: int | None = knob("photos")
    other: Slic


SLIC = st.builds(Slic, compactness=st.floats(-1e9, 1e9), sigma=st.floats(0, 1), name=TEXT | NAMES)
PARAMETERS = st.builds(
    Parameters,
    seed=st.integers(0, 9),
    datasets=st.lists(NAMES, max_size=4, unique=True),
    regions=st.builds(
        Regions,
        sizes=st.lists(NAMES, max_size=20, unique=True),
        parameters=st.dictionaries(
            st.sampled_from(["rise", "lime", "cam"]), st.dictionaries(NAMES, SCALARS, max_size=2)
        ),
        files=st.dictionaries(NAMES, VALUES, max_size=3),
        slic=SLIC,
        tuned=st.none() | SLIC,
    ),
    limit=st.none() | st.integers(0, 9),
    other=SLIC,
)
SOME = Parameters(
    seed=0,
    datasets=["sample"],
    regions=Regions(
        sizes=["first"],
        parameters={"rise": {"n": 8}, "cam": {}},
        files={"vgg": "~/vgg.pth"},
        slic=Slic(compactness=10.0, sigma=0.5, name="a b"),
        tuned=None,
    ),
    limit=None,
    other=Slic(compactness=1e-05, sigma=1e16, name="off"),
)


@random
@given(VALUES)
def test_a_value_in_one_line_is_read_as_it_is(value):
    text = flow(value)
    assert "\n" not in text
    assert yaml.safe_load(f"key: {text}") == {"key": value}
    assert yaml.safe_load(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["a", 1, None, True], "[a, 1, null, true]"),
        ({"a": [1.5], 2: {}}, "{a: [1.5], 2: {}}"),
        (1e-05, "1.0e-05"),
        (2.5e20, "2.5e+20"),
        ("~/photos.d/x-1@2", "~/photos.d/x-1@2"),
        ("a b", '"a b"'),
        ("No", '"No"'),
        ("", '""'),
    ],
)
def test_values_are_plain_where_they_can_be(value, text):
    assert flow(value) == text


@random
@given(PARAMETERS)
def test_parameters_are_read_as_they_were_written(parameters):
    assert Parameters.model_validate(yaml.safe_load(dump(parameters))) == parameters


@random
@given(PARAMETERS)
def test_every_comment_stands_on_a_line_of_its_key_or_above_it(parameters):
    lines = dump(parameters).splitlines()
    said = {"seed": "of all random numbers", "regions": "of the photos", "sizes": "the variants", "limit": "photos",
            "parameters": "of the methods", "slic": "of slic"}  # fmt: skip
    for key, text in said.items():
        place = next(n for n, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
        assert lines[place].endswith(f"  # {text}") or lines[place - 1].strip() == f"# {text}"
    assert all(len(line) <= WIDTH for line in lines if line.lstrip().startswith(("sizes", "seed", "limit")))


FORM = """\
seed: 0           # of all random numbers
datasets: [sample]

# of the photos
regions:
  # the variants
  sizes: [first]
  # of the methods
  parameters:
    rise: {"n": 8}            # many
    cam: {}
  files: {vgg: ~/vgg.pth}
  # of slic
  slic: {compactness: 10.0, sigma: 0.5, name: "a b"}
  # LONG
  tuned: null

limit: null        # photos

other:
  compactness: 1.0e-05     # how square
  sigma: 1.0e+16
  name: "off"              # of it
""".replace("LONG", LONG)


def test_the_form_is_this_one():
    assert dump(SOME) == FORM


def test_a_long_section_and_a_long_list_go_over_several_lines():
    slic = SOME.regions.slic.model_copy(update={"name": "a" * 90})
    sizes = [f"size{number}" for number in range(20)]
    regions = SOME.regions.model_copy(update={"slic": slic, "sizes": sizes})
    lines = dump(SOME.model_copy(update={"regions": regions})).splitlines()
    place = lines.index("  # the variants") + 1
    assert lines[place] == f"  sizes: [{', '.join(sizes[:15])},"
    assert lines[place + 1] == f"          {', '.join(sizes[15:])}]"
    place = lines.index("  slic:")
    assert lines[place - 1 : place + 4] == [
        "  # of slic",
        "  slic:",
        "    compactness: 10.0        # how square",
        "    sigma: 0.5",
        f"    name: {'a' * 90}  # of it",
    ]


@random
@given(PARAMETERS, PARAMETERS)
def test_another_value_is_another_line_and_no_more(parameters, other):
    """Of a number, a list and a mapping; a value that is too long for its line moves, and its comment with it."""
    for key in ("seed", "limit", "datasets"):
        changed = parameters.model_copy(update={key: getattr(other, key)})
        before, after = dump(parameters).splitlines(), dump(changed).splitlines()
        if max(map(len, before + after)) <= WIDTH and len(before) == len(after):
            assert sum(one != two for one, two in zip(before, after, strict=True)) <= 1


@random
@given(PARAMETERS)
def test_a_file_whose_lists_are_spread_is_put_back_and_no_other(tmp_path_factory, parameters):
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    spread = yaml.safe_dump(parameters.model_dump(), default_flow_style=False)
    path.write_text(spread)
    tidy(path, parameters, "# header\n\n")
    if any(line.lstrip().startswith("- ") for line in spread.splitlines()):
        assert path.read_text() == f"# header\n\n{dump(parameters)}"
    else:
        assert path.read_text() == spread


def test_a_file_in_its_form_is_left_alone_and_nothing_is_said(tmp_path, capsys):
    path = tmp_path / "params.yaml"
    path.write_text(dump(SOME))
    tidy(path, SOME, "# header\n")
    assert path.read_text() == dump(SOME) and capsys.readouterr().err == ""
    path.write_text("datasets:\n- sample\n")
    tidy(path, SOME, "# header\n")
    assert path.read_text() == f"# header\n{dump(SOME)}"
    assert capsys.readouterr().err.startswith(f"{path}: its lists were spread over lines; put back into its one form")
