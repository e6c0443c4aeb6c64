import copy
import re
from itertools import pairwise
from typing import Annotated, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from nas.parameters.reading import ParametersError, check_names, load, validate
from nas.parameters.section import Section, knob

Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z]+$")]


class Slic(Section):
    compactness: Annotated[float, Field(gt=0)]
    sigma: float


class Regions(Section):
    sizes: list[Literal["first", "image"] | Annotated[int, Field(ge=2)]]
    clusters: Annotated[int, Field(ge=2)] | Literal["auto"]
    depths: Annotated[list[Count], Field(min_length=1)]
    slic: Slic = knob("of slic")
    tuned: Slic | None


class Parameters(Section):
    seed: Annotated[int, Field(ge=0)]
    datasets: list[Name]
    files: dict[Name, str]
    level: Annotated[float, Field(lt=1)]
    nested: list[list[Count]]
    regions: Regions


CONTENT = {
    "seed": 0,
    "datasets": ["sample", "cub"],
    "files": {"vgg": "~/vgg.pth"},
    "level": 0.95,
    "nested": [[2], [3, 4]],
    "regions": {
        "sizes": ["first", 56],
        "clusters": 5,
        "depths": [2, 3],
        "slic": {"compactness": 10.0, "sigma": 0},
        "tuned": None,
    },
}
ABSENT = object()


def changed(changes):
    """The content after some changes, {dotted key: value}."""
    found = copy.deepcopy(CONTENT)
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = found
        for name in sections:
            section = section[name]
        if value is ABSENT:
            del section[last]
        else:
            section[last] = value
    return found


def refusal(changes):
    """The one line with which the content is refused after some changes."""
    with pytest.raises(ValueError) as caught:
        validate(Parameters, changed(changes), "some.yaml")
    message = str(caught.value)
    assert "\n" not in message and message.startswith("some.yaml: ")
    return message.removeprefix("some.yaml: ")


REFUSED = {
    "unknown section": (
        {"region": {}},
        "region is unknown; allowed here are seed, datasets, files, level, nested, reg",
    ),
    "unknown key": (
        {"regions.size": 4},
        "regions.size is unknown; allowed here are sizes, clusters, depths, slic, tuned",
    ),
    "unknown nested key": (
        {"regions.slic.ratio": 1.0},
        "regions.slic.ratio is unknown; allowed here are compactness, sigma",
    ),
    "missing section": ({"regions": ABSENT}, "regions is missing; add it"),
    "missing key": ({"regions.slic.sigma": ABSENT}, "regions.slic.sigma is missing; add it"),
    "number as text": ({"seed": "0"}, "seed is '0': allowed is a valid integer"),
    "fraction": ({"seed": 1.5}, "seed is 1.5: allowed is a valid integer"),
    "truth as number": ({"seed": True}, "seed is True: allowed is a valid integer"),
    "nothing": ({"seed": None}, "seed is None: allowed is a valid integer"),
    "text for a list": ({"datasets": "sample"}, "datasets is 'sample': allowed is a valid list"),
    "value for a section": ({"regions": 5}, "regions is 5: "),
    "negative": ({"seed": -1}, "seed is -1: allowed is greater than or equal to 0"),
    "too large": ({"level": 1.0}, "level is 1.0: allowed is less than 1"),
    "bound itself": ({"regions.slic.compactness": 0}, "regions.slic.compactness is 0: allowed is greater than 0"),
    "empty list": ({"regions.depths": []}, "regions.depths is []: List should have at least 1 item"),
    "element": ({"regions.depths": [2, 0]}, "regions.depths.1 is 0: allowed is greater than or equal to 1"),
    "element of an element": ({"nested": [[2], [3, "4"]]}, "nested.1.1 is '4': allowed is a valid integer"),
    "path as a name": ({"datasets": ["../x"]}, "datasets.0 is '../x': String should match pattern"),
    "union, number": (
        {"regions.clusters": 1},
        "regions.clusters is 1: allowed is greater than or equal to 2, or allowed is 'auto'",
    ),
    "union, text": (
        {"regions.clusters": "many"},
        "regions.clusters is 'many': allowed is a valid integer, or allowed is 'auto'",
    ),
    "union in a list": (
        {"regions.sizes": ["first", "huge"]},
        "regions.sizes.1 is 'huge': allowed is 'first' or 'image', or allowed is a valid integer",
    ),
    "name of a mapping": ({"files": {"a/b": "x"}}, "files.a/b is 'a/b': String should match pattern"),
    "value of a mapping": ({"files": {"vgg": 3}}, "files.vgg is 3: allowed is a valid string"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_key_what_was_found_and_what_is_allowed(changes, message):
    assert refusal(changes).startswith(message)


def test_all_mistakes_are_said_at_once_a_line_each():
    changed = copy.deepcopy(CONTENT) | {"seed": -1}
    changed["regions"] |= {"depths": [], "sizes": ["first", "first"]}
    with pytest.raises(ParametersError) as caught:
        validate(Parameters, changed, "some.yaml")
    first, *others = str(caught.value).splitlines()
    assert first == "some.yaml: seed is -1: allowed is greater than or equal to 0"
    assert sorted(line.partition(" is ")[0] for line in others) == [
        "some.yaml: regions.depths",
        "some.yaml: regions.sizes",
    ]
    assert "some.yaml: regions.sizes is ['first', 'first']: has 'first' twice; remove one" in others


def test_a_misspelt_key_is_said_to_be_unknown_and_not_to_be_missing_too():
    changed = copy.deepcopy(CONTENT)
    changed["sede"] = changed.pop("seed")
    with pytest.raises(ParametersError) as caught:
        validate(Parameters, changed, "some.yaml")
    [line] = str(caught.value).splitlines()
    assert line.startswith("some.yaml: sede is unknown; allowed here are ") and line.endswith("; did you mean seed?")


@pytest.mark.parametrize("text", ["1e-05", "1E5", "-1e+3", ".5e1", "1.e2"])
def test_numbers_are_those_of_yaml_1_2_as_dvc_writes_them(tmp_path, text):
    (tmp_path / "params.yaml").write_text(f"x: {text}\ny: [{text}]\nz: 1e\nv: e5\nw: 12\n")
    found = load(tmp_path / "params.yaml")
    assert found == {"x": float(text), "y": [float(text)], "z": "1e", "v": "e5", "w": 12} and isinstance(
        found["w"], int
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("regions.clusters", "auto"),
        ("regions.sizes", ["first", "image", 56]),
        ("regions.tuned", {"compactness": 1.0, "sigma": 2.0}),
        ("regions.slic.compactness", 10),  # a whole number where fractions are allowed
        ("files", {}),
    ],
)
def test_every_kind_of_a_value_is_accepted(key, value):
    content = changed({key: value})
    assert validate(Parameters, content, "some.yaml").model_dump() == content


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("ab: #-\u00e9", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), VALUES, max_size=4))
def test_a_file_is_read_as_it_is(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "some.yaml"
    path.write_text(yaml.safe_dump(content))
    assert load(path) == content


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read .*No such file"),
        (b"seed: [1", "cannot be read .*while parsing a flow sequence.*line 1"),
        (b"seed: \xff", "cannot be read .*codec can't decode"),
        (b"", "is empty or no mapping"),
        (b"- seed", r"is empty or no mapping of keys to values; restore it \(git checkout params\.yaml\)"),
    ],
)
def test_a_file_that_is_no_parameters_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {message}") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_former_names_are_said_all_at_once_with_those_of_now():
    renamed = {
        "size": "regions.sizes",
        "regions.k": "regions.clusters",
        "sections": "regions",
        "files.vgg": "files.vgg16",
    }
    check_names(CONTENT, {"size": "x", "regions.k": "y", "level.k": "no section"}, "some.yaml")
    content = changed({"size": 3, "regions.k": 5})
    with pytest.raises(ParametersError) as caught:
        check_names(content, renamed, "some.yaml")
    assert str(caught.value).splitlines() == [
        "some.yaml: size is now called regions.sizes",
        "some.yaml: regions.k is now called regions.clusters",
        "some.yaml: files.vgg is now called files.vgg16",
    ]


def test_aliases_are_refused_before_they_are_followed(tmp_path):
    path, names = tmp_path / "params.yaml", "abcdefghijklmnop"
    lines = ["a: &a [x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]" for old, new in pairwise(names)]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"yaml: has an alias \(\*a\) in line 2; write the value itself there$"):
        load(path)
