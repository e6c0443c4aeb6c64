"""Files of tags: what was filled in is read, and what a person got wrong is named."""

import numpy as np
import pytest
import yaml

from nas.semantics.tag_files import OtherSettingsError, check_settings, read_tags, write_tag_template

SETTINGS = {
    "dataset": "stl10",
    "network": "vgg16",
    "class": "bird",
    "depths": (2, 3, 4),
    "k": np.int64(3),
    "seed": 0,
    "grid": "first",
    "weighting": None,
}


def edit(path, **changes):
    """Rewrite a tag file with other sections; a section of None is removed."""
    content = {**yaml.safe_load(path.read_text()), **changes}
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))


@pytest.fixture
def tagged(tmp_path):
    path = tmp_path / "bird.yaml"
    write_tag_template(path, SETTINGS, 3)
    edit(path, tags={2: "object", 0: "background", 1: "object"})
    return path


def test_a_filled_template_is_read_back(tmp_path):
    path = tmp_path / "bird.yaml"
    write_tag_template(path, SETTINGS, 3)
    with pytest.raises(ValueError, match="cluster 0 as None: allowed are object and background"):
        read_tags(path, SETTINGS, 3)
    words = iter(["object", "background", "object"])
    lines = [
        line.replace("null", next(words)) if line[:3] in ("  0", "  1", "  2") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    np.testing.assert_array_equal(read_tags(path, SETTINGS, 3), [True, False, True])


def test_tags_do_not_depend_on_the_order_of_lines(tagged):
    np.testing.assert_array_equal(read_tags(tagged, SETTINGS, 3), [False, True, True])


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("dataset", "cub"),
        ("network", "resnet50"),
        ("class", "cat"),
        ("depths", (3, 4)),
        ("k", 4),
        ("seed", 1),
        ("grid", "image"),
        ("weighting", "channels"),
    ],
)
def test_tags_of_other_settings_are_refused(tagged, key, other):
    with pytest.raises(ValueError, match=f"{key} is .* expected is") as error:
        read_tags(tagged, {**SETTINGS, key: other}, 3)
    shown = list(other) if isinstance(other, tuple) else other
    assert f"expected is {shown!r}" in str(error.value)
    assert f"is {yaml.safe_load(tagged.read_text())['settings'][key]!r} there" in str(error.value)


def test_an_optional_setting_on_one_side_only_is_refused(tagged):
    without = {key: value for key, value in SETTINGS.items() if key != "weighting"}
    with pytest.raises(ValueError, match="weighting is None there, expected is 'absent'"):
        read_tags(tagged, without, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tags": {0: "object", 1: "object", 2: "object", 3: "object"}},
            "tags cluster 3: there are 3 clusters",
        ),
        ({"tags": {0: "object", 1: "object", "2": "object"}}, "tags cluster '2'"),
        ({"tags": {0: "object", True: "object", 2: "object"}}, "tags cluster True"),
        ({"tags": {0: "object", 2: "object"}}, "lacks cluster 1"),
        ({"tags": {0: "object", 1: "Object", 2: "object"}}, "cluster 1 as 'Object': allowed are object"),
        ({"tags": {0: "object", 1: ["object"], 2: "object"}}, "cluster 1 as"),
        ({"tags": ["object"] * 3}, "two mappings settings and tags"),
        ({"tags": None}, "two mappings settings and tags"),
        ({"settings": {"dataset": "stl10"}}, "lacks the key 'network'"),
        ({"settings": {**SETTINGS, "depths": [2], "k": 3, "size": 1}}, "unknown key 'size'"),
        ({"more": 1}, "two mappings settings and tags"),
    ],
)
def test_files_that_a_person_got_wrong_are_refused(tagged, changes, message):
    edit(tagged, **changes)
    with pytest.raises(ValueError, match=message) as error:
        read_tags(tagged, SETTINGS, 3)
    assert str(tagged) in str(error.value)


def test_a_cluster_tagged_twice_is_refused(tagged):
    tagged.write_text(tagged.read_text().replace("  1: object", "  1: object\n  1: background"))
    with pytest.raises(ValueError, match="has 1 twice"):
        read_tags(tagged, SETTINGS, 3)


def test_no_code_is_run_and_no_work_is_overwritten(tagged, tmp_path):
    before = tagged.read_text()
    with pytest.raises(ValueError, match="exists: tags in it would be lost"):
        write_tag_template(tagged, SETTINGS, 3)
    assert tagged.read_text() == before
    for text in ("!!python/object/apply:os.getcwd []", "tags: [", "\x00"):
        tagged.write_text(text)
        with pytest.raises(ValueError, match="cannot be read \\("):
            read_tags(tagged, SETTINGS, 3)
    with pytest.raises(ValueError, match="cannot be read"):
        read_tags(tmp_path / "none.yaml", SETTINGS, 3)


def test_a_template_tells_the_settings_that_it_is_for(tmp_path):
    write_tag_template(tmp_path / "bird.yaml", SETTINGS, 2)
    check_settings(tmp_path / "bird.yaml", SETTINGS)  # written or not
    with pytest.raises(OtherSettingsError, match=r"tag these clusters \(make tag\)$"):
        check_settings(tmp_path / "bird.yaml", SETTINGS | {"seed": 2})
    with pytest.raises(
        OtherSettingsError, match=r"fingerprint is 'absent' there, .*\(other photos, weights or precision"
    ):
        check_settings(tmp_path / "bird.yaml", SETTINGS | {"fingerprint": "0"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "cub"}, "settings lacks the key 'network'"),
        (SETTINGS | {"depth": 2}, "settings has the unknown key 'depth'"),
    ],
)
def test_settings_that_are_refused(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_tag_template(tmp_path / "x", settings, 2)
    assert not (tmp_path / "x").exists()
