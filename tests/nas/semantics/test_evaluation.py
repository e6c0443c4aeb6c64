"""Tags and scores of classes of photos against each photo and map alone."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from known import Known
from plain import record_of, store

from nas.data.records import Record
from nas.semantics import evaluation
from nas.semantics.evaluation import (
    MASS,
    SEMANTICS_COLUMNS,
    TaggedClass,
    counts_of,
    evaluate_class,
    plain,
    score_photos,
    tags_of,
)
from nas.semantics.scores import SCORES, score, score_against_mask
from nas.semantics.tag_files import write_tag_template
from nas.semantics.tags import HAND, LEARNT, TRUTH
from nas.store.given import Given
from nas.store.shards import Shards, Stored

SIZE, CLASSES, K = (16, 16), {"bird": "abcd", "dog": "ef"}, 3
KEY = ["id", "method", "regions", "against"]


@pytest.fixture
def by_hand(made, tmp_path):
    """A function that writes a person's tags of a class; the folder of such files."""

    def write(name, words=("background", "object", "background"), **settings):
        path = tmp_path / "tags" / "made" / "net" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tag_template(path, made.clusters(name).settings | settings, K)
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"tags": dict(enumerate(words))}))
        return tmp_path / "tags"

    return write


def tagged(made, name, folder=Path("nowhere"), learnt_from=9, records=None):
    records = made.records(name) if records is None else records
    counts = counts_of(made.clusters(name), records, SIZE)
    return tags_of(made.clusters(name), records, counts, learnt_from, 3, folder)


def test_counts_are_those_of_single_pixels(made):
    found = counts_of(made.clusters("bird"), made.records("bird"), SIZE)
    assert found.shape == (2, 4, K)
    for image, photo in enumerate("abcd"):
        labels, truth = made.labels(photo), made.truth(photo)
        for cluster in range(K):
            inside = truth[(labels == cluster) & (truth < 255)]
            assert found[:, image, cluster].tolist() == [(inside > 0).sum(), (inside == 0).sum()]


def test_a_photo_without_truth_leaves_no_counts_and_a_wrong_box_names_it(made):
    records = made.records("dog")
    assert counts_of(made.clusters("dog"), [records[0], Record("f", Path(), "", size=(40, 48))], SIZE) is None
    wrong = Record("f", Path(), "", size=(40, 48), boxes=((4, 6, 49, 25),))
    with pytest.raises(ValueError, match=r"^photo f: boxes has "):
        counts_of(made.clusters("dog"), [records[0], wrong], SIZE)


def test_a_photo_without_truth_changes_no_tag_of_the_others(made):
    records = made.records("bird")
    bare = replace(records[1], mask=None, boxes=())
    others = [records[0], *records[2:]]
    counts = counts_of(made.clusters("bird"), [records[0], bare, *records[2:]], SIZE)
    np.testing.assert_array_equal(counts, counts_of(made.clusters("bird"), others, SIZE))
    found = tagged(made, "bird", records=[records[0], bare, *records[2:]])[LEARNT]
    expected = tagged(made, "bird", records=others)[LEARNT]
    assert found.keys() == expected.keys() == {photo.id for photo in others}
    assert all((found[photo] == expected[photo]).all() for photo in expected)


def test_learnt_tags_are_from_the_masks_of_the_other_photos(made, plain_tags):
    for name, photos in CLASSES.items():
        tags = tagged(made, name)
        assert set(tags) == {LEARNT}
        for photo in photos:
            others = [other for other in photos if other != photo]
            assert tags[LEARNT][photo].tolist() == plain_tags(others)


def test_few_of_the_others_are_enough_when_no_more_are_asked_for(made, plain_tags):
    photos = CLASSES["bird"]
    order = np.random.default_rng(3).permutation(4)
    tags = tagged(made, "bird", learnt_from=2)[LEARNT]
    for number, photo in enumerate(photos):
        chosen = [photos[other] for other in order[:3] if other != number][:2]
        assert tags[photo].tolist() == plain_tags(chosen)


@pytest.mark.parametrize("photo", CLASSES["bird"])
def test_the_mask_of_a_photo_does_not_move_the_tags_that_score_it(made, tmp_path, photo):
    records = made.records("bird")
    inverted = [record_of(tmp_path, photo, (each.truth() == 0).astype(np.uint8)) if each.id == photo else each
                for each in records]  # fmt: skip
    before, after = tagged(made, "bird")[LEARNT], tagged(made, "bird", records=inverted)[LEARNT]
    assert np.array_equal(before[photo], after[photo])
    assert any(not np.array_equal(before[each], after[each]) for each in before)


def test_tags_of_a_person_serve_all_photos(made, by_hand, capsys):
    folder = by_hand("dog", ["object", "background", "object"])
    unknown = [Record(photo, Path(), "", size=(40, 48)) for photo in CLASSES["dog"]]
    tags = tagged(made, "dog", folder, records=unknown)
    assert plain(tags) == {HAND: {photo: [True, False, True] for photo in "ef"}}
    assert set(tagged(made, "dog", folder)) == {LEARNT, HAND}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 1}, "seed is 1 there, expected is 0;"),
        ({"fingerprint": "ba98"}, "fingerprint is 'ba98' there, expected is '0123456789ab'"),
    ],
)
def test_tags_for_other_clusters_are_not_used_and_a_line_says_so(made, by_hand, capsys, changed, words):
    assert plain(tagged(made, "bird", by_hand("bird", **changed))) == plain(tagged(made, "bird"))
    [line] = capsys.readouterr().err.splitlines()
    assert words in line and "bird.yaml tags other clusters: " in line and line.endswith("; not used")


def test_tags_that_a_person_got_wrong_are_an_error(made, by_hand):
    with pytest.raises(ValueError, match=r"dog\.yaml tags cluster 1 as None: allowed are object and background"):
        tagged(made, "dog", by_hand("dog", ["object", None, "object"]))


def test_a_class_of_which_nothing_is_known_is_told(made, capsys):
    unknown = [Record(photo, Path(), "", size=(40, 48)) for photo in CLASSES["dog"]]
    assert tagged(made, "dog", records=unknown) == {}
    assert capsys.readouterr().err == "made dog: has no masks, boxes or tags; tag it (make tag CLASS=dog)\n"


def test_scores_are_those_against_the_tagged_clusters_and_the_mask(made, by_hand):
    folder = by_hand("bird", ["object", "background", "object"])
    for name, photos in CLASSES.items():
        tags = tagged(made, name, folder)
        found = score_photos(made.records(name), TaggedClass.of(made.clusters(name), tags), made.settings)
        rows = {tuple(row[key] for key in KEY): row for row in found.rows}
        n_rows = 0
        for number, photo in enumerate(photos):
            maps = made.maps(photo)
            for (method, kind), saliency in maps.items():
                expected = {
                    s: score(saliency, made.labels(photo), of[photo], made.truth(photo) == 255)
                    for s, of in tags.items()
                }
                expected[TRUTH] = score_against_mask(saliency, made.truth(photo))
                for against, values in expected.items():
                    row = rows[photo, method, kind, against]
                    assert {key: row[key] for key in SCORES} == pytest.approx(values, nan_ok=True)
                    raw = rows[photo, method, "raw", against]
                    for measure in SCORES:
                        gain = row[measure] - raw[measure]
                        assert row[f"gain_{measure}"] == pytest.approx(gain, abs=1e-12, nan_ok=True)
                    assert (row["truth"], row["class"]) == ("mask", name) and set(row) == set(SEMANTICS_COLUMNS)
                    n_rows += 1
            methods = [method for method, kind in maps if kind == "raw"]
            for method, masses in zip(methods, found.arrays[MASS][number], strict=True):
                positive = np.where(made.truth(photo) == 255, 0, np.maximum(maps[method, "raw"], 0))
                expected = [positive[made.labels(photo) == cluster].sum() for cluster in range(K)]
                assert masses.tolist() == pytest.approx(expected)
        assert len(rows) == len(found.rows) == n_rows


def test_boxes_stand_in_where_there_is_no_mask(made, plain_tags):
    box = (12, 10, 35, 29)
    records = [Record("e", Path(), "", size=(40, 48), boxes=(box,)), made.records("dog")[1]]
    tags = tagged(made, "dog", records=records)
    assert tags[LEARNT]["e"].tolist() == plain_tags(["f"])
    found = score_photos(records, TaggedClass.of(made.clusters("dog"), tags), made.settings)
    filled = np.zeros(SIZE, np.uint8)
    filled[int(10 * 16 / 40) : int(29 * 16 / 40) + 1, int(12 * 16 / 48) : int(35 * 16 / 48) + 1] = 1
    for row in found.rows:
        assert row["truth"] == {"e": "boxes", "f": "mask"}[row["id"]]
        if row["id"] == "e" and row["against"] == TRUTH:
            expected = score_against_mask(made.maps("e")[row["method"], row["regions"]], filled)
            assert {key: row[key] for key in SCORES} == pytest.approx(expected)


def test_an_error_in_a_map_names_the_method_and_the_regions(made, tmp_path):
    maps = {photo: dict(stored) for photo, (stored, _) in made.photos.items()}
    maps["f"]["predicted/lrp"] = np.full(SIZE, np.inf, np.float32)
    names = made.settings.saliency.names
    broken = replace(made.settings, saliency=Stored(store(tmp_path / "saliency", maps), names))
    with pytest.raises(ValueError, match=r"^lrp/raw: saliency has "):
        score_photos(made.records("dog"), TaggedClass.of(made.clusters("dog"), tagged(made, "dog")), broken)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [1, 3])
def test_a_killed_run_goes_on_and_ends_with_the_same(made, tmp_path, monkeypatch, at):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    tags, seen, compute = tagged(made, "bird"), [], evaluation.score_photos

    def counted(records, **settings):
        seen.extend(records)
        if len(seen) == at:
            raise Killed
        return compute(records, **settings)

    def run(scratch):
        return evaluate_class(made.clusters("bird"), made.records("bird"), tags, made.settings, scratch)

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "score_photos", Known(counted, "counted"))
        with pytest.raises(Killed):
            run(tmp_path / "killed")
        folder, whole = run(tmp_path / "killed"), run(tmp_path / "whole")
        assert len(seen) == at + (4 - at + 1) + 4
        assert run(tmp_path / "killed") == folder and len(seen) == at + (4 - at + 1) + 4
    expected = score_photos(made.records("bird"), TaggedClass.of(made.clusters("bird"), tags), made.settings)
    for each in (folder, whole):
        stored = Shards(each)
        assert np.array_equal(stored.read(stored.ids)[MASS], expected.arrays[MASS])
        found = stored.table()[SEMANTICS_COLUMNS]
        pd.testing.assert_frame_equal(found, pd.DataFrame(list(expected.rows))[SEMANTICS_COLUMNS])


def test_scores_depend_on_the_maps_that_are_scored_and_on_the_tags(made, tmp_path):
    maps = {photo: dict(stored) for photo, (stored, _) in made.photos.items()}
    tags = tagged(made, "bird")

    def digest(changed, methods, tags=tags):
        folder = store(tmp_path / str(len(list(tmp_path.iterdir()))), changed)
        names = tuple(f"predicted/{method}" for method in methods)
        settings = replace(made.settings, saliency=Stored(folder, names), methods=methods)
        scoring = partial(score_photos, tagged=TaggedClass.of(made.clusters("bird"), tags), settings=settings)
        return Given.of(scoring).digest("abcd")

    before = {methods: digest(maps, methods) for methods in [("lrp",), ("rise", "lrp"), ("rise",)]}
    maps["a"]["true/lrp"] = maps["a"]["true/lrp"] + 1
    assert all(digest(maps, methods) == each for methods, each in before.items())
    maps["a"]["predicted/lrp"] = maps["a"]["predicted/lrp"] + 1
    changed = [methods for methods, each in before.items() if digest(maps, methods) != each]
    assert changed == [("lrp",), ("rise", "lrp")]
    other = {source: {photo: ~each for photo, each in of.items()} for source, of in tags.items()}
    assert digest(maps, ("rise",), other) != before["rise",]
    assert made.settings.size("a") == SIZE
