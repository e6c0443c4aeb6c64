"""The stage on two small photos made up here, with a network of random weights and maps of random numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from nas.data.records import Record, write_records
from nas.networks.classifier import load_classifier
from nas.networks.heads import Fit, write_head
from nas.relevance.replacements import REPLACEMENTS
from nas.store.shards import Shard, Shards, gather, write_shard
from nas.store.tables import TABLE
from stages import params, relevance

SIDE, N_STEPS, NEVER = 64, 4, 7
OUT = Path("data/relevance/made/mobilenet_v2")
SETTINGS = {
    "methods": ["lrp", "grad_cam", "cam", "random", "sobel"],  # cam is not stored: the network cannot do it
    "least": {"orders": ["pixels", "tiles", "nas_clusters.first"], "replacements": ["zero", "blur"]},
    "most": {"orders": ["tiles", "pixels"], "replacements": ["zero"]},
    "n_steps": N_STEPS,
    "tile": SIDE // 2,
    "blur": 10.0,
    "batch": 3,
}


@pytest.fixture(scope="module")
def weights(new_weights):
    return new_weights(never=[NEVER])


@pytest.fixture
def new_project(tmp_path_factory, weights, root, monkeypatch, narrow):
    """A function that makes a project of some photos, given by their seeds, and works in it."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # everything in this process
    monkeypatch.setattr("sys.argv", ["stages/relevance.py"])

    def make(seeds, never=(), **changes):
        folder = tmp_path_factory.mktemp("project")
        monkeypatch.chdir(folder)
        content = yaml.safe_load((root / "params.yaml").read_text())
        content["relevance"] = SETTINGS | changes
        content["statistics"]["resamples"] = 100
        Path("params.yaml").write_text(yaml.safe_dump(narrow(content)))
        Path("data/weights").mkdir(parents=True)
        Path("data/weights/mobilenet_v2.safetensors").symlink_to(weights)
        write_head(Path("data/heads/made/mobilenet_v2"), None, Fit("none is tested"))
        records = [Record(f"photo{seed}", Path("absent.png"), f"{seed:064x}") for seed in seeds]
        write_records(records, Path("data/raw/made"))
        classifier, stored = load_classifier("mobilenet_v2", weights), {}
        for seed in seeds:
            generator = np.random.default_rng(seed)
            coarse = Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8))
            view = np.array(coarse.resize((SIDE, SIDE)))[None]
            with torch.no_grad():
                target = int(classifier.logits(classifier.normalize(view)).argmax()) if seed not in never else NEVER
            # more clusters than steps for some photos, fewer for others
            labels = np.array(
                Image.fromarray(generator.integers(0, 3 + seed, (5, 5), np.uint8)).resize((SIDE, SIDE), 0)
            )
            saliency = {f"predicted/{m}": generator.normal(size=(1, SIDE, SIDE)) for m in ("lrp", "random", "sobel")}
            saliency["predicted/grad_cam"] = generator.random((1, 2, 2))
            stored.setdefault("activations", []).append({"view": view})
            stored.setdefault("superpixels", []).append({"nas_clusters.first": labels[None].astype(np.uint16)})
            stored.setdefault("saliency", []).append(saliency | {"target_predicted": np.array([target])})
        for stage, photos in stored.items():
            parts = [folder / "parts" / f"{stage}{number}.safetensors" for number in range(len(photos))]
            for record, arrays, part in zip(records, photos, parts, strict=True):
                write_shard(Shard([record.id], arrays), part)
            gather(parts, folder / "data" / stage / "made" / "mobilenet_v2")
        return folder

    return make


def run_stage():
    params.run(relevance.main, "made", "mobilenet_v2")
    return Shards(OUT)


def test_the_curves_and_the_longest_that_they_take_are_said_first(new_project, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(relevance, "seconds_of_curve", lambda _, *given: asked.append(given) or 10.0)
    new_project([1, 4])
    table = run_stage().table()
    said = capsys.readouterr().err.splitlines()
    assert (
        said == ["relevance made mobilenet_v2: 2 photos x 32 curves, at most about 11 min in all"] and len(table) == 64
    )
    assert asked == [(N_STEPS, SETTINGS["batch"])]


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


@torch.no_grad()
def test_rows_and_curves_are_those_of_a_plain_loop(new_project, weights):
    folder = new_project([1, 4])
    stored = run_stage()
    classifier = load_classifier("mobilenet_v2", weights)
    table = stored.table()
    orders = {
        "pixels": np.arange(SIDE**2).reshape(SIDE, SIDE),
        "tiles": np.kron([[0, 1], [2, 3]], np.ones((32, 32), int)),
    }
    expected, spread = [], []
    for record in stored.ids:
        inputs = {stage: Shards(folder / "data" / stage / "made" / "mobilenet_v2") for stage in
                  ("activations", "saliency", "superpixels")}  # fmt: skip
        x = classifier.normalize(inputs["activations"].read([record])["view"])
        maps = {name: values[0] for name, values in inputs["saliency"].read([record]).items()}
        labels = inputs["superpixels"].read([record])["nas_clusters.first"][0]
        orders["nas_clusters.first"] = np.unique(labels, return_inverse=True)[1]
        for direction in ("least", "most"):
            for order in SETTINGS[direction]["orders"]:
                for method in ("lrp", "grad_cam", "random", "sobel"):
                    for replacement in SETTINGS[direction]["replacements"]:
                        saliency = relevance.resize_map(maps[f"predicted/{method}"], (SIDE, SIDE))
                        fractions, probabilities = plain_curve(
                            classifier.module,
                            x,
                            REPLACEMENTS[replacement](x),
                            saliency,
                            orders[order],
                            direction,
                            int(maps["target_predicted"]),
                        )
                        area = sum(np.diff(fractions) * (probabilities[1:] + probabilities[:-1]) / 2)
                        names = (record, direction, order, method, replacement)
                        made = (orders[order].max() + 1, len(fractions) - 1)
                        expected.append((*names, area, probabilities[0], int(maps["target_predicted"]), *made))
                        curve = stored.read([record], [f"{direction}/{order}/{replacement}/{method}"]).popitem()[1][0]
                        at = np.interp(np.linspace(0, 1, 21), fractions, probabilities)
                        np.testing.assert_allclose(curve, at, atol=1e-4)
                        spread.append(np.ptp(probabilities))
    assert np.median(spread) > 0.05  # far above the tolerance
    columns = ["id", "direction", "order", "method", "replacement", "auc", "p0", "target", "parts", "steps"]
    assert list(table.columns) == [*columns, "dataset", "network", "seed", "level", "resamples"]
    pd.testing.assert_frame_equal(table[columns], pd.DataFrame(expected, columns=columns), rtol=0, atol=1e-4)


def test_methods_share_both_ends_of_a_setting_and_a_photo_its_first(new_project):
    new_project([1, 4])
    stored = run_stage()
    curves, table = stored.read(stored.ids), stored.table()
    assert "least/pixels/zero/cam" not in curves and "least/pixels/zero/lrp" in curves
    for setting in {name.rpartition("/")[0] for name in curves}:
        ends = [values[:, [0, -1]] for name, values in curves.items() if name.rpartition("/")[0] == setting]
        assert len(ends) == 4 and all(np.array_equal(end, ends[0]) for end in ends)
    first = table.groupby("id")["p0"]
    assert (first.nunique() == 1).all()
    for name, values in curves.items():
        np.testing.assert_array_equal(values[:, 0], first.first()[stored.ids].to_numpy(), err_msg=name)


def test_a_photo_gives_the_same_rows_beside_others_and_again(new_project):
    tables, contents = [], []
    for seeds in ([1], [4, 1], [4, 1]):
        folder = new_project(seeds)
        table = run_stage().table()
        tables.append(table[table["id"] == "photo1"].reset_index(drop=True))
        contents.append({path.name: path.read_bytes() for path in (folder / OUT).iterdir()})
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    assert contents[1] == contents[2]


def test_a_class_without_probability_has_curves_of_zeros(new_project):
    new_project([1, 4], never=[4])
    stored = run_stage()
    table = stored.table().set_index("id")
    assert (table.loc["photo4", ["auc", "p0"]] == 0).all(axis=None) and (table.loc["photo4", "target"] == NEVER).all()
    assert (table.loc["photo1", "auc"] > 0).all()
    assert all((values[0] == 0).all() for values in stored.read(["photo4"]).values())


def test_tables_are_of_the_areas_and_of_every_setting(new_project):
    folder = new_project([1, 4, 5])
    run_stage()
    tables = {path.name: pd.read_parquet(path) for path in (folder / OUT).glob("*.parquet")}
    areas, summary, curves = tables[TABLE], tables["summary.parquet"], tables["curves.parquet"]
    others = {"summary.parquet", "curves.parquet", "tau.parquet", "mean_tau.parquet", "outranking.parquet"}
    assert set(tables) == {TABLE, *others}
    for table in tables.values():
        assert set(table[["dataset", "network", "seed"]].itertuples(index=False, name=None)) == {
            ("made", "mobilenet_v2", 0)
        }
    keys = [*relevance.SETTING, "method"]
    means = areas.groupby(keys)["auc"].mean()
    pd.testing.assert_series_equal(summary.set_index(keys)["value"].sort_index(), means, check_names=False)
    assert (summary["n"] == 3).all() and (summary["low"] <= summary["value"]).all()
    n_settings = 3 * 2 + 2 * 1
    assert len(summary) == n_settings * 4 and len(curves) == len(summary) * 21
    assert len(tables["tau.parquet"]) == 2 * n_settings * (n_settings - 1) / 2
    assert len(tables["outranking.parquet"]) == n_settings * 2
    assert (areas["level"] == 0.95).all() and (areas["resamples"] == 100).all()
    for setting, rows in areas.groupby(relevance.SETTING):
        spans = [bound for what in ("parts", "steps") for bound in (rows[what].min(), rows[what].max())]
        for found in (summary, curves):
            of_setting = found.set_index(relevance.SETTING).sort_index().loc[setting]
            spanned = of_setting[["least_parts", "most_parts", "least_steps", "most_steps"]]
            assert (spanned == spans).all(axis=None)
    for key, curve in curves.groupby(keys):  # at the ends, and in between but for what the grid of fractions loses
        expected = summary.set_index(keys).loc[key, "mean"]
        np.testing.assert_allclose(np.trapezoid(curve["value"], curve["fraction"]), expected, atol=0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ["cam", "random"]}, r"relevance\.methods has no method that this network can do"),
        (
            {"most": {"orders": ["slic.first"], "replacements": ["value"]}},
            r"relevance\.most\.orders has 'slic\.first': allowed are pixels, tiles, nas_clusters\.first$",
        ),
    ],
)
def test_errors_name_the_key_and_what_is_allowed(new_project, changes, message):
    new_project([1], **changes)
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        run_stage()
    assert not OUT.exists()
