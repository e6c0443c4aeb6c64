"""params.yaml as it is, every kind of mistake in it, and names in one section that no other section makes."""

import copy
import re
from inspect import isclass
from pathlib import Path
from typing import get_args

import pytest
import yaml

from nas.parameters.reading import load, validate
from nas.parameters.section import Section, knob_of
from nas.parameters.writing import dump
from stages import params, shipped


@pytest.fixture(scope="module")
def content(root):
    return yaml.safe_load((root / "params.yaml").read_text())


@pytest.fixture
def mistakes(tmp_path):
    """The lines, without the name of the file, in which a content is refused."""

    def read(changed):
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(changed))
        with pytest.raises(ValueError) as caught:
            params.read(path)
        lines = str(caught.value).splitlines()
        assert all(line.startswith(f"{path}: ") for line in lines)
        return [line.removeprefix(f"{path}: ") for line in lines]

    return read


@pytest.fixture
def refusal(mistakes, content):
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
        (line,) = mistakes(changed)
        return line

    return refuse


ABSENT = object()


def test_the_file_of_the_repository_is_valid_and_read_as_it_is(root, content):
    path = root / "params.yaml"
    assert validate(params.Parameters, load(path), str(path)).model_dump() == content
    assert params.read(path).localization.methods == content["saliency"]["methods"]  # which is all


def test_the_file_of_the_repository_is_in_its_one_form_with_the_comments_of_the_model(root):
    path = root / "params.yaml"
    parameters = validate(params.Parameters, load(path), str(path))
    assert path.read_text() == params.HEADER + dump(parameters)


def test_every_key_is_explained_at_itself_or_at_its_section(root, content):
    def unexplained(section, path, explained):
        found = []
        for name, info in section.model_fields.items():
            said = explained or bool(knob_of(info).text)
            inner = [part for part in get_args(info.annotation) or [info.annotation] if isclass(part)]
            inner = [part for part in inner if issubclass(part, Section)]
            found += [key for part in inner for key in unexplained(part, f"{path}{name}.", said)]
            found += [] if inner or said else [f"{path}{name}"]
        return found

    assert unexplained(params.Parameters, "", explained=False) == []


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
    "a depth twice": ({"ablation.depths": [[3], [4, 4]]}, "ablation.depths is [[3], [4, 4]]: has 4 twice; remove one"),
    "no section": ({"download": None}, "download is None: allowed is a valid dictionary"),
    "next to nothing": (
        {"superpixels.slic.compactness": 1e-300},
        "superpixels.slic.compactness is 1e-300: allowed is greater than or equal to 0.001",
    ),
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


def test_all_mistakes_are_said_at_once_a_line_each(mistakes, content):
    changed = copy.deepcopy(content) | {"datasets": ["sampel"], "seed": 3}
    changed["saliency"] |= {"parameters": {"rise": {"n_mask": 9, "seed": 1}, "smoothgrad": {"n_samples": 10**12}}}
    changed["activations"] |= {"depths": {"mobilenet_v3": {2: "features.3"}}}
    lines = mistakes(changed)
    assert lines[0].startswith("datasets has 'sampel': allowed are ") and lines[0].endswith("; did you mean sample?")
    assert lines[1].startswith("activations.depths has 'mobilenet_v3': allowed are mobilenet_v2, ")
    assert lines[3].startswith("saliency.parameters.rise: rise has no parameter 'n_mask': allowed are n_masks, ")
    assert lines[2:] == [
        "saliency.parameters.rise.seed is 1: seed is for all; remove it",
        lines[3],
        "saliency.parameters.smoothgrad.n_samples is 1000000000000: allowed is 10000000 at most",
    ]


def test_a_mistake_in_one_section_hides_none_in_another(mistakes, content):
    changed = copy.deepcopy(content) | {"datasets": ["smaple"], "seed": "x"}
    changed["saliency"] |= {"methods": [*content["saliency"]["methods"], "gradeint"]}
    changed["download"] |= {"limit": 0, "root": {"folder": ""}}
    changed["paper"] |= {"datasets": ["cbu"]}
    lines = [line.partition(":")[0] for line in mistakes(changed)]
    assert lines == [
        "datasets has 'smaple'",
        "seed is 'x'",
        "download.root.folder is ''",
        "download.limit is 0",
        "saliency.methods has 'gradeint'",
        "paper.datasets has 'cbu'",
    ]


def test_names_and_what_names_them_are_said_at_once(mistakes, content):
    changed = copy.deepcopy(content) | {"datasets": ["smaple"]}
    changed["localization"] |= {"methods": ["gradeint"]}
    changed["paper"] |= {"settings": {"saliency.methods": ["foo"], "datasets": ["cub"]}}
    lines = [line.partition(": allowed")[0] for line in mistakes(changed)]
    assert lines == [
        "datasets has 'smaple'",
        "localization.methods has 'gradeint'",
        "paper.settings: saliency.methods has 'foo'",
    ]


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
    found = params.read(path)
    for name in inner.split("."):
        found = getattr(found, name)
    assert getattr(found, last) == value


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


METHODS = "allowed are gradient, input_x_gradient, "
MAPS = "allowed are nas_clusters.first, nas_components.first, slic.first, felzenszwalb.first, slic_few.first, "
UNMADE = {
    "saliency.parameters": ({"rize": {"n_masks": 8}}, f"has 'rize': {METHODS}", "saliency.methods"),
    "saliency.regions": ("nas.first", f"has 'nas.first': {MAPS}", "superpixels.label_maps"),
    "saliency.figure.methods": (["gradcam"], f"has 'gradcam': {METHODS}", "saliency.methods"),
    "saliency.figure.regions": ("raw", f"has 'raw': {MAPS}", "superpixels.label_maps"),
    "localization.methods": (["cam", "grad_cma"], f"has 'grad_cma': {METHODS}", "saliency.methods"),
    "localization.regions": (["slic"], f"has 'slic': {MAPS}", "superpixels.label_maps"),
    "localization.figure.methods": (
        ["gaussian"],
        "has 'gaussian': allowed are center_gaussian, ",
        "localization.methods",
    ),
    "localization.figure.regions": (["nas.first"], "has 'nas.first': allowed are raw, ", "localization.regions"),
    "relevance.methods": (["lpr"], f"has 'lpr': {METHODS}", "saliency.methods"),
    "relevance.least.orders": (["tile"], "has 'tile': allowed are pixels, tiles, nas_c", "superpixels.label_maps"),
    "relevance.most.orders": (["slic.56"], "has 'slic.56': allowed are pixels, tiles, nas_c", "superpixels.label_maps"),
    "relevance.figure.methods": (["cam"], "has 'cam': allowed are grad_cam, ", "relevance.methods"),
    "relevance.figure.orders": (["tile"], "has 'tile': allowed are pixels, ", "relevance.least.orders"),
    "relevance.figure.replacement": ("noise", "is 'noise': allowed is 'mean', 'zero' or 'blur'", ""),
    "semantics.methods": (["rise", "cam", "limes"], f"has 'limes': {METHODS}", "saliency.methods"),
    "semantics.regions": (["raw"], f"has 'raw': {MAPS}", "superpixels.label_maps"),
    "semantics.figure.name": ("brid", "has 'brid': allowed are bird, dog, car, insect; correct it, ", "classes.names"),
    "classes.figure.name": ("brid", "has 'brid': allowed are bird, dog, car, insect; correct it, ", "classes.names"),
}


@pytest.mark.parametrize("key", UNMADE)
def test_a_name_that_nothing_makes_is_one_line(refusal, key):
    value, beginning, remedy = UNMADE[key]
    message = refusal({key: value})
    assert message.startswith(f"{key} {beginning}") and remedy in message


def test_every_key_that_names_what_another_section_makes_has_its_refusal():
    def naming(section, path=""):
        for name, info in section.model_fields.items():
            if knob_of(info).of:
                yield f"{path}{name}"
            elif isclass(info.annotation) and issubclass(info.annotation, Section):
                yield from naming(info.annotation, f"{path}{name}.")

    assert set(UNMADE) == set(naming(params.Parameters))


def test_an_unknown_key_of_any_section_is_one_line_with_those_that_are_known(refusal):
    def sections(section, path=""):
        yield path, section
        for name, info in section.model_fields.items():
            for inner in (info.annotation, *get_args(info.annotation)):
                if isclass(inner) and issubclass(inner, Section):
                    yield from sections(inner, f"{path}{name}.")

    found = dict(sections(params.Parameters))
    assert {"", "superpixels.tuned.", "relevance.least."} <= set(found)
    for path, section in found.items():
        known = ", ".join(section.model_fields)
        assert refusal({f"{path}unheard_of": 1}) == f"{path}unheard_of is unknown; allowed here are {known}"


def test_a_key_of_a_former_version_is_one_line_with_its_name_of_now(tmp_path, content):
    path, former = tmp_path / "params.yaml", {}
    for key in shipped.RENAMED:
        section, _, inner = key.partition(".")
        former[section] = former.get(section, {}) | ({inner: None} if inner else {"anything": 1})
    path.write_text(yaml.safe_dump(content | former))
    with pytest.raises(ValueError) as caught:
        params.read(path)
    expected = [f"{path}: {key} is now called {now}" for key, now in shipped.RENAMED.items()]
    assert str(caught.value).splitlines() == expected


def test_a_stage_says_the_names_of_now_before_anything_else(tmp_path, content, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(former := yaml.safe_dump(content | {"depths": {"photo": "coffee"}}))
    with pytest.raises(SystemExit) as caught:
        params.run(lambda parameters: None)
    assert caught.value.code == "error: params.yaml: depths is now called ablation.figure"
    assert Path("params.yaml").read_text() == former


def test_a_seed_of_a_method_is_refused(refusal):
    given = {"saliency.parameters": {"rise": {"seed": 3}}}
    assert refusal(given) == "saliency.parameters.rise.seed is 3: seed is for all; remove it"


@pytest.fixture
def read(tmp_path, content):
    """A function that reads the parameters of the repository after some changes, {dotted key: value}."""

    def changed(changes):
        found = copy.deepcopy(content)
        for key, value in changes.items():
            *sections, last = key.split(".")
            place = found
            for section in sections:
                place = place[section]
            place[last] = value
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(found))
        return params.read(tmp_path / "params.yaml")

    return changed


@pytest.mark.parametrize(
    "changes",
    [
        {"localization.figure.methods": ["center_gaussian"], "localization.figure.regions": ["raw"]},
        {"classes.names": None, "semantics.figure.name": "any"},
        {"superpixels.sizes": ["first", 56, "image"], "semantics.regions": ["slic.56"]},
    ],
)
def test_what_is_made_may_be_named(read, changes):
    read(changes)


def test_lists_as_shipped_follow_what_is_made_and_lists_of_the_user_s_do_not(read):
    found = read({"superpixels.tuned": None, "saliency.methods": ["grad_cam", "rise"]})
    assert "nas_clusters.tuned" not in found.localization.regions and len(found.localization.regions) == 13
    assert found.semantics.methods == found.relevance.methods == found.saliency.figure.methods == ["grad_cam", "rise"]
    assert list(found.saliency.parameters) == ["rise"]
    with pytest.raises(ValueError, match=r"localization\.regions has 'nas_clusters\.tuned': allowed are "):
        read({"superpixels.tuned": None, "localization.regions": ["nas_clusters.tuned"]})


def test_one_method_alone_needs_one_key(read):
    assert read({"saliency.methods": ["grad_cam"]}).relevance.figure.methods == ["grad_cam"]


def test_run_puts_a_file_whose_lists_are_spread_into_its_one_form(tmp_path, content, root, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/any.py"])
    seen = []
    params.run(lambda parameters: seen.append(parameters.seed))
    assert seen == [0] and (tmp_path / "params.yaml").read_text() == (root / "params.yaml").read_text()
    assert len(capsys.readouterr().err.splitlines()) == 1
