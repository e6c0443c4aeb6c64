"""What few labels are worth against a plain loop over draws and photos."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from nas.semantics.evaluation import TaggedClass, counts_of, score_photos, tags_of
from nas.semantics.few_labels import FEW_LABELS_COLUMNS, worth_of_few_labels
from nas.store.shards import Shards, gather, write_shard

DRAWS, SEED, REAL = 6, 3, ("grad_cam", "lrp", "rise")


@pytest.fixture(scope="module")
def rows(made, tmp_path_factory):
    """A function that gives the rows of a class."""

    def compute(name, numbers):
        clusters, records = made.clusters(name), made.records(name)
        counts = counts_of(clusters, records, (16, 16))
        tags = tags_of(clusters, records, counts, 9, SEED, made.folder / "none")
        folder = tmp_path_factory.mktemp(name)
        write_shard(score_photos(records, TaggedClass.of(clusters, tags), made.settings), folder / "part.safetensors")
        gather([folder / "part.safetensors"], folder / "stored")
        stored = Shards(folder / "stored")
        return worth_of_few_labels(clusters, counts, stored, made.settings.methods, numbers, DRAWS, SEED)

    return compute


@pytest.mark.parametrize(("name", "photos", "ns"), [("bird", "abcd", [1, 2, 3]), ("dog", "ef", [1])])
def test_rows_are_those_of_a_plain_loop(made, plain_tags, rows, name, photos, ns):
    found = rows(name, [1, 2, 3, 4])
    assert [(row["labelled"], row["measure"]) for row in found] == [(n, m) for n in ns for m in ("IoU", "tau")]
    maps = [{method: np.maximum(made.maps(photo)[method, "raw"], 0) for method in REAL} for photo in photos]
    for n in ns:
        generator, values = np.random.default_rng(SEED), {"IoU": [], "tau": []}
        for _ in range(DRAWS):
            labelled = generator.permutation(len(photos)) < n
            tags = np.array(plain_tags([photo for photo, each in zip(photos, labelled, strict=True) if each]))
            ious, shares = [], []
            for number in np.flatnonzero(~labelled):
                guess, mask = tags[made.labels(photos[number])], made.truth(photos[number])
                truth, known = mask > 0, mask < 255
                ious.append((guess & truth & known).sum() / ((guess | truth) & known).sum())
                shares.append(
                    [
                        [m[guess & known].sum() / m[known].sum() for m in maps[number].values()],
                        [m[truth & known].sum() / m[known].sum() for m in maps[number].values()],
                    ]
                )
            values["IoU"].append(np.mean(ious))
            if tags.any():
                values["tau"].append(kendalltau(*np.mean(shares, axis=0)).statistic)
        for row in (row for row in found if row["labelled"] == n):
            drawn = values[row["measure"]]
            assert list(row) == FEW_LABELS_COLUMNS
            assert row["value"] == pytest.approx(np.mean(drawn)) and row["draws"] == len(drawn)
            assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(drawn, [0.05, 0.95])))
            assert (row["class"], row["photos"]) == (name, len(photos))


def test_a_number_is_worth_the_same_beside_others(rows):
    assert rows("bird", [2]) == [row for row in rows("bird", [1, 2, 3]) if row["labelled"] == 2]
    assert rows("dog", [2, 5]) == []
