"""The stage on small photos made up here, with clusters and maps of random numbers."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import kendalltau

from nas.classes.stored import read_class
from nas.data.label_maps import resize_labels
from nas.saliency.maps import resize_map
from nas.semantics import evaluation
from nas.semantics.scores import SCORES, score, score_against_mask
from nas.semantics.tag_files import write_tag_template
from nas.semantics.tags import object_regions
from nas.statistics.bootstrap import interval
from nas.store.shards import Shards
from stages import semantics

SIDE, GRID, K, SEED = 16, 4, 3, 3
KINDS, REAL = ["nas_clusters.first", "slic.first"], ["grad_cam", "lrp", "rise"]
SETTINGS = {"methods": [*REAL, "cam", "random"], "regions": KINDS, "labelled": [1, 2, 3, 4], "draws": 6}
CLASSES = {"bird": "abcd", "dog": "ef"}
KEY = ["id", "class", "method", "regions", "against"]
TABLES = ("table.parquet", "labels.parquet")


def clusters_of(photo):
    return np.random.default_rng(list(photo.encode())).integers(0, K, (GRID, GRID), np.uint8)


def mask_of(photo):
    """Mostly, but not only, cluster 1; a column to ignore."""
    generator = np.random.default_rng(list(f"mask of {photo}".encode()))
    inside = (clusters_of(photo) == 1) ^ (generator.random((GRID, GRID)) < 0.2)
    mask = np.kron(inside, np.ones((10, 12))).astype(np.uint8)
    mask[:, 30:33] = 255
    return mask


@pytest.fixture(scope="module")
def prepared(new_project):
    """A function that makes a project of the photos of some groups, by default all with masks."""

    def make(groups=tuple(CLASSES), known=None, masks=None):
        photos = [photo for group in groups for photo in CLASSES[group]]
        found = {photo: {"mask": mask_of(photo)} for photo in photos}
        found |= {photo: {"mask": mask} for photo, mask in (masks or {}).items()}
        found |= known or {}
        project, maps = new_project(found, side=SIDE, seed=SEED, semantics=SETTINGS), {}
        for photo in photos:
            generator = np.random.default_rng(list(photo.encode()))
            maps[photo] = {
                "predicted/grad_cam": generator.random((2, 2), np.float32),
                "predicted/lrp": generator.normal(size=(SIDE, SIDE)).astype(np.float32),
                "predicted/rise": generator.random((SIDE, SIDE), np.float32),
                "predicted/random": generator.random((SIDE, SIDE), np.float32),
                "true/lrp": np.zeros((SIDE, SIDE), np.float32),
            }
        project.store("saliency", maps)
        for group in groups:
            project.store_class(group, {photo: clusters_of(photo) for photo in CLASSES[group]}, K)
        return project

    return make


@pytest.fixture(scope="module")
def made(prepared):
    """A project in which the stage has run."""
    project = prepared()
    project.run(semantics)
    return project


@pytest.fixture(scope="module")
def bird(prepared):
    """A project with a group alone in which the stage has run."""
    project = prepared(["bird"])
    project.run(semantics)
    return project


@pytest.fixture(scope="module")
def tag(prepared):
    """A function that writes a person's tags of a group into a project."""

    def write(project, group, words=("background", "object", "background"), **settings):
        found = read_class(project.folder, "folder", "mobilenet_v2", group)
        path = project.folder / f"data/tags/folder/mobilenet_v2/{group}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tag_template(path, found.settings | settings, K)
        content = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(content | {"tags": dict(enumerate(words))}))

    return write


def tags_used(project):
    return json.loads((project.of("semantics") / "tags.json").read_text())


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def labels_of(photo):
    return resize_labels(clusters_of(photo), (SIDE, SIDE))


def truths(photos):
    return np.stack([resize_labels(mask_of(photo), (SIDE, SIDE)) for photo in photos])


def learnt(labels, masks):
    """Tags as a plain loop over clusters learns them: object where most of the pixels that count are on objects."""
    labels, masks = (np.concatenate([np.ravel(each) for each in of]) for of in (list(labels), list(masks)))
    return [bool((masks[labels == k] == 1).sum() > (masks[labels == k] == 0).sum()) for k in range(K)]


def plain_maps(project, photo):
    """Method and regions to the map of the predicted class."""
    stored = {name: each[0] for name, each in Shards(project.of("saliency")).read([photo]).items()}
    labels = Shards(project.of("superpixels")).read([photo])
    found = {}
    for method in (*REAL, "random"):
        raw = found[method, "raw"] = resize_map(stored[f"predicted/{method}"], (SIDE, SIDE))
        for kind in KINDS:
            means = [raw[labels[kind][0] == label].mean() for label in labels[kind][0].ravel()]
            found[method, kind] = np.reshape(means, raw.shape).round(12)  # the same in a region
    return found


def test_learnt_tags_are_learnt_from_the_masks_of_the_other_photos(made):
    for group, photos in CLASSES.items():
        for photo in photos:
            others = [other for other in photos if other != photo]
            assert tags_used(made)[group]["learnt tags"][photo] == learnt(map(labels_of, others), truths(others))


@pytest.mark.parametrize("photo", CLASSES["bird"])
def test_the_mask_of_a_photo_does_not_move_the_tags_that_score_it(bird, prepared, photo):
    mask = mask_of(photo)  # of which the ignored pixels stay, since they are scored against nothing
    other = prepared(["bird"], masks={photo: np.where(mask == 255, 255, mask == 0).astype(np.uint8)})
    other.run(semantics)
    before, after = (tags_used(project)["bird"]["learnt tags"] for project in (bird, other))
    assert before[photo] == after[photo] and before != after
    rows = [project.table("semantics").set_index(KEY).sort_index() for project in (bird, other)]
    scored = [table.xs((photo, "learnt tags"), level=("id", "against")) for table in rows]
    pd.testing.assert_frame_equal(*scored, check_exact=True)
    of_truth = [table.xs((photo, "truth"), level=("id", "against"))["mass_share"] for table in rows]
    assert (of_truth[0] != of_truth[1]).any()


def test_scores_are_those_against_the_tagged_clusters_and_the_mask(prepared, tag):
    project = prepared()
    tag(project, "bird", ["object", "background", "object"])
    project.run(semantics)
    table = project.table("semantics").set_index(KEY)
    n_rows = 0
    for group, photos in CLASSES.items():
        for photo in photos:
            tags = {source: each[photo] for source, each in tags_used(project)[group].items()}
            assert set(tags) == {"learnt tags"} | ({"hand tags"} if group == "bird" else set())
            assert tags.get("hand tags", [True, False, True]) == [True, False, True]
            for (method, kind), saliency in plain_maps(project, photo).items():
                [truth] = truths([photo])
                expected = {s: score(saliency, labels_of(photo), np.array(t), truth == 255) for s, t in tags.items()}
                expected["truth"] = score_against_mask(saliency, truth)
                for against, values in expected.items():
                    row = table.loc[(photo, group, method, kind, against)]
                    assert row[list(SCORES)].tolist() == pytest.approx(list(values.values()), nan_ok=True)
                    assert row["truth"] == "mask"
                    n_rows += 1
    assert len(table) == n_rows


def test_gains_are_over_the_raw_map_of_the_same_photo_and_method(made):
    table = made.table("semantics").sample(frac=1, random_state=0)
    raw = {tuple(row[key] for key in KEY): row for row in table.to_dict("records") if row["regions"] == "raw"}
    for row in table.to_dict("records"):
        same = raw[row["id"], row["class"], row["method"], "raw", row["against"]]
        for measure in SCORES:
            assert row[f"gain_{measure}"] == pytest.approx(row[measure] - same[measure], abs=1e-12, nan_ok=True)
    summary = made.summary("semantics").set_index(["method", "regions", "against", "measure"])
    for (method, kind, against), group in table.sort_values("id").groupby(["method", "regions", "against"]):
        for measure in ("gain_mass_share", "auroc"):
            expected = interval(group[measure], 0.95, 100, SEED)
            row = summary.loc[(method, kind, against, measure)]
            assert tuple(row[list(expected._fields)]) == pytest.approx(tuple(expected))


def test_few_labels_are_those_of_a_plain_loop(made):
    rows = made.table("semantics", "labels.parquet")
    assert [tuple(row) for row in rows[["class", "labelled"]].drop_duplicates().to_numpy()] == [
        *(("bird", n) for n in (1, 2, 3)), ("dog", 1)
    ]  # fmt: skip
    for (group, n), found in rows.groupby(["class", "labelled"]):
        photos = list(CLASSES[group])
        labels, masks = np.stack([labels_of(photo) for photo in photos]), truths(photos)
        maps = [{method: np.maximum(plain_maps(made, photo)[method, "raw"], 0) for method in REAL}
                for photo in photos]  # fmt: skip
        generator = np.random.default_rng(SEED)
        values = {"IoU": [], "tau": []}
        for _ in range(SETTINGS["draws"]):
            labelled = generator.permutation(len(photos)) < n
            tags = np.array(learnt(labels[labelled], masks[labelled]))
            ious, shares = [], []
            for photo in np.flatnonzero(~labelled):
                guess, truth, known = object_regions(labels[photo], tags), masks[photo] > 0, masks[photo] < 255
                ious.append((guess & truth & known).sum() / ((guess | truth) & known).sum())
                shares.append(
                    [
                        [m[guess & known].sum() / m[known].sum() for m in maps[photo].values()],
                        [m[truth & known].sum() / m[known].sum() for m in maps[photo].values()],
                    ]
                )
            values["IoU"].append(np.mean(ious))
            if tags.any():
                values["tau"].append(kendalltau(*np.mean(shares, axis=0)).statistic)
        for row in found.to_dict("records"):
            drawn = values[row["measure"]]
            assert row["value"] == pytest.approx(np.mean(drawn)) and row["draws"] == len(drawn)
            assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(drawn, [0.05, 0.95])))
            assert row["photos"] == len(photos)


def test_agreement_is_between_the_rankings_of_the_methods_that_are_no_controls(made):
    table = made.table("semantics")
    found = made.summary("semantics", "agreement").set_index(["against", "measure"])
    assert set(found.index) == {("learnt tags", measure) for measure in SCORES}
    raw = table[(table["regions"] == "raw") & table["method"].isin(REAL)]
    for measure in SCORES:
        scores = raw.pivot(index="id", columns=["against", "method"], values=measure).dropna()
        row, means = found.loc[("learnt tags", measure)], scores.mean()
        expected = kendalltau(*(means[against][REAL] for against in ("learnt tags", "truth"))).statistic
        assert row["value"] == pytest.approx(expected) and row["low"] <= row["high"]
        assert (row["n"], row["methods"]) == (len(scores), 3) and len(scores) >= 5


@pytest.mark.parametrize(("at", "left"), [(1, 6), (3, 4), (5, 2), (6, 1)])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(made, prepared, at, left):
    killed = prepared()
    assert killed.kill_and_resume(semantics, at, "score_photos", evaluation) == left
    assert killed.contents("semantics") == made.contents("semantics")


def test_a_class_does_not_depend_on_the_others(made, bird):
    for name in ("table.parquet", "labels.parquet"):
        tables = [project.table("semantics", name).query("`class` == 'bird'") for project in (made, bird)]
        pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert tags_used(made)["bird"] == tags_used(bird)["bird"]


def test_tags_for_other_settings_are_not_used_and_a_line_says_so(bird, prepared, tag, capsys):
    project = prepared(["bird"])
    tag(project, "bird", seed=1)
    project.run(semantics)
    found = [line for line in lines(capsys) if line.endswith("; not used")]
    assert len(found) == 1 and "bird.yaml tags other clusters: seed is 1 there, expected is 0;" in found[0]
    assert project.contents("semantics") == bird.contents("semantics")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("tags: [", "bird.yaml: cannot be read ("),
        ("object\n", "bird.yaml must hold the two mappings settings and tags"),
        (["object", None, "object"], "bird.yaml tags cluster 1 as None: allowed are object and background"),
        (["object", "object"], "bird.yaml lacks cluster 2: there are 3 clusters, 0 to 2; tag it"),
        (["object"] * 4, "bird.yaml tags cluster 3: there are 3 clusters, 0 to 2; correct or remove it"),
    ],
)
def test_malformed_tags_are_one_line(prepared, tag, content, message):
    project = prepared(["bird"])
    tag(project, "bird", content if isinstance(content, list) else ())
    if isinstance(content, str):
        (project.folder / "data/tags/folder/mobilenet_v2/bird.yaml").write_text(content)
    assert f"error: data/tags/folder/mobilenet_v2/{message}" in project.failing(semantics)


def test_boxes_stand_in_where_there_is_no_mask(prepared):
    box = (12, 10, 35, 29)
    project = prepared(["dog"], known={"e": {"boxes": (box,)}})
    project.run(semantics)
    table = project.table("semantics").set_index(KEY)
    filled = np.zeros((SIDE, SIDE), np.uint8)
    filled[int(10 * SIDE / 40) : int(29 * SIDE / 40) + 1, int(12 * SIDE / 48) : int(35 * SIDE / 48) + 1] = 1
    for (method, kind), saliency in plain_maps(project, "e").items():
        row = table.loc[("e", "dog", method, kind, "truth")]
        expected = score_against_mask(saliency, filled)
        assert row["truth"] == "boxes" and row[list(SCORES)].tolist() == pytest.approx(list(expected.values()))
    assert set(table.loc["f"]["truth"]) == {"mask"}
    assert tags_used(project)["dog"]["learnt tags"]["f"] == learnt([labels_of("e")], [filled])


NOTHING = {photo: {} for photo in CLASSES["dog"]}


def test_a_class_of_which_nothing_is_known_is_skipped_with_a_line(bird, prepared, capsys):
    project = prepared(known=NOTHING)
    project.run(semantics)
    found = [line for line in lines(capsys) if "skip" in line or "has no masks" in line]
    assert found == ["folder dog: has no masks, boxes or tags; tag it (make tag CLASS=dog)"]
    assert set(tags_used(project)) == {"bird"}
    for name in TABLES:
        pd.testing.assert_frame_equal(project.table("semantics", name), bird.table("semantics", name))


def test_where_nothing_is_known_the_tables_are_empty_with_all_columns(bird, prepared, capsys):
    project = prepared(["dog"], known=NOTHING)
    project.run(semantics)
    assert sum("has no masks" in line for line in lines(capsys)) == 1
    assert tags_used(project) == {}
    for name in TABLES:
        found = project.table("semantics", name)
        assert found.empty and list(found) == list(bird.table("semantics", name)), name
    for name in ("summary", "agreement"):
        assert project.summary("semantics", name).empty
        assert list(project.summary("semantics", name)) == list(bird.summary("semantics", name)), name


def test_a_persons_tags_serve_where_nothing_else_is_known(prepared, tag):
    project = prepared(["dog"], known=NOTHING)
    tag(project, "dog")
    project.run(semantics)
    table = project.table("semantics")
    assert set(table["against"]) == {"hand tags"} and set(table["truth"]) == {""}
    assert project.summary("semantics", "agreement").empty and project.table("semantics", "labels.parquet").empty


def test_a_photo_without_a_mask_has_no_truth_and_no_learnt_tags_and_takes_none_from_the_others(prepared, tag, capsys):
    project = prepared(["bird"], known={"b": {}})
    tag(project, "bird")
    project.run(semantics)
    table = project.table("semantics")
    ids = {against: set(rows["id"]) for against, rows in table.groupby("against")}
    assert ids == {"hand tags": set("abcd"), "truth": set("acd"), "learnt tags": set("acd")}
    found = project.summary("semantics", "agreement")
    assert set(found["against"]) == {"hand tags", "learnt tags"} and (found["n"] == 3).all()
    (line,) = [each for each in lines(capsys) if "learnt tags" in each]
    assert line == "folder bird: learnt tags are of 3 of its 4 photos; without masks and boxes: b"


def test_an_error_in_a_map_names_the_photo_and_the_method(prepared):
    project = prepared(["dog"])
    maps = Shards(project.of("saliency"))
    broken = {photo: {name: each[0] for name, each in maps.read([photo]).items()} for photo in maps.ids}
    broken["f"]["predicted/lrp"] = np.full((SIDE, SIDE), np.inf, np.float32)
    project.store("saliency", broken)
    assert project.failing(semantics).startswith("error: photo f: lrp/raw: saliency has ")


def test_tags_for_clusters_of_other_photos_or_weights_are_not_used(bird, prepared, tag, capsys):
    project = prepared(["bird"])
    tag(project, "bird", fingerprint="ba9876543210")
    project.run(semantics)
    [found] = [line for line in lines(capsys) if line.endswith("; not used")]
    assert "bird.yaml tags other clusters: fingerprint is 'ba9876543210' there, expected is '0123456789ab'" in found
    assert project.contents("semantics") == bird.contents("semantics")


def test_tags_that_name_no_object_have_no_scores(prepared, tag):
    project = prepared(["bird"], masks={photo: np.zeros((40, 48), np.uint8) for photo in "acd"})
    project.run(semantics)
    table = project.table("semantics").set_index(["id", "against"])
    assert tags_used(project)["bird"]["learnt tags"]["b"] == [False] * K
    assert table.loc[("b", "learnt tags"), list(SCORES)].isna().all(axis=None)
    assert project.summary("semantics", "agreement").empty
    labels = project.table("semantics", "labels.parquet")
    assert (labels["draws"] <= SETTINGS["draws"]).all()


def test_methods_without_maps_are_one_line(prepared):
    project = prepared(["dog"])
    project.set(semantics={"methods": ["cam", "xrai"]})
    message = project.failing(semantics)
    assert message.startswith("error: semantics.methods is ['cam', 'xrai']: this network can do none of them")
