"""Areas of curves with fewer and more steps against `curve_photos`, with a network of random weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from plain import store, write_network

from nas.data.records import Record
from nas.networks.headed import StoredClassifier
from nas.relevance import evaluation
from nas.relevance.evaluation import Inputs, Settings, curve_photos, read_photo, to_rank
from nas.relevance.steps import compare_steps, read_counts
from nas.relevance.steps_summary import STEPS_COLUMNS

SIDE, METHODS, COUNTS = 32, ["lrp", "random"], [2, 4, 8]
SETTINGS = Settings(
    orders={"least": ["pixels", "nas_clusters.first"], "most": []},
    replacements={"least": ["zero"], "most": []},
    n_steps=4,
    tile=8,
    blur=3.0,
    batch=3,
)
RECORDS = [Record(photo, Path(), f"{number:064x}") for number, photo in enumerate("ab")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What curves are made from, and the maps to rank."""
    folder = tmp_path_factory.mktemp("steps")
    weights, head = write_network(folder)
    photos = {}
    for number, record in enumerate(RECORDS):
        generator = np.random.default_rng(number)
        view = np.array(Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8)).resize((SIDE, SIDE)))
        labels = np.kron(np.arange(9).reshape(3, 3), np.ones((11, 11)))[:SIDE, :SIDE].astype(np.uint16)
        maps = {f"predicted/{method}": generator.normal(size=(SIDE, SIDE)) for method in METHODS}
        photos[record.id] = {
            "activations": {"view": view},
            "superpixels": {"nas_clusters.first": labels},
            "saliency": maps | {"target_predicted": np.array(7)},
        }
    for stage in ("activations", "superpixels", "saliency"):
        store(folder / stage / "made" / "net", {photo: arrays[stage] for photo, arrays in photos.items()})
    inputs = replace(
        Inputs.of_data(folder, "made", "net", SETTINGS), classifier=StoredClassifier("mobilenet_v2", weights, head)
    )
    return inputs, to_rank(folder / "saliency/made/net", METHODS)


def test_areas_are_those_of_curves_with_so_many_steps(made):
    inputs, pieces = made
    read = [read_counts(record, pieces, inputs, SETTINGS, COUNTS) for record in RECORDS]
    found = compare_steps(RECORDS, read, pieces, inputs, SETTINGS)
    for n in COUNTS:
        alone = replace(SETTINGS, n_steps=n)
        photos = [read_photo(record, pieces, inputs, alone) for record in RECORDS]
        for method, shard in curve_photos(RECORDS, photos, pieces, inputs, alone).items():
            rows = [row for row in found[method].rows if row["n_steps"] == n]
            assert len(rows) == len(shard.rows) == 4
            for row, expected in zip(rows, shard.rows, strict=True):
                assert row["auc"] == pytest.approx(expected["auc"], abs=1e-6)
                assert {key: row[key] for key in row if key not in ("auc", "n_steps", "used")} == {
                    key: expected[key] for key in expected if key not in ("auc", "p0", "target")
                }
                assert row["used"] == (n == 4)
    assert set(STEPS_COLUMNS) == set(found["lrp"].rows[0])


def test_images_that_curves_share_are_evaluated_once(made, monkeypatch):
    inputs, pieces = made
    shown, curves = [], evaluation.relevance_curves

    def counting(predict, x, *given):
        def one(images):
            shown.append(len(images))
            return predict(images)

        return curves(one, x, *given)

    monkeypatch.setattr(evaluation, "relevance_curves", counting)
    read = [read_counts(RECORDS[0], {"lrp": pieces["lrp"]}, inputs, SETTINGS, [2, 4, 8])]
    compare_steps(RECORDS[:1], read, {"lrp": pieces["lrp"]}, inputs, SETTINGS)
    # the photo, eight times fewer pixels, and fewer of nine clusters in eight steps, the last of which leaves nothing
    # as that of the pixels does; all images of two and of four steps are among these
    assert sum(shown) == 1 + 8 + 7
