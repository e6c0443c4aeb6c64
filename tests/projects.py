"""A small data set made up here, what earlier stages would have stored of it, and ways to run a stage on it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from known import Known
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.models import mobilenet_v2

from nas.data.records import Record, read_records, write_records
from nas.networks.classifier import Classifier, load_classifier
from nas.networks.headed import shared_classifier
from nas.networks.heads import Fit, write_head
from nas.parameters.section import Section, knob_of
from nas.store.files import sha256_of, write_json
from nas.store.shards import Shard, Shards, gather, write_shard
from nas.store.tables import TABLE
from stages import choices, params, statistics

DATASET, NETWORK = "folder", "mobilenet_v2"
PHOTO = (40, 48)  # height and width of the files; the views are squares
Arrays = dict[str, NDArray[Any]]


def narrowed(content: dict[str, Any]) -> dict[str, Any]:
    """Parameters whose sections name only what other sections make, so that a test sets those that it is about."""

    def narrow(section: Section, values: dict[str, Any], whole: params.Parameters) -> None:
        for name, info in type(section).model_fields.items():
            knob, value = knob_of(info), values[name]
            if isinstance(value, dict) and isinstance(getattr(section, name), Section):
                narrow(getattr(section, name), value, whole)
            if not knob.of or value == "all":
                continue
            found: Any = whole
            for part in knob.of.split("."):
                found = getattr(found, part)
            found = found() if callable(found) else whole.saliency.methods if found == "all" else found
            if found is None:
                continue
            allowed = [*knob.also, *found]
            if isinstance(value, str):
                values[name] = value if value in allowed else allowed[0]
            elif isinstance(value, dict):
                values[name] = {key: each for key, each in value.items() if key in allowed}
            else:
                values[name] = [each for each in value if each in allowed] or allowed

    for _ in range(3):  # what one section makes may be what another one narrows
        whole = params.Parameters.model_validate(content)
        narrow(whole, content, whole)
    return content


def noise(photo: str, stream: str) -> np.random.Generator:
    """Random numbers of a photo alone, whatever the others are."""
    return np.random.default_rng(list(f"{photo}/{stream}".encode()))


def blocks(photo: str, stream: str, side: int, n: int) -> NDArray[np.uint16]:
    """A map of regions 0 to n - 1, all of which occur, in blocks of a quarter of the side."""
    labels = noise(photo, stream).permutation(np.arange(16) % n).reshape(4, 4)
    return np.kron(labels, np.ones((side // 4, side // 4))).astype(np.uint16)


def name_of(stage: ModuleType) -> str:
    return stage.__name__.rpartition(".")[2]


class Killed(BaseException):
    """What ends a run at some photo, as no error handling expects it."""


@dataclass
class Project:
    """A folder with params.yaml and data of one data set and network.

    Attributes
    ----------
    folder : the root of the project
    side : of the views, in pixels
    """

    folder: Path
    side: int

    @property
    def ids(self) -> list[str]:
        return [record.id for record in read_records(self.folder / "data/raw" / DATASET)]

    def of(self, stage: str) -> Path:
        """Where a stage writes."""
        return self.folder / "data" / stage / DATASET / NETWORK

    def set(self, **sections: Any) -> None:
        """Replace keys of params.yaml, or keys inside its sections."""
        path = self.folder / "params.yaml"
        content = yaml.safe_load(path.read_text())
        for key, value in sections.items():
            content[key] = content[key] | value if isinstance(content[key], dict) else value
        path.write_text(yaml.safe_dump(narrowed(content), default_flow_style=True, width=1000))

    def settings(self) -> params.Parameters:
        return params.read(self.folder / "params.yaml")

    def describe(self, photos: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the data set: of each photo, by its id, the keys of its record, the mask as an array."""
        raw = self.folder / "data/raw" / DATASET
        records = []
        for photo, known in photos.items():
            file = raw / f"photos/{photo}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(photo, "file").integers(0, 256, (*PHOTO, 3), np.uint8)).save(file)
            found = dict(known)
            if found.get("mask") is not None:
                mask = raw / f"truth/{photo}.png"
                mask.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(found["mask"]).save(mask)
                found |= {"mask": mask, "mask_sha256": sha256_of(mask)}
            records.append(Record(photo, file, sha256_of(file), PHOTO, **found))
        write_records(records, raw)

    def store(self, stage: str, arrays: Mapping[str, Arrays], inside: str = ".") -> None:
        """Write shards of one photo each, as the stage would, or a folder inside it."""
        target = self.of(stage) / inside
        parts = [self.folder / "parts" / stage / inside / f"{photo}.safetensors" for photo in arrays]
        for (photo, found), part in zip(arrays.items(), parts, strict=True):
            write_shard(Shard([photo], {name: each[None] for name, each in found.items()}), part)
        gather(parts, target)

    def store_class(self, name: str, clusters: Mapping[str, NDArray[np.uint8]], k: int) -> None:
        """Add a class of photos with their class-level clusters, as the stage classes would."""
        self.store("classes", {photo: {"class_clusters": labels} for photo, labels in clusters.items()}, name)
        path = self.of("classes") / "classes.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        made = {"dataset": DATASET, "network": NETWORK, "class": name, "depths": [2, 3, 4], "k": k, "seed": 0}
        made |= {"grid": "first", "weighting": "channels", "fingerprint": "0123456789ab"}
        write_json(path, known | {name: made})

    def run(self, stage: ModuleType) -> None:
        """Run a stage in this process, on one core."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr("os.cpu_count", lambda: 1)
            patch.setattr("sys.argv", [f"stages/{name_of(stage)}.py"])
            params.run(choices.main)
            params.run(stage.main, DATASET, NETWORK)

    def stored(self, stage: ModuleType) -> Shards:
        """Run a stage; the arrays that it stored."""
        self.run(stage)
        return Shards(self.of(name_of(stage)))

    def failing(self, stage: ModuleType) -> str:
        """Run a stage that ends with an error of one line, and leaves no result; the line."""
        with pytest.raises(SystemExit) as caught:
            self.run(stage)
        message = caught.value.code
        assert isinstance(message, str) and "\n" not in message and not self.of(name_of(stage)).exists()
        return message

    def kill_and_resume(self, stage: ModuleType, at: int, function: str, module: ModuleType | None = None) -> int:
        """Kill a stage at its at-th photo, from 1, and run it again; the photos that the second run computed.

        Parameters: `function`, the name of what runs over photos; `module`, where it is looked up, if not in the stage.
        """
        module = module or stage
        compute, seen = getattr(module, function), []
        for last in (at, None):
            seen.clear()

            def counted(records: list[Record], *loaded: Any, last: int | None = last, **settings: Any) -> Any:
                seen.extend(records)
                if len(seen) == last:
                    raise Killed
                return compute(records, *loaded, **settings)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module, function, Known(counted, f"counted {function}"))
                if last is None:
                    self.run(stage)
                else:
                    with pytest.raises(Killed):
                        self.run(stage)
                    assert not self.of(name_of(stage)).exists()
        return len(seen)

    def table(self, stage: str, name: str = TABLE) -> pd.DataFrame:
        return pd.read_parquet(self.of(stage) / name)

    def summary(self, subject: str, name: str = "summary") -> pd.DataFrame:
        """What the stage statistics would make of it."""
        found: pd.DataFrame = statistics.subjects(self.settings())[subject](self.of(subject))[name]
        return found

    def contents(self, stage: str) -> dict[str, bytes]:
        """Every file that a stage wrote, by its path."""
        files = [path for path in self.of(stage).rglob("*") if path.is_file()]
        return {path.relative_to(self.of(stage)).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(autouse=True)
def fresh_classifier():
    """Stages name weights relative to their project: what one test has loaded is not that of the next."""
    shared_classifier.cache_clear()


@pytest.fixture(scope="session")
def narrow() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return narrowed


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Any:
    """A function that makes a project of photos, with region maps of them."""

    def make(photos: Mapping[str, Mapping[str, Any]], side: int = 32, **sections: Any) -> Project:
        project = Project(tmp_path_factory.mktemp("project"), side)
        (project.folder / "params.yaml").write_text((root / "params.yaml").read_text())
        project.set(datasets=[DATASET], classifiers=[NETWORK], statistics={"resamples": 100})
        project.set(activations={"backend": "torch"})  # which runs views of this size in any case
        project.set(**sections)
        project.describe(photos)
        kinds = {"nas_clusters.first": 5, "slic.first": 9}
        project.store(
            "superpixels",
            {photo: {kind: blocks(photo, kind, side, n) for kind, n in kinds.items()} for photo in project.ids},
        )
        return project

    return make


@pytest.fixture(scope="session")
def new_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that writes weights of the network, random, such that its predictions depend on the photo.

    Classes of `never` are as good as never predicted.
    """

    def make(never: Sequence[int] = ()) -> Path:
        torch.manual_seed(0)
        module = mobilenet_v2(weights=None)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_var.fill_(0.2)  # else the signal dies out on its way
        nn.init.normal_(module.classifier[1].weight, std=0.5)
        module.classifier[1].bias.data[list(never)] = -5000.0
        file = tmp_path_factory.mktemp("weights") / f"{NETWORK}.safetensors"
        save_file(module.state_dict(), file)
        return file

    return make


@pytest.fixture(scope="session")
def random_weights(new_weights: Callable[..., Path]) -> Path:
    return new_weights()


@pytest.fixture(scope="session")
def seen_by_network(random_weights: Path) -> Callable[[Project], Classifier]:
    """A function that adds the network, and the views and logits of the photos, to a project."""

    @torch.no_grad()
    def add(project: Project) -> Classifier:
        place = project.folder / "data/weights" / random_weights.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(random_weights)
        write_head(project.of("heads"), None, Fit("none is tested"))
        classifier, found = load_classifier(NETWORK, random_weights), {}
        for photo in project.ids:
            coarse = Image.fromarray(noise(photo, "view").integers(0, 256, (4, 4, 3), np.uint8))
            view = np.array(coarse.resize((project.side, project.side)))
            logits = classifier.logits(classifier.normalize(view[None]))[0].cpu().numpy()
            found[photo] = {"view": view, "logits": logits, "label": np.array(-1)}
        project.store("activations", found)
        return classifier

    return add
