"""YAML as DVC reads it, and one line for what cannot be read or would be taken in silence."""

import math
import re
from datetime import date

import pytest
import yaml
from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.store.yaml_files import Dumper, read_yaml

SCALARS = ["1e-05", "1E5", "1:30", "010", "0o17", "0x1F", "-0", "+3", ".5", "5.", "-.inf", ".NaN", "yes", "no", "on",
           "True", "false", "null", "~", "", "2020-01-02", "2020-13-45", "1_000", "0b1", "0b_", "'1'", '"x"', "=", "<<",
           "1e", "e5", "--1", "1.2.3", "Null", "nULL", "!!str 5", "0777", "08", "12e03", "-2E+05", "1d"]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("yaml") / "some.yaml"


def same(found, expected):
    return type(found) is type(expected) and (found == expected or (math.isnan(found) and math.isnan(expected)))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(SCALARS) | st.from_regex(r"[-+0-9.eExob_:~a-f]{1,8}", fullmatch=True))
def test_values_are_those_that_dvc_reads(path, text):
    path.write_text(f"key: {text}\n")
    try:
        expected = parse_yaml(path.read_text(), str(path))["key"]
    except (YAMLFileCorruptedError, ValueError):
        return
    if re.fullmatch(r"[-+]?\.[0-9]+[eE][0-9]+", text):  # a number of YAML 1.2, though no one to DVC
        expected = float(text)
    if isinstance(expected, date):  # here a text: no value of ours is a date
        expected = text
    assert same(float(found) if isinstance(found := read_yaml(path)["key"], float) else found, plain(expected)), text


def plain(value):
    """Without the types in which DVC's reader keeps how a value was written."""
    kinds = (bool, int, float, str)
    return next((kind(value) for kind in kinds if isinstance(value, kind)), value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seed: 0\nother: 1\nseed: 7\n", r"has 'seed' twice, again in line 3; keep one"),
        ("tags:\n  0: a\n  00: b\n", r"has 0 twice, again in line 3; keep one"),
        ("a: [{b: 1, b: 2}]\n", r"has 'b' twice, again in line 1; keep one"),
        ("a: &x 1\nb: *x\n", r"has an alias \(\*x\) in line 2; write the value itself there"),
        ("a: &x [*x]\n", r"has an alias \(\*x\) in line 1; write the value itself there"),
        ("a: " + "[" * 3000 + "]" * 3000, r"cannot be read \(.*recursion"),
        ("a: !!timestamp abc\n", r"cannot be read \("),
        ("a: !!int x\n", r"cannot be read \("),
        ("a: !!python/object/apply:os.getcwd []\n", r"cannot be read \(could not determine a constructor"),
        ("a: [1\n", r"cannot be read \(while parsing a flow sequence"),
        ("? [1, 2]\n: 3\n", r"cannot be read \(while constructing a mapping .* found unhashable key"),
        ("a: \x07\n", r"cannot be read \(unacceptable character"),
    ],
)
def test_what_is_refused_is_one_line(path, content, message):
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"^.*some\.yaml: {message}") as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_file_that_is_missing_or_in_another_encoding_is_named(path, tmp_path):
    path.write_bytes("a: V\u00f6gel\n".encode("latin-1"))
    for file in (path, tmp_path / "absent.yaml"):
        with pytest.raises(ValueError, match=rf"^.*{file.name}: cannot be read \("):
            read_yaml(file)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(SCALARS) | st.from_regex(r"[0-9a-f]{12}|[-+0-9.eExX_:~a-f ]{1,8}", fullmatch=True))
def test_a_text_that_is_written_is_read_as_a_text(path, text):
    path.write_text(yaml.dump({"key": text}, Dumper=Dumper))
    assert read_yaml(path) == {"key": text}


def test_a_mark_at_the_beginning_and_ends_of_lines_of_another_system_are_no_matter(path):
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: [x, 'y']\r\n")
    assert read_yaml(path) == {"a": 1, "b": ["x", "y"]}
