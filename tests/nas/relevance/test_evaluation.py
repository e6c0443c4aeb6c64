"""Curves of stored maps against a plain loop, with a network of random weights."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from plain import store, write_network

from nas.data.records import Record
from nas.networks.headed import StoredClassifier, shared_classifier
from nas.relevance.evaluation import DIRECTIONS, FRACTIONS, Inputs, Settings, curve_photos, read_photo, to_rank
from nas.relevance.replacements import blur, zero
from nas.saliency.maps import resize_map
from nas.store.given import Given

SIDE, N_STEPS, METHODS = 64, 4, ["lrp", "grad_cam", "random"]
SETTINGS = Settings(
    orders={"least": ["pixels", "tiles", "nas_clusters.first"], "most": ["tiles", "pixels"]},
    replacements={"least": ["zero", "blur"], "most": ["zero"]},
    n_steps=N_STEPS,
    tile=SIDE // 2,
    blur=3.0,
    batch=3,
)
SEEDS = {"few": 1, "many": 4}  # more clusters than steps in the second
RECORDS = [Record(photo, Path(), f"{seed:064x}") for photo, seed in SEEDS.items()]


def photo_of(seed, classifier):
    generator = np.random.default_rng(seed)
    view = np.array(Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8)).resize((SIDE, SIDE)))
    labels = 7 * np.array(Image.fromarray(generator.integers(0, 3 + seed, (5, 5), np.uint8)).resize((SIDE, SIDE), 0))
    maps = {f"predicted/{method}": generator.normal(size=(SIDE, SIDE)) for method in ("lrp", "random")}
    maps["predicted/grad_cam"] = generator.random((2, 2))
    with torch.no_grad():
        target = classifier.logits(classifier.normalize(view[None])).argmax().item()
    kinds = {"nas_clusters.first": labels.astype(np.uint16), "slic.other": labels.astype(np.uint16)}
    return {
        "activations": {"view": view},
        "superpixels": kinds,
        "saliency": maps | {"target_predicted": np.array(target)},
    }


def stored(folder, photos):
    for stage in ("activations", "superpixels", "saliency"):
        store(folder / stage / "made" / "net", {photo: arrays[stage] for photo, arrays in photos.items()})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What curves are made from, what the photos are, the network, and the folder of all."""
    folder = tmp_path_factory.mktemp("relevance")
    weights, head = write_network(folder)
    classifier = shared_classifier("mobilenet_v2", weights, head)
    photos = {photo: photo_of(seed, classifier) for photo, seed in SEEDS.items()}
    stored(folder, photos)
    inputs = Inputs.of_data(folder, "made", "net", SETTINGS)
    return replace(inputs, classifier=StoredClassifier("mobilenet_v2", weights, head)), photos, classifier, folder


def curves_of(records, made, methods=METHODS):
    inputs, _, _, folder = made
    pieces = to_rank(folder / "saliency/made/net", methods)
    read = [read_photo(record, pieces, inputs, SETTINGS) for record in records]
    return curve_photos(records, read, pieces, inputs, SETTINGS)


def plain_curve(network, x, fill, saliency, parts, direction, target):
    """Remove the parts one by one, or, where they are more than the steps, up to each share of the pixels."""
    means = [saliency[parts == part].mean() for part in range(parts.max() + 1)]
    ranking = np.argsort(means if direction == "least" else -np.array(means), kind="stable")
    sizes = np.bincount(parts.ravel())[ranking]
    steps = np.arange(len(ranking))
    if len(ranking) > N_STEPS:
        steps = (np.cumsum(sizes) - sizes / 2) / parts.size * N_STEPS // 1
    fractions, probabilities = [], []
    for step in [-1, *np.unique(steps)]:
        gone = np.isin(parts, ranking[steps <= step])
        shown = torch.where(torch.from_numpy(gone), fill, x)
        probabilities.append(network(shown).double().softmax(dim=1)[0, target].item())
        fractions.append(gone.mean())
    return np.array(fractions), np.array(probabilities)


def in_raster_order(labels):
    seen = list(dict.fromkeys(labels.ravel().tolist()))
    return np.array([seen.index(label) for label in labels.ravel().tolist()]).reshape(labels.shape)


@torch.no_grad()
def test_rows_and_curves_are_those_of_a_plain_loop(made):
    _, photos, classifier, _ = made
    found = curves_of(RECORDS, made)
    fills, spread = {"zero": zero, "blur": lambda x: blur(x, 3.0)}, []
    for number, (photo, arrays) in enumerate(photos.items()):
        x = classifier.normalize(arrays["activations"]["view"][None])
        target = int(arrays["saliency"]["target_predicted"])
        orders = {
            "pixels": np.arange(SIDE**2).reshape(SIDE, SIDE),
            "tiles": np.kron([[0, 1], [2, 3]], np.ones((32, 32), int)),
            "nas_clusters.first": in_raster_order(arrays["superpixels"]["nas_clusters.first"]),
        }
        for method in METHODS:
            saliency = resize_map(arrays["saliency"][f"predicted/{method}"], (SIDE, SIDE))
            rows = iter(row for row in found[method].rows if row["id"] == photo)
            for direction in DIRECTIONS:
                for order in SETTINGS.orders[direction]:
                    for replacement in SETTINGS.replacements[direction]:
                        fractions, probabilities = plain_curve(
                            classifier.module,
                            x,
                            fills[replacement](x),
                            saliency,
                            orders[order],
                            direction,
                            target,
                        )
                        area = sum(np.diff(fractions) * (probabilities[1:] + probabilities[:-1]) / 2)
                        row, parts = next(rows), orders[order].max() + 1
                        setting = {"direction": direction, "order": order, "method": method}
                        setting |= {"replacement": replacement}
                        made_of = {"target": target, "parts": parts, "steps": len(fractions) - 1}
                        assert {key: row[key] for key in setting | made_of} == setting | made_of
                        assert (row["auc"], row["p0"]) == pytest.approx((area, probabilities[0]), abs=1e-4)
                        curve = found[method].arrays[f"{direction}/{order}/{replacement}/{method}"][number]
                        at = np.interp(np.linspace(0, 1, 21), fractions, probabilities)
                        np.testing.assert_allclose(curve, at, atol=1e-4)
                        spread.append(np.ptp(probabilities))
            assert next(rows, None) is None
    assert np.median(spread) > 0.05  # far above the tolerance


def test_there_are_as_many_curves_as_are_foreseen(made):
    found = curves_of(RECORDS, made)
    for shard in found.values():
        assert len(shard.arrays) == SETTINGS.n_curves == 3 * 2 + 2 * 1
        assert all(array.shape == (2, len(FRACTIONS)) for array in shard.arrays.values())
    assert SETTINGS.segmented == ["nas_clusters.first"]


def test_methods_share_both_ends_of_a_setting_and_a_photo_its_first(made):
    found = curves_of(RECORDS, made)
    ends = {}
    for shard in found.values():
        for name, values in shard.arrays.items():
            ends.setdefault(name.rpartition("/")[0], []).append(values[:, [0, -1]])
    for each in ends.values():
        assert len(each) == len(METHODS) and all(np.array_equal(end, each[0]) for end in each)
    first = {photo: {row["p0"] for shard in found.values() for row in shard.rows if row["id"] == photo}
             for photo in SEEDS}  # fmt: skip
    assert all(len(each) == 1 for each in first.values())


def test_a_photo_is_the_same_alone_and_a_method_without_the_others(made):
    together = curves_of(RECORDS, made)
    for number, record in enumerate(RECORDS):
        alone = curves_of([record], made, ["grad_cam"])
        assert list(alone) == ["grad_cam"]
        assert list(alone["grad_cam"].rows) == [row for row in together["grad_cam"].rows if row["id"] == record.id]
        for name, array in alone["grad_cam"].arrays.items():
            assert np.array_equal(array[0], together["grad_cam"].arrays[name][number])


def test_a_class_without_probability_has_curves_of_zeros(made, monkeypatch):
    inputs, _, classifier, folder = made
    never = classifier.module.classifier[1].bias.detach().clone()
    never[7] = -5000
    monkeypatch.setattr(classifier.module.classifier[1].bias, "data", never)
    monkeypatch.setattr(type(classifier), "predictor", property(lambda self: self.module))
    monkeypatch.setattr(StoredClassifier, "load", lambda _: classifier)
    pieces = to_rank(folder / "saliency/made/net", METHODS)
    read = [read_photo(record, pieces, inputs, SETTINGS) for record in RECORDS]
    found = curve_photos(RECORDS, [read[0], read[1]._replace(target=7)], pieces, inputs, SETTINGS)
    for shard in found.values():
        areas = {photo: [row["auc"] for row in shard.rows if row["id"] == photo] for photo in SEEDS}
        assert set(areas["many"]) == {0} and min(areas["few"]) > 0
        assert all((values[1] == 0).all() for values in shard.arrays.values())


def test_curves_depend_on_what_is_used_alone(made, tmp_path):
    inputs, photos, _, folder = made

    def digests(settings=SETTINGS, folder=folder, **changed):
        other = replace(Inputs.of_data(folder, "made", "net", settings), classifier=inputs.classifier)
        functions = [partial(each, inputs=replace(other, **changed), settings=settings)
                     for each in (read_photo, curve_photos)]  # fmt: skip
        pieces = to_rank(folder / "saliency/made/net", METHODS)
        found = {name: Given.of(each).digest(list(photos)) for name, each in pieces.items()}
        return Given.of(functions).digest(list(photos)), found

    before = digests()
    assert digests(classifier=replace(inputs.classifier, name="other"))[0] != before[0]
    for name, value in (
        ("tile", 3),
        ("n_steps", 5),
        ("blur", 2.0),
        ("batch", 2),
        ("orders", {"least": ["tiles"], "most": []}),
    ):
        assert digests(replace(SETTINGS, **{name: value}))[0] != before[0]

    def after(stage, name):
        changed = {photo: {key: dict(each) for key, each in arrays.items()} for photo, arrays in photos.items()}
        if stage:
            changed["many"][stage][name] = changed["many"][stage][name] + 1
        place = tmp_path / f"{stage} {name.replace('/', ' ')}"
        stored(place, changed)
        return digests(folder=place)

    assert after("", "same") == after("superpixels", "slic.other") == before
    for stage, name in (
        ("superpixels", "nas_clusters.first"),
        ("activations", "view"),
        ("saliency", "target_predicted"),
    ):
        assert after(stage, name)[0] != before[0]
    common, pieces = after("saliency", "predicted/lrp")
    assert common == before[0] and [name for name in METHODS if pieces[name] != before[1][name]] == ["lrp"]
