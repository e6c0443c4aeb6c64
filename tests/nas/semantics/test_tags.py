import numpy as np
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from nas.saliency.contrast import auroc, average_precision
from nas.semantics.scores import mass_share, pointing_game, score, score_against_mask
from nas.semantics.tag_files import read_tags, write_tag_template
from nas.semantics.tags import cluster_counts, few_label_curve, labelled_others, object_regions

fast = settings(max_examples=40, deadline=None, derandomize=True)
CLUSTERS = 4
MASK_VALUES = st.sampled_from([0, 0, 1, 2, 254, 255])


@st.composite
def class_level(draw, min_images=1):
    """Cluster labels and masks of a few images."""
    shape = draw(st.tuples(st.integers(min_images, 5), st.integers(1, 4), st.integers(1, 4)))
    labels = draw(arrays(np.int64, shape, elements=st.integers(0, CLUSTERS - 1)))
    return labels, draw(arrays(np.uint8, shape, elements=MASK_VALUES))


@st.composite
def saliency_and_objects(draw):
    """Values with ties, signs and zeros, on object and background pixels."""
    n = draw(st.integers(1, 12))
    values = draw(arrays(np.int64, n, elements=st.integers(-3, 3)))
    return values / 3, draw(arrays(bool, n))


def plain_tags(labels, truth):
    votes = [0] * CLUSTERS
    for label, value in zip(labels.ravel(), truth.ravel(), strict=True):
        if value != 255:
            votes[label] += 1 if value else -1
    return [vote > 0 for vote in votes]


@fast
@given(class_level())
def test_tags_are_the_majority_of_the_pixels(drawn):
    labels, truth = drawn
    tags = tags_from_masks(labels, truth, CLUSTERS)
    np.testing.assert_array_equal(tags, plain_tags(labels, truth))
    expected = [[[bool(tags[label]) for label in row] for row in image] for image in labels]
    np.testing.assert_array_equal(object_regions(labels, tags), expected)


@fast
@given(class_level(min_images=2), st.integers(0, 100))
def test_few_label_curve_is_a_plain_loop(drawn, seed):
    labels, truth = drawn
    n_images, n_draws = len(labels), 3
    ns = list(range(1, n_images))
    found = few_label_curve(cluster_counts(labels, truth, CLUSTERS), ns, n_draws, seed)

    generator = np.random.default_rng(seed)
    for draw in range(n_draws):
        position = generator.permutation(n_images)
        for row, n in enumerate(ns):
            labelled = position < n
            tags = plain_tags(labels[labelled], truth[labelled])
            ious = []
            for image in np.flatnonzero(~labelled):
                kept = truth[image] != 255
                guess, mask = object_regions(labels[image], np.array(tags))[kept], truth[image][kept] > 0
                if (guess | mask).any():
                    ious.append((guess & mask).sum() / (guess | mask).sum())
            np.testing.assert_allclose(found[row, draw], np.mean(ious) if ious else np.nan)


def test_few_labels_of_clean_clusters_suffice():
    labels = np.tile([[0, 1], [2, 2]], (6, 1, 1))
    curve = few_label_curve(cluster_counts(labels, labels == 2, CLUSTERS), [1, 5], n_draws=4)
    np.testing.assert_array_equal(curve, np.ones((2, 4)))


@fast
@given(saliency_and_objects())
def test_scores_are_those_of_plain_loops(drawn):
    saliency, objects = drawn
    assume(objects.any())
    pixels = [(float(value), bool(inside)) for value, inside in zip(saliency, objects, strict=True)]

    inside = sum(max(value, 0) for value, on in pixels if on)
    total = sum(max(value, 0) for value, _ in pixels)
    share = inside / total if total else objects.sum() / objects.size
    assert mass_share(saliency, objects) == pytest.approx(share)

    precision, last_recall = 0.0, 0.0
    for threshold in sorted(set(saliency), reverse=True):
        kept = [on for value, on in pixels if value >= threshold]
        recall = sum(kept) / objects.sum()
        precision += sum(kept) / len(kept) * (recall - last_recall)
        last_recall = recall
    assert average_precision(saliency, objects) == pytest.approx(precision)

    best = [on for value, on in pixels if value == max(saliency)]
    assert pointing_game(saliency, objects) == pytest.approx(sum(best) / len(best))

    if objects.all():
        assert np.isnan(auroc(saliency, objects))
    else:
        pairs = [(a > b) + 0.5 * (a == b) for a, on in pixels if on for b, other in pixels if not other]
        assert auroc(saliency, objects) == pytest.approx(np.mean(pairs))


@fast
@given(saliency_and_objects(), st.integers(-300, 300))
def test_scores_do_not_depend_on_the_unit_of_the_saliency(drawn, exponent):
    saliency, objects = drawn
    for function in (mass_share, average_precision, pointing_game, auroc):
        np.testing.assert_allclose(function(saliency * 2.0**exponent, objects), function(saliency, objects))


def test_curve_scores_are_scikit_learns_on_a_map_of_many_pixels():
    generator = np.random.default_rng(0)
    saliency = generator.normal(size=(40, 50)).astype(np.float32).round(2)
    objects = saliency + generator.normal(size=saliency.shape) > 1
    expected = average_precision_score(objects.ravel(), saliency.ravel())
    assert average_precision(saliency, objects) == pytest.approx(expected, abs=1e-12)
    assert auroc(saliency, objects) == pytest.approx(roc_auc_score(objects.ravel(), saliency.ravel()), abs=1e-12)


def test_a_map_without_positive_values_scores_like_a_constant_one():
    objects = np.array([[True, False], [False, False]])
    tags, clusters = np.array([False, True]), objects.astype(int)
    for constant in (0.0, 1.0):
        found = score(np.full((2, 2), constant), clusters, tags)
        assert found == {"mass_share": 0.25, "average_precision": 0.25, "pointing_game": 0.25, "auroc": 0.5}
    assert mass_share(np.array([[-1.0, -2.0], [0.0, -5.0]]), objects) == 0.25


def test_no_object_pixel_leaves_every_score_undefined():
    found = score(np.ones((2, 2)), np.zeros((2, 2), int), [False, True])
    assert len(found) == 4
    assert np.isnan(list(found.values())).all()
    ignored = score_against_mask(np.ones((2, 2)), np.full((2, 2), 255))
    assert np.isnan(list(ignored.values())).all()


@fast
@given(class_level(), st.data())
def test_ignored_pixels_change_nothing(drawn, data):
    truth = drawn[1][0]
    values = st.floats(-4, 4, allow_subnormal=False)
    saliency = data.draw(arrays(np.float64, truth.shape, elements=values))
    changed = np.where(truth == 255, data.draw(arrays(np.float64, truth.shape, elements=values)), saliency)
    found = score_against_mask(saliency, truth)
    np.testing.assert_equal(score_against_mask(changed, truth), found)

    clusters = np.where(truth == 255, 1, (truth > 0).astype(int))
    by_clusters = score(saliency, clusters, [False, True], ignored=truth == 255)
    np.testing.assert_equal(by_clusters, found)


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
    with pytest.raises(ValueError, match="has '1' twice"):
        read_tags(tagged, SETTINGS, 3)


def test_no_code_is_run_and_no_work_is_overwritten(tagged, tmp_path):
    before = tagged.read_text()
    with pytest.raises(ValueError, match="exists: tags in it would be lost"):
        write_tag_template(tagged, SETTINGS, 3)
    assert tagged.read_text() == before
    for text in ("!!python/object/apply:os.getcwd []", "tags: [", "\x00"):
        tagged.write_text(text)
        with pytest.raises(ValueError, match="cannot be read as YAML"):
            read_tags(tagged, SETTINGS, 3)
    with pytest.raises(ValueError, match="cannot be read"):
        read_tags(tmp_path / "none.yaml", SETTINGS, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tags_from_masks([[[0, 4]]], [[[0, 1]]], 4), "labels is int64 from 0 to 4"),
        (lambda: tags_from_masks([[0, 1]], [[0, 1]], 2), "labels has shape"),
        (lambda: tags_from_masks([[[0, 1]]], [[[0, 1], [0, 1]]], 2), "labels has shape"),
        (lambda: object_regions([[0]], [1, 0]), "tags is int64"),
        (lambda: few_label_curve(np.ones((2, 2, 1), int), [2]), "n is 2 and n_draws 100: give 1 to 1 of the 2 images"),
        (lambda: score(np.ones((2, 2)), np.zeros((2, 3), int), [True]), "saliency has shape"),
        (lambda: score([[np.nan]], [[0]], [True]), "give finite values"),
        (lambda: mass_share(np.ones(2), np.ones(2)), "objects 2 of float64"),
        (lambda: write_tag_template("x", {"dataset": "cub"}, 2), "settings lacks the key 'network'"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("n_images", "n"), [(2, 4), (5, 4), (9, 4), (30, 1)])
def test_a_few_others_are_labelled_for_each_image_and_the_same_for_all(n_images, n):
    chosen = labelled_others(n_images, n, seed=1)
    assert chosen.shape == (n_images, min(n, n_images - 1))
    assert all(len({image, *others}) == 1 + len(others) for image, others in enumerate(chosen.tolist()))
    assert len(np.unique(chosen)) == min(n + 1, n_images)  # so many labels serve all
    assert (labelled_others(n_images, n, seed=1) == chosen).all()
    more = labelled_others(n_images, n + 1, seed=1)
    assert all(set(few) <= set(many) for few, many in zip(chosen.tolist(), more.tolist(), strict=True))
