"""The stage on two small photos made up here, with a network of random weights and maps of random numbers."""

from itertools import product
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
from nas.store import engine
from nas.store.shards import Shard, Shards, gather, write_shard
from nas.store.tables import TABLE
from stages import params, relevance

SIDE, N_STEPS, NEVER = 64, 4, 7
OUT = Path("data/relevance/folder/mobilenet_v2")
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
        content["relevance"] |= SETTINGS | changes
        content["statistics"]["resamples"] = 100
        content["activations"]["backend"] = "torch"  # which runs views of this size in any case
        Path("params.yaml").write_text(yaml.safe_dump(narrow(content), default_flow_style=True, width=1000))
        Path("data/weights").mkdir(parents=True)
        Path("data/weights/mobilenet_v2.safetensors").symlink_to(weights)
        write_head(Path("data/heads/folder/mobilenet_v2"), None, Fit("none is tested"))
        records = [Record(f"photo{seed}", Path("absent.png"), f"{seed:064x}", (SIDE, SIDE)) for seed in seeds]
        write_records(records, Path("data/raw/folder"))
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
            gather(parts, folder / "data" / stage / "folder" / "mobilenet_v2")
        return folder

    return make


def run_stage():
    params.run(relevance.main, "folder", "mobilenet_v2")
    return Shards(OUT)


def test_the_curves_and_the_longest_that_they_take_are_said_first(new_project, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(engine, "FEW", 0)
    monkeypatch.setattr(relevance, "seconds_of_curve", lambda _, *given: asked.append(given) or 10.0)
    new_project([1, 4])
    table = run_stage().table()
    said = capsys.readouterr().err.splitlines()
    assert said == ["relevance folder mobilenet_v2: 2 photos, about 11 min in all"] and len(table) == 64
    assert asked == [(N_STEPS, SETTINGS["batch"])]


def test_a_photo_gives_the_same_rows_beside_others_and_again(new_project):
    tables, contents = [], []
    for seeds in ([1], [4, 1], [4, 1]):
        folder = new_project(seeds)
        table = run_stage().table()
        tables.append(table[table["id"] == "photo1"].reset_index(drop=True))
        contents.append({path.name: path.read_bytes() for path in (folder / OUT).iterdir()})
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
    assert contents[1] == contents[2] and set(contents[1]) >= {TABLE, "index.json"}


def test_rows_are_of_each_setting_and_method_that_has_maps(new_project):
    new_project([1])
    table = run_stage().table()
    made = ["lrp", "grad_cam", "random", "sobel"]
    settings = [(direction, *each) for direction in ("least", "most") for each in
                product(SETTINGS[direction]["orders"], SETTINGS[direction]["replacements"])]  # fmt: skip
    found = table[["direction", "order", "replacement", "method"]].itertuples(index=False, name=None)
    assert set(found) == {(*setting, method) for setting in settings for method in made}
    assert len(table) == len(settings) * len(made) and set(table["network"]) == {"mobilenet_v2"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"methods": ["cam", "random"]},
            r"relevance\.methods is \['cam', 'random'\]: this network can do none of them, but for controls",
        ),
        (
            {"most": {"orders": ["slic.first"], "replacements": ["mean"]}},
            r"data/superpixels/folder/mobilenet_v2: has no 'slic\.first'; it has nas_clusters\.first$",
        ),
    ],
)
def test_errors_name_the_key_and_what_is_allowed(new_project, changes, message):
    new_project([1], **changes)
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        run_stage()
    assert not OUT.exists()
