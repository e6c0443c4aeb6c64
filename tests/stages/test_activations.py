"""The stage on a few small photos made up here, with a network of random weights."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import mobilenet_v2

from nas.data.records import Record, write_records
from nas.networks.activations import Activations
from nas.networks.classifier import load_classifier
from nas.networks.heads import Fit, write_head
from nas.store import engine
from nas.store.files import sha256_of
from nas.store.shards import Shards
from stages import activations, choices, params

RAW, OUT = Path("data/raw/folder"), Path("data/activations/folder/mobilenet_v2")
MEAN, STD = [[[0.485]], [[0.456]], [[0.406]]], [[[0.229]], [[0.224]], [[0.225]]]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "mobilenet_v2.safetensors"
    save_file(mobilenet_v2(weights=None).state_dict(), file)
    return file


@pytest.fixture
def new_project(tmp_path_factory, weights, root):
    """A function that makes a project of some photos, {name: content of the file}."""

    def make(photos, **settings):
        folder = tmp_path_factory.mktemp("project")
        content = yaml.safe_load((root / "params.yaml").read_text())
        content["activations"] |= {"batch": 2, **settings}
        (folder / "params.yaml").write_text(yaml.safe_dump(content))
        (folder / "data" / "weights").mkdir(parents=True)
        (folder / "data" / "weights" / "mobilenet_v2.safetensors").symlink_to(weights)
        write_head(folder / "data/heads/folder/mobilenet_v2", None, Fit("none is tested"))
        (folder / "stages").symlink_to(root / "stages")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            choices.main(params.read())
        records = []
        for number, (name, photo) in enumerate(photos.items()):
            file = folder / RAW / "photos" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(photo)
            index = number if number % 2 else None
            records.append(Record(file.stem, file, sha256_of(file), imagenet_index=index, label_source="ours"))
        write_records(records, folder / RAW)
        return folder

    return make


def noise(seed, side=32):
    return np.random.default_rng(seed).integers(0, 256, (side, side + 8, 3), np.uint8)


def encoded(image, kind="PNG", **settings):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **settings)
    return file.getvalue()


def some(n):
    return {f"photo{number}.png": encoded(noise(number)) for number in range(n)}


def run_here(folder, monkeypatch, **settings):
    if settings:
        content = yaml.safe_load((folder / "params.yaml").read_text())
        content["activations"] |= settings
        for network, named in settings.get("depths", {}).items():
            content["classifiers"] = [network]
            content["superpixels"] |= {"depths": list(named), "tuned": None}
            content["ablation"]["depths"] = [list(named)]
        (folder / "params.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["stages/activations.py"])
    choices.main(params.read())
    params.run(activations.main, "folder", "mobilenet_v2")
    return Shards(folder / OUT)


def command():
    return [sys.executable, "-m", "stages", "activations", "folder", "mobilenet_v2"]


def contents(folder):
    return {path.name: path.read_bytes() for path in (folder / OUT).iterdir()}


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(new_project):
    killed, whole = new_project(some(8)), new_project(some(8))
    assert subprocess.run(command(), cwd=whole).returncode == 0
    running = subprocess.Popen(command(), cwd=killed, start_new_session=True, stderr=subprocess.PIPE, text=True)
    scratch = killed / params.SCRATCH / "activations" / "folder" / "mobilenet_v2"
    while not list(scratch.glob("[!.]*.safetensors")):
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.001)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    finished = {path.stat().st_ino for path in scratch.glob("[!.]*.safetensors")}
    assert 1 <= len(finished) < 4 and not (killed / OUT).exists()

    done = subprocess.run(command(), cwd=killed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(killed) == contents(whole)
    assert finished <= {path.stat().st_ino for path in (killed / OUT).iterdir()}  # linked, not computed again


def test_another_photo_changes_nothing_of_the_others(new_project, monkeypatch):
    photos = some(5)
    more = {"before.png": encoded(noise(99)), **photos}  # all batches shift
    few, many = (run_here(new_project(each), monkeypatch) for each in (photos, more))
    assert len(many.ids) == 6 and many.ids[1:] == few.ids
    before, after = few.read(few.ids), many.read(few.ids)
    assert set(before) == {*(f"depth{depth}" for depth in range(5)), "view", "logits", "logits_cropped", "label"}
    for name in before.keys() - {"label"}:  # which is the number of the photo here
        assert before[name].tobytes() == after[name].tobytes(), name
    rows = [stored.table().set_index("id").loc[few.ids].drop(columns="class_index") for stored in (few, many)]
    predicted = [column for column in rows[0].columns if column.startswith("prediction")]
    assert rows[0][predicted].equals(rows[1][predicted])


def test_what_is_stored_is_what_the_network_does(new_project, weights, monkeypatch):
    stored = run_here(new_project(some(3)), monkeypatch)
    network = mobilenet_v2(weights=None).eval()
    network.load_state_dict(load_classifier("mobilenet_v2", weights).module.state_dict())
    for number, i in enumerate(stored.ids):
        found = {name: array[0] for name, array in stored.read([i]).items()}
        view = np.asarray(Image.fromarray(noise(number)).resize((224, 224), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(found["view"], view)
        x = (torch.from_numpy(view.copy()).permute(2, 0, 1) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
        with torch.no_grad():
            map3, logits = network.features[:14](x[None])[0].numpy(), network(x[None])[0].numpy()
        np.testing.assert_allclose(found["depth3"], map3, atol=1e-4)
        np.testing.assert_allclose(found["logits"], logits, atol=1e-4)
        row = stored.table().set_index("id").loc[i]
        assert row["prediction"] == logits.argmax() == found["logits"].argmax()
        if number % 2:  # number is also the label
            assert row["rank"] == (found["logits"] > found["logits"][number]).sum()
        else:
            assert np.isnan(row["rank"])


def test_photos_of_every_kind_give_what_their_pixels_give(new_project, monkeypatch):
    photo = noise(0)
    grey = photo[..., 0]
    alpha = np.dstack([photo, np.full(grey.shape, 255, np.uint8)])
    rotated = Image.Exif()
    rotated[0x0112] = 6  # the first row of the file is the right side of the photo
    kinds = {
        "grey": (encoded(grey), np.dstack([grey] * 3)),
        "alpha": (encoded(alpha), photo),
        "sixteen": (encoded(grey.astype(np.uint16) * 257), np.dstack([grey] * 3)),
        "rotated": (encoded(photo, exif=rotated), np.rot90(photo, -1)),
        "cmyk": (encoded(Image.fromarray(photo).convert("CMYK"), "TIFF"), photo),
        "jpeg": (jpeg := encoded(photo, "JPEG"), np.asarray(Image.open(io.BytesIO(jpeg)))),
    }
    files = {f"{kind}.dat": file for kind, (file, _) in kinds.items()}
    plain = {f"{kind}_plain.png": encoded(pixels) for kind, (_, pixels) in kinds.items()}
    stored = run_here(new_project({**files, **plain}), monkeypatch)
    for kind in kinds:
        found, expected = stored.read([kind]), stored.read([f"{kind}_plain"])
        assert all(found[name].tobytes() == expected[name].tobytes() for name in expected.keys() - {"label"}), kind


DAMAGED = {
    "truncated": (encoded(noise(0, 300))[:5000], "cannot be decoded .*: download or copy it again"),
    "tiny": (encoded(np.zeros((1, 1, 3), np.uint8)), "has 1 x 1 pixels, and each side needs .*: leave it out"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_photo_that_cannot_be_used_is_one_line_and_leaves_no_result(new_project, monkeypatch, kind):
    photo, message = DAMAGED[kind]
    folder = new_project({**some(2), "bad.png": photo})
    with pytest.raises(SystemExit, match=rf"^error: .*bad\.png {message}$") as caught:
        run_here(folder, monkeypatch)
    assert "\n" not in caught.value.code  # a text is printed, and the exit code is 1
    assert not (folder / OUT).exists()
    assert not (folder / params.TIMINGS).exists()


def test_half_precision_is_rounded_from_full_precision(new_project, monkeypatch):
    full, half = (run_here(new_project(some(2), precision=p), monkeypatch) for p in ("float32", "float16"))
    expected, found = full.read(full.ids), half.read(half.ids)
    for name, array in expected.items():
        rounded = array.astype(np.float16) if name.startswith("depth") else array
        assert found[name].dtype == rounded.dtype and found[name].tobytes() == rounded.tobytes(), name


def test_without_a_cache_the_maps_come_from_the_stored_views(new_project, monkeypatch):
    settings = {"depths": {"mobilenet_v2": {1: "features.2", 6: "features.18"}}}
    with_maps, without = (run_here(new_project(some(3)), monkeypatch, cache=c, **settings) for c in (True, False))
    assert with_maps.names() == ["depth1", "depth6", "label", "logits", "logits_cropped", "view"]
    assert without.names() == ["label", "logits", "logits_cropped", "view"]
    for name, array in without.read(without.ids).items():
        assert array.tobytes() == with_maps.read(with_maps.ids)[name].tobytes()
    assert without.table().equals(with_maps.table())
    again = Activations(without.folder).read(without.ids)
    expected = with_maps.read(with_maps.ids)
    assert again.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(again[name], array, rtol=1e-4, atol=1e-5)
    networks = [json.loads((stored.folder / "network.json").read_text()) for stored in (with_maps, without)]
    assert networks[0] == networks[1]
    assert networks[0] == [
        {"depth": 1, "node": "features.2", "channels": 24, "height": 56, "width": 56},
        {"depth": 6, "node": "features.18", "channels": 1280, "height": 7, "width": 7},
    ]


def test_arithmetic_in_half_precision_is_close_and_not_equal(new_project, monkeypatch):
    full, half = (run_here(new_project(some(2)), monkeypatch, forward=f) for f in ("float32", "bfloat16"))
    expected, found = full.read(full.ids), half.read(half.ids)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        if name in ("view", "label"):
            assert np.array_equal(found[name], array)
        else:
            assert not np.array_equal(found[name], array)
            distance = np.linalg.norm(found[name] - array) / np.linalg.norm(array)
            assert distance < 0.05, name  # bfloat16 has 8 significant bits


def test_float16_arithmetic_needs_a_gpu(new_project, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    folder = new_project(some(1))
    with pytest.raises(SystemExit, match=r"^error: activations\.forward is 'float16', which needs a GPU: set .*$"):
        run_here(folder, monkeypatch, forward="float16")
    assert not (folder / OUT).exists()


def test_the_disk_is_asked_before_the_first_photo(new_project, monkeypatch, capsys):
    folder = new_project(some(3))
    maps = 4 * (16 * 112**2 + 24 * 56**2 + 32 * 28**2 + 96 * 14**2 + 320 * 7**2)
    each = maps + 3 * 224**2 + 2 * 4 * 1000
    usage = SimpleNamespace(free=3 * each - 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _place: usage)
    monkeypatch.setattr(engine, "FEW", 0)
    line = "3 photos x 1.5 MB = 4.5 MB on disk (free: 4.5 MB)"
    with pytest.raises(
        SystemExit, match=rf"^error: {re.escape(line)}: 1 B too little in .*activations\.cache: false or .*$"
    ):
        run_here(folder, monkeypatch)
    assert not (folder / params.SCRATCH).exists()
    stored = run_here(folder, monkeypatch, cache=False)
    size = sum(path.stat().st_size for path in stored.folder.glob("shard-*"))
    assert 0 <= size - 3 * (each - maps) < 3 * 1500  # beside the arrays, their names and hashes, and the rows
    usage.free += 1
    stored = run_here(folder, monkeypatch, cache=True)
    size = sum(path.stat().st_size for path in stored.folder.glob("shard-*"))
    assert 0 <= size - 3 * each < 3 * 2000
    lines = [line for line in capsys.readouterr().err.splitlines() if "on disk" in line]
    assert re.fullmatch(rf"activations folder mobilenet_v2: {re.escape(line)}, about \d+ (s|min) in all", lines[-1])


def test_the_time_is_that_of_two_passes_and_one_more_for_the_maps(new_project, monkeypatch, capsys):
    monkeypatch.setattr(engine, "FEW", 0)
    monkeypatch.setattr(activations, "seconds_of_pass", lambda _classifier, _forward: 10.0)
    folder = new_project(some(2))
    for cache, words in ((True, "about 60 s in all"), (False, "about 40 s in all")):
        run_here(folder, monkeypatch, cache=cache)
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "on disk" in line]
        assert line.endswith(words)
