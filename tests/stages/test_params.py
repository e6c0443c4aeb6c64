import copy
import re

import pytest
import yaml

from stages import params


@pytest.fixture(scope="module")
def content(root):
    return yaml.safe_load((root / "params.yaml").read_text())


@pytest.fixture
def refusal(tmp_path, content):
    """The one line with which params.yaml is refused after some changes, {dotted key: value}."""

    def refuse(changes):
        changed = copy.deepcopy(content)
        for key, value in changes.items():
            *sections, last = key.split(".")
            section = changed
            for name in sections:
                section = section[name]
            if value is ABSENT:
                del section[last]
            else:
                section[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(changed))
        with pytest.raises(ValueError) as caught:
            params.read(path)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith(f"{path}: ")
        return message.removeprefix(f"{path}: ")

    return refuse


ABSENT = object()


def test_the_file_of_the_repository_is_valid_and_read_as_it_is(root, content):
    assert params.read(root / "params.yaml").model_dump() == content


def test_every_key_is_explained_on_its_line_above_it_or_at_its_section(root):
    explained, section, above = {}, False, False
    for line in (root / "params.yaml").read_text().splitlines()[1:]:
        commented = "#" in line or above
        if key := re.match(r"( *)(\w+):( *[^ #])?", line):
            section = commented if not key[1] else section
            if key[3]:
                explained[line.split("#")[0].strip()] = commented or (section and bool(key[1]))
        above = line.lstrip().startswith("#")
    assert len(explained) > 20
    assert [line for line, is_explained in explained.items() if not is_explained] == []


REFUSED = {
    "unknown section": ({"superpixel": {}}, "superpixel is unknown; allowed here are datasets, classifiers, seed, "),
    "unknown key": ({"activations.bach": 4}, "activations.bach is unknown; allowed here are precision, batch"),
    "unknown nested key": (
        {"superpixels.slic.ratio": 1.0},
        "superpixels.slic.ratio is unknown; allowed here are compactness, sigma",
    ),
    "missing section": ({"superpixels": ABSENT}, "superpixels is missing; add it"),
    "missing key": ({"superpixels.slic.sigma": ABSENT}, "superpixels.slic.sigma is missing; add it"),
    "number as text": ({"seed": "0"}, "seed is '0': allowed is a valid integer"),
    "fraction": ({"activations.batch": 1.5}, "activations.batch is 1.5: allowed is a valid integer"),
    "truth as number": ({"seed": True}, "seed is True: allowed is a valid integer"),
    "nothing": ({"seed": None}, "seed is None: allowed is a valid integer"),
    "text for a list": ({"datasets": "sample"}, "datasets is 'sample': allowed is a valid list"),
    "value for a section": ({"superpixels": 5}, "superpixels is 5: "),
    "too small": ({"activations.batch": 0}, "activations.batch is 0: allowed is greater than or equal to 1"),
    "negative": ({"seed": -1}, "seed is -1: allowed is greater than or equal to 0"),
    "too large": ({"statistics.level": 1.0}, "statistics.level is 1.0: allowed is less than 1"),
    "bound itself": ({"superpixels.edge_quantile": 0}, "superpixels.edge_quantile is 0: allowed is greater than 0"),
    "no choice": (
        {"superpixels.weighting": "colour"},
        "superpixels.weighting is 'colour': allowed is 'channels' or 'none'",
    ),
    "empty list": ({"superpixels.depths": []}, "superpixels.depths is []: List should have at least 1 item"),
    "element": ({"superpixels.depths": [2, -1]}, "superpixels.depths.1 is -1: allowed is greater than or equal to 0"),
    "element of an element": (
        {"ablation.depths": [[2], [3, "4"]]},
        "ablation.depths.1.1 is '4': allowed is a valid integer",
    ),
    "path as a name": ({"datasets": ["../sample"]}, "datasets.0 is '../sample': String should match pattern"),
    "union, number": (
        {"superpixels.clusters": 1},
        "superpixels.clusters is 1: allowed is greater than or equal to 2, or allowed is 'auto'",
    ),
    "union, text": (
        {"superpixels.clusters": "many"},
        "superpixels.clusters is 'many': allowed is a valid integer, or allowed is 'auto'",
    ),
    "union in a list": (
        {"superpixels.sizes": ["first", "huge"]},
        "superpixels.sizes.1 is 'huge': allowed is 'first' or 'image', or allowed is a valid integer",
    ),
    "union with nothing": (
        {"superpixels.felzenszwalb.min_size": 0},
        "superpixels.felzenszwalb.min_size is 0: allowed is greater than or equal to 1",
    ),
    "name of a mapping": ({"weights.files": {"a/b": "x"}}, "weights.files.a/b is 'a/b': String should match pattern"),
    "value of a mapping": ({"weights.files": {"vgg16": 3}}, "weights.files.vgg16 is 3: allowed is a valid string"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_key_what_was_found_and_what_is_allowed(refusal, changes, message):
    assert refusal(changes).startswith(message)


def test_one_of_several_mistakes_is_said_at_a_time(refusal):
    assert refusal({"seed": -1, "activations.batch": 0}).count(" is ") == 2  # "seed is -1: allowed is ..."


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("superpixels.clusters", "auto"),
        ("superpixels.sizes", ["first", "image", 56]),
        ("superpixels.felzenszwalb.min_size", 20),
        ("superpixels.slic.compactness", 10),  # a whole number where fractions are allowed
        ("download.limit", 3),
        ("weights.files", {"vgg16": "~/vgg16.pth"}),
    ],
)
def test_every_kind_of_a_value_is_accepted(tmp_path, content, key, value):
    section, _, rest = key.partition(".")
    changed = copy.deepcopy(content)
    inner, _, last = f"{section}.{rest}".rpartition(".")
    found = changed
    for name in inner.split("."):
        found = found[name]
    found[last] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(changed))
    assert params.read(path).model_dump() == changed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read .*No such file"),
        ("seed: [1", "cannot be read .*while parsing a flow sequence.*line 1"),
        ("", "is empty or no mapping"),
        ("- seed", "is empty or no mapping"),
    ],
)
def test_a_file_that_is_no_parameters_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {message}") as caught:
        params.read(path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def project(tmp_path, monkeypatch, root):
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/any.py", "x"])
    return tmp_path


@pytest.mark.parametrize("error", [ValueError("one\n  two"), OSError(28, "No space left on device", "data/x")])
def test_an_error_of_the_user_s_is_one_line_and_exit_code_1(project, error):
    def stage(parameters, name):
        raise error

    with pytest.raises(SystemExit) as caught:
        params.run(stage, "x")
    # Python prints a text on stderr and exits with code 1
    expected = {ValueError: "error: one two", OSError: "error: [Errno 28] No space left on device: 'data/x'"}
    assert caught.value.code == expected[type(error)]
    assert not params.TIMINGS.exists()


def test_a_mistake_of_ours_keeps_its_traceback(project):
    def stage(parameters, name):
        raise KeyError(name)

    with pytest.raises(KeyError):
        params.run(stage, "x")


def test_a_stage_gets_its_parameters_and_arguments_and_its_time_is_noted(project):
    asked = []
    for argument in ("y", "x", "y"):
        params.run(lambda parameters, name: asked.append((parameters.seed, name)), argument)
    assert asked == [(0, "y"), (0, "x"), (0, "y")]
    noted = yaml.safe_load(params.TIMINGS.read_text())  # JSON is YAML
    assert list(noted) == ["any x", "any y"]
    assert all(isinstance(seconds, float) for seconds in noted.values())
