"""The stage on activations made up here: three birds, two dogs, one cat; and what is drawn and tagged from it."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from sklearn.metrics import adjusted_rand_score, v_measure_score

from commands import tag
from nas.classes.groups import fingerprint, folder_name
from nas.classes.stored import read_class
from nas.data.records import Record, read_records, write_records
from nas.networks.activations import FORWARD, Activations
from nas.report.figures import figure4_classes
from nas.report.tables import classes
from nas.semantics.tag_files import read_tags
from nas.statistics.bootstrap import interval
from nas.store.files import sha256_of, write_json
from nas.store.shards import Shard, Shards, gather, write_shard
from nas.superpixels.estimator import NeuroActivatedSuperpixels
from stages import classes, params

SIDE, CHANNELS = 8, {2: 4, 3: 5, 4: 6}
CLASSES = {"b0": "crane", "d0": "Great Dane", "b1": "crane", "c0": "tabby", "d1": "collie", "b2": "owl"}
SUPER = {"b": "bird", "d": "dog", "c": "cat"}
NETWORK = "mobilenet_v2"


def maps_of(photo):
    """Smooth activations with a middle that differs, at the depths of the recipe."""
    generator = np.random.default_rng(list(photo.encode()))
    maps = {}
    for depth, channels in CHANNELS.items():
        side = SIDE >> (depth - 2)
        noise = generator.normal(size=(channels, side, side))
        noise[:, side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] += 2 * np.arange(channels)[:, None, None]
        maps[f"depth{depth}"] = noise.astype(np.float32)
    return maps


@pytest.fixture(scope="module")
def new_project(tmp_path_factory, root, narrow):
    """A function that makes a project: photos of `CLASSES`, their activations, parameters."""

    def make(photos=tuple(CLASSES), datasets=("made",), masks=True, **settings):
        folder = tmp_path_factory.mktemp("project")
        content = yaml.safe_load((root / "params.yaml").read_text())
        content |= {"datasets": list(datasets), "classifiers": [NETWORK]}
        content["classes"] = {"groups": ["bird", "dog"], "clusters": 4, "own_clusters": [3, 2], **settings}
        content["statistics"]["resamples"] = 200
        (folder / "params.yaml").write_text(yaml.safe_dump(narrow(content)))
        raw, records, parts = folder / "data/raw/made", [], []
        for number, photo in enumerate(photos):
            view = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
            file, mask = raw / f"photos/{photo}.png", raw / f"truth/{photo}.png"
            for path, pixels in ((file, view), (mask, np.pad(np.ones((16, 16), np.uint8), 8))):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
            names = {"class_name": CLASSES[photo], "super_class": SUPER[photo[0]]}
            records.append(Record(photo, file, sha256_of(file), mask=mask if masks else None, **names))
            part = folder / f"parts/{photo}.safetensors"
            arrays = {name: each[None] for name, each in {**maps_of(photo), "view": view}.items()}
            write_shard(Shard([photo], arrays), part)
            parts.append(part)
        write_records(records, raw)
        stored = folder / "data/activations/made" / NETWORK
        gather(parts, stored)
        forward = {"batch": 1, "arithmetic": "float32", "precision": "float32"}
        network = {"classifier": NETWORK, "sha256": "0" * 64, "depths": {str(d): f"layer{d}" for d in CHANNELS}}
        write_json(stored / FORWARD, network | forward)  # all maps are stored: no network is loaded
        return folder

    return make


def run(folder, script=classes.main, arguments=("made", NETWORK)):
    """Run the stage, or another script, in a project, and return the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["stages/classes.py"])
        params.run(script, *arguments)
    return folder


@pytest.fixture(scope="module")
def made(new_project):
    """A project in which the stage has run."""
    return run(new_project())


def out(folder):
    return folder / "data/classes/made" / NETWORK


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stacked(photos):
    maps = [maps_of(photo) for photo in photos]
    return {depth: torch.from_numpy(np.stack([m[f"depth{depth}"] for m in maps])) for depth in CHANNELS}


def test_clusterings_are_those_of_the_estimator(made):
    for group, photos in {"bird": ["b0", "b1", "b2"], "dog": ["d0", "d1"]}.items():
        found, maps = read_class(made, "made", NETWORK, group), stacked(photos)
        assert found.ids == photos and found.own_clusters == [2, 3]
        together = NeuroActivatedSuperpixels(4, scope="collection").fit(maps)
        assert found.centers().tobytes() == together.cluster_centers_.numpy().tobytes()
        assert np.array_equal(found.class_clusters(photos), together.labels_)
        for k in (2, 3):
            assert np.array_equal(found.own(photos, k), NeuroActivatedSuperpixels(k).fit_predict(maps))
            assert found.own(photos, k).dtype == np.uint8
    assert {path.name for path in out(made).iterdir()} == {
        *("bird", "dog", "groups.json", "table.parquet", "summary.parquet")
    }
    assert not (made / params.SCRATCH / "classes/made" / NETWORK).exists()


def test_the_table_says_how_far_they_agree(made):
    table = pd.read_parquet(out(made) / "table.parquet")
    assert len(table) == 5 * 2 and set(table["own_k"]) == {2, 3}
    carried = {"dataset": "made", "network": NETWORK, "depths": "2-3-4", "clusters": "4", "weighting": "channels"}
    assert all((table[column] == value).all() for column, value in {**carried, "seed": 0}.items())
    for row in table.to_dict("records"):
        group = read_class(made, "made", NETWORK, row["class"])
        own, of_class = group.own([row["id"]], row["own_k"])[0], group.class_clusters([row["id"]])[0]
        assert row["class_clusters"] == len(set(of_class.ravel().tolist()))
        for name, plain in (("adjusted_rand_index", adjusted_rand_score), ("v_measure", v_measure_score)):
            shifts = [
                plain(np.roll(own, (y, x), axis=(0, 1)).ravel(), of_class.ravel())
                for y in range(SIDE)
                for x in range(SIDE)
            ]
            expected = [shifts[0], np.mean(shifts), shifts[0] - np.mean(shifts), np.mean(np.array(shifts) > shifts[0])]
            found = [row[f"{name}{kind}"] for kind in ("", "_chance", "_above_chance", "_reached")]
            np.testing.assert_allclose(found[:3], expected[:3], atol=1e-8)
            assert found[3] >= expected[3] + 1 / SIDE**2


def test_the_summary_is_of_each_group_and_of_all_photos_once(new_project):
    folder = run(new_project(groups=["bird", "dog", "crane"]))  # two birds are in two groups
    table = pd.read_parquet(out(folder) / "table.parquet")
    summary = pd.read_parquet(out(folder) / "summary.parquet").set_index(["class", "own_k", "measure"])
    assert set(summary["dataset"]) == {"made"}
    for (group, k), rows in table.groupby(["class", "own_k"]):
        for measure in ("v_measure_above_chance", "class_clusters"):
            found = summary.loc[(group, k, measure)]
            np.testing.assert_allclose(
                found[["value", "low", "high", "n"]].astype(float), interval(rows[measure], 0.95, 200, 0)
            )
    once = table[table["own_k"] == 3].groupby("id", sort=False)["adjusted_rand_index"].mean()
    found = summary.loc[("all", 3, "adjusted_rand_index")]
    np.testing.assert_allclose(found[["value", "low", "high", "n"]].astype(float), interval(once, 0.95, 200, 0))
    assert found["n"] == 5


def test_a_group_does_not_depend_on_the_others(new_project):
    many, one = run(new_project(groups=["dog", "crane", "bird"])), run(new_project(groups=["bird"]))
    assert contents(out(many) / "bird") == contents(out(one) / "bird")
    tables = [pd.read_parquet(out(folder) / "table.parquet").query("group == 'bird'") for folder in (many, one)]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in tables))


class Killed(BaseException):
    pass


class Counted:
    """Counts the passes of k-means and the photos done alone, and kills the run at one of them."""

    def __init__(self, patch, passes=None, photos=None):
        self.passes, self.photos = Counter(), 0
        read, compute = classes.Maps.__iter__, classes.compute

        def one_pass(activations):
            self.passes[activations._description] += 1
            if self.passes["classes bird"] == passes:
                raise Killed
            yield from read(activations)

        def one_photo(records, **settings):
            self.photos += 1
            if self.photos == photos:
                raise Killed
            return compute(records, **settings)

        patch.setattr(classes.Maps, "__iter__", one_pass)
        patch.setattr(classes, "compute", one_photo)


@pytest.mark.parametrize("kill", [{"passes": 7}, {"photos": 2}, {"photos": 4}])
def test_a_run_that_was_killed_ends_with_the_same_bytes(made, new_project, monkeypatch, kill):
    killed = new_project()
    with monkeypatch.context() as patch:
        Counted(patch, **kill)
        with pytest.raises(Killed):
            run(killed)
    assert not out(killed).exists()
    with monkeypatch.context() as patch:
        resumed = Counted(patch)
        run(killed)
    with monkeypatch.context() as patch:
        whole = Counted(patch)
        run(new_project())
    assert contents(out(killed)) == contents(out(made))
    assert resumed.photos == 5 - (kill.get("photos", 1) - 1)
    # a group whose centers were found needs one more pass, one that was finished none
    expected = {1: whole.passes["classes bird"] - 6, 2: 1, 4: 0}[kill.get("photos", 1)]
    assert resumed.passes["classes bird"] == expected
    assert resumed.passes["classes dog"] == (1 if kill.get("photos") == 4 else whole.passes["classes dog"])


def failing(folder, capsys, script=classes.main, arguments=("made", NETWORK)):
    with pytest.raises(SystemExit) as caught:
        run(folder, script, arguments)
    assert "\n" not in caught.value.code
    assert capsys.readouterr().err == ""
    return caught.value.code


ALLOWED = "allowed are classes and super-classes of made with at least 2 photos, bird, crane, dog"


@pytest.mark.parametrize(
    ("groups", "words", "taken"),
    [
        (["bird", "zebra"], ["classes.groups has 'zebra' (0 photos)", ALLOWED, "; skipped\n"], ["bird"]),
        (["cat", "bird", "owl"], ["'cat' (1 photos), 'owl' (1 photos)", ALLOWED, "; skipped\n"], ["bird"]),
        (["zebra"], ["'zebra' (0 photos)", ALLOWED, "; every class is taken\n"], ["crane"]),
    ],
)
def test_a_name_that_is_no_group_is_named_with_those_that_are(new_project, capsys, groups, words, taken):
    folder = run(new_project(groups=groups))
    message = capsys.readouterr().err
    assert [word for word in words if word not in message] == [] and message.count("\n") == 1
    assert [entry["class"] for entry in json.loads((out(folder) / "groups.json").read_text())] == taken


def test_null_takes_every_class_with_two_photos(new_project, capsys):
    folder = run(new_project(groups=None))
    assert [entry["class"] for entry in json.loads((out(folder) / "groups.json").read_text())] == ["crane"]
    folder = run(new_project(photos=["b0", "d0", "c0"], groups=None))
    assert [entry["class"] for entry in json.loads((out(folder) / "groups.json").read_text())] == ["all photos"]
    message = failing(new_project(photos=["b0"], groups=None), capsys)
    assert "data set 'made' has 1 photo: there must be 2 to cluster together" in message


def test_groups_with_one_folder_are_refused(new_project, capsys, monkeypatch):
    monkeypatch.setitem(CLASSES, "d0", "Bird")
    monkeypatch.setitem(CLASSES, "d1", "Bird")
    message = failing(new_project(groups=["bird", "Bird"]), capsys)
    assert "classes.groups has 'bird' and another name for the folder 'bird': leave one out" in message


@pytest.mark.parametrize(
    ("class", "folder"),
    [
        ("Great Dane", "great-dane"),
        ("a/b\\c", "a-b-c"),
        ("../x", "x"),
        ("001.Albatross", "001.albatross"),
        ("雀", "class"),
    ],
)
def test_folders_of_groups(group, folder):
    assert folder_name(group) == folder


def test_the_figure_shows_a_group_and_its_caption_says_what(made, new_project):
    figure, caption = figure4_classes.load(made, "made", NETWORK, "bird", None, 2)
    assert len(figure.axes) == 2 * 6 + 1
    assert caption.startswith("A random 2 of the 3 photos of the class bird in made, segmented by MobileNetV2 (depths")
    assert "k = 2 and 3" in caption and "lies most on the objects" in caption
    figure, caption = figure4_classes.load(made, "made", NETWORK, "dog", 1, 9)
    assert caption.startswith("All 2 photos") and "cluster 1, chosen by hand" in caption
    titles = [ax.get_title() for ax in figure.axes[:6]]
    assert titles == ["Photo", "k = 2", "k = 3", "k = 4", "cluster 1", "close-up"]
    unmasked = run(new_project(masks=False))
    assert "nearest to their middle" in figure4_classes.load(unmasked, "made", NETWORK, "bird", None, 5)[1]
    with pytest.raises(ValueError, match=r"cluster is 4: 'dog' has the clusters 0 to 3; give one of them, or null$"):
        figure4_classes.load(made, "made", NETWORK, "dog", 4, 9)


def test_the_table_of_the_report_has_every_group_with_chance_and_interval(made):
    summary = pd.read_parquet(out(made) / "summary.parquet")
    table, caption = classes.table(summary)
    assert table["class"].tolist() == ["bird", "bird", "dog", "dog", "all", "all"]
    assert table["own k"].tolist() == ["3", "2"] * 3 and table["n"].tolist() == ["3", "3", "2", "2", "5", "5"]
    mean = summary.query("group == 'all' and own_k == 3").set_index("measure")["value"]
    row = table.iloc[4]
    assert row["ARI"].startswith(f"{mean['adjusted_rand_index']:.3f} [")
    assert row["ARI by chance"] == f"{mean['adjusted_rand_index_chance']:.3f}"
    assert row["Δ V-measure"].startswith(f"{mean['v_measure_above_chance']:+.3f} [")
    assert "(k = 4)" in caption


def test_tag_draws_the_clusters_and_writes_a_template_once(new_project, capsys):
    folder = run(new_project(groups=["crane", "bird"]))
    run(folder, tag.main, ("bird",))  # the first data set and classifier
    picture, template = f"reports/tags/made-{NETWORK}-bird.png", f"data/tags/made/{NETWORK}/bird.yaml"
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [picture, template]
    assert (folder / picture).is_file()
    group = read_class(folder, "made", NETWORK, "bird")
    with pytest.raises(ValueError, match="tags cluster 0 as None: allowed are object and background"):
        read_tags(folder / template, group.settings, group.n_clusters)
    filled = (folder / template).read_text().replace("null", "object")
    (folder / template).write_text(filled)
    run(folder, tag.main, ("bird", "made", NETWORK))
    assert (folder / template).read_text() == filled
    assert read_tags(folder / template, group.settings, group.n_clusters).all()


def test_a_file_of_tags_for_other_clusters_ends_it_before_anything_is_drawn(new_project, capsys):
    folder = run(new_project(groups=["bird"]))
    template = folder / f"data/tags/made/{NETWORK}/bird.yaml"
    run(folder, tag.main, ("bird",))
    (folder / f"reports/tags/made-{NETWORK}-bird.png").unlink()
    written = template.read_text()
    template.write_text(written.replace("seed: 0", "seed: 1"))
    message = failing(folder, capsys, tag.main, ("bird",))
    assert "bird.yaml tags other clusters: seed is 1 there, expected is 0; rename or remove it" in message
    template.write_text(re.sub("fingerprint: .*", "fingerprint: 0123456789ab", written))
    message = failing(folder, capsys, tag.main, ("bird",))
    assert "fingerprint is '0123456789ab' there" in message and "(other photos, weights or precision" in message
    assert not (folder / f"reports/tags/made-{NETWORK}-bird.png").exists()
    assert template.read_text() == re.sub("fingerprint: .*", "fingerprint: 0123456789ab", written)


CHANGED = {
    "photo": lambda photos, network: (photos[::-1], network, [2, 3], "bicubic"),
    "weights": lambda photos, network: (photos, network | {"sha256": "1" * 64}, [2, 3], "bicubic"),
    "layer": lambda photos, network: (photos, network | {"depths": {"2": "a", "3": "b"}}, [2, 3], "bicubic"),
    "precision": lambda photos, network: (photos, network | {"precision": "float16"}, [2, 3], "bicubic"),
    "interpolation": lambda photos, network: (photos, network, [2, 3], "bilinear"),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_the_fingerprint_is_of_what_the_clusters_are_made_from(made, change):
    photos = read_records(made / "data/raw/made")
    network = Activations(made / "data/activations/made" / NETWORK).network
    before = fingerprint(photos, network, [2, 3], "bicubic")
    assert re.fullmatch("[0-9a-f]{12}", before)
    assert before != fingerprint(*change(photos, network))
    other = network | {"depths": network["depths"] | {"4": "not used"}}
    assert before == fingerprint([replace(photo, image=Path("x")) for photo in photos], other, [3, 2], "bicubic")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no class is given: python stages/tag.py CLASS [DATASET CLASSIFIER], CLASS of classes.groups"),
        (("cat",), "has no group 'cat', only bird, dog; take one of them, or edit classes.groups"),
        (("bird", "made", "vgg16"), "holds no groups.json; run the stage classes (dvc repro classes)"),
    ],
)
def test_what_cannot_be_tagged_is_named(made, capsys, arguments, message):
    assert message in failing(made, capsys, tag.main, arguments)


def test_stored_shards_are_read_by_photo(made):
    stored = Shards(out(made) / "bird")
    assert stored.names() == ["class_clusters", "own_k2", "own_k3"]
    assert not (out(made) / "bird" / "table.parquet").exists()
