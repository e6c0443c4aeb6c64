"""Photos of three birds, two dogs and a cat made up here, with activations, and stages and commands run on them."""

from dataclasses import asdict

import numpy as np
import pytest
import yaml
from PIL import Image

from nas.data.records import Record, write_records
from nas.networks.activations import FORWARD
from nas.networks.forward import Forward
from nas.store.files import sha256_of, write_json
from nas.store.shards import Shard, gather, write_shard
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


@pytest.fixture(scope="session")
def new_classes(tmp_path_factory, root, narrow):
    """A function that makes a project: photos of `CLASSES`, their activations, parameters."""

    def make(photos=tuple(CLASSES), datasets=("folder",), masks=True, **settings):
        folder = tmp_path_factory.mktemp("project")
        content = yaml.safe_load((root / "params.yaml").read_text())
        content |= {"datasets": list(datasets), "classifiers": [NETWORK]}
        content["classes"] |= {"names": ["bird", "dog"], "clusters": 4, "own_clusters": [3, 2], **settings}
        content["statistics"]["resamples"] = 200
        (folder / "params.yaml").write_text(yaml.safe_dump(narrow(content), default_flow_style=True, width=1000))
        raw, records, parts = folder / "data/raw/folder", [], []
        for number, photo in enumerate(photos):
            view = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
            file, mask = raw / f"photos/{photo}.png", raw / f"truth/{photo}.png"
            for path, pixels in ((file, view), (mask, np.pad(np.ones((16, 16), np.uint8), 8))):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
            names = {"class_name": CLASSES[photo], "super_class": SUPER[photo[0]]}
            records.append(Record(photo, file, sha256_of(file), (32, 32), mask=mask if masks else None, **names))
            part = folder / f"parts/{photo}.safetensors"
            arrays = {name: each[None] for name, each in {**maps_of(photo), "view": view}.items()}
            write_shard(Shard([photo], arrays), part)
            parts.append(part)
        write_records(records, raw)
        stored = folder / "data/activations/folder" / NETWORK
        gather(parts, stored)
        forward = asdict(Forward(1))
        network = {"classifier": NETWORK, "sha256": "0" * 64, "depths": {str(d): f"layer{d}" for d in CHANNELS}}
        write_json(stored / FORWARD, network | forward)  # all maps are stored: no network is loaded
        return folder

    return make


def run_classes(folder, script=classes.main, arguments=("folder", NETWORK)):
    """Run the stage, or another script, in a project, and return the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("os.cpu_count", lambda: 1)  # in this process
        patch.setattr("sys.argv", ["stages/classes.py"])
        params.run(script, *arguments)
    return folder
