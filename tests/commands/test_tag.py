"""What a person gets to tag the clusters of a class."""

import re

import pytest
from class_projects import NETWORK, run_classes

from commands import tag
from nas.classes.stored import read_class
from nas.semantics.tag_files import read_tags


@pytest.fixture(scope="module")
def made(new_classes):
    """A project in which the stage classes has run."""
    return run_classes(new_classes())


def failing(folder, capsys, script, arguments):
    with pytest.raises(SystemExit) as caught:
        run_classes(folder, script, arguments)
    assert "\n" not in caught.value.code
    assert capsys.readouterr().err == ""
    return caught.value.code


def test_tag_draws_the_clusters_and_writes_a_template_once(new_classes, capsys):
    folder = run_classes(new_classes(names=["crane", "bird"]))
    run_classes(folder, tag.main, ("bird",))  # the first data set and classifier
    picture, template = f"reports/tags/folder-{NETWORK}-bird.png", f"data/tags/folder/{NETWORK}/bird.yaml"
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [picture, template]
    assert (folder / picture).is_file()
    found = read_class(folder, "folder", NETWORK, "bird")
    with pytest.raises(ValueError, match="tags cluster 0 as None: allowed are object and background"):
        read_tags(folder / template, found.settings, found.n_clusters)
    filled = (folder / template).read_text().replace("null", "object")
    (folder / template).write_text(filled)
    run_classes(folder, tag.main, ("bird", "folder", NETWORK))
    assert (folder / template).read_text() == filled
    assert read_tags(folder / template, found.settings, found.n_clusters).all()


def test_a_file_of_tags_for_other_clusters_ends_it_before_anything_is_drawn(new_classes, capsys):
    folder = run_classes(new_classes(names=["bird"]))
    template = folder / f"data/tags/folder/{NETWORK}/bird.yaml"
    run_classes(folder, tag.main, ("bird",))
    (folder / f"reports/tags/folder-{NETWORK}-bird.png").unlink()
    written = template.read_text()
    template.write_text(written.replace("seed: 0", "seed: 1"))
    message = failing(folder, capsys, tag.main, ("bird",))
    assert "bird.yaml tags other clusters: seed is 1 there, expected is 0; rename or remove it" in message
    template.write_text(re.sub("fingerprint: .*", "fingerprint: 0123456789ab", written))
    message = failing(folder, capsys, tag.main, ("bird",))
    assert "fingerprint is '0123456789ab' there" in message and "(other photos, weights or precision" in message
    assert not (folder / f"reports/tags/folder-{NETWORK}-bird.png").exists()
    assert template.read_text() == re.sub("fingerprint: .*", "fingerprint: 0123456789ab", written)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no class is given: make tag CLASS=NAME [DATASET=... CLASSIFIER=...], NAME of classes.names"),
        (("cat",), "has no class 'cat', only bird, dog; take one of them, or edit classes.names"),
        (("bird", "folder", "vgg16"), "holds no classes.json; run the stage classes (dvc repro classes)"),
    ],
)
def test_what_cannot_be_tagged_is_named(made, capsys, arguments, message):
    assert message in failing(made, capsys, tag.main, arguments)
