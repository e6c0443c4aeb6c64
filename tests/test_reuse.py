"""A run that was killed and goes on after a change gives what a run from nothing gives, for every change there can be.

Every stage that keeps work is killed after its first photo. Then one knob that it declares in dvc.yaml is changed, or
one of its inputs, and it goes on.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from known import Known
from plain import write_network
from projects import DATASET, NETWORK, PHOTO, Killed, Project, noise

import nas.classes.clustering
import nas.networks.head_fitting
import nas.semantics.evaluation
from nas.data.records import TRAIN, read_records, write_records
from nas.networks.activations import FORWARD
from nas.networks.forward import Forward
from nas.parameters.section import Section
from nas.semantics.tag_files import write_tag_template
from nas.store.files import write_json
from nas.store.shards import Shards
from stages import (
    ablation,
    activations,
    classes,
    convergence,
    heads,
    localization,
    params,
    relevance,
    saliency,
    semantics,
    steps,
    superpixels,
)

ROOT = Path(__file__).parent.parent
DECLARED = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
SIDE, PHOTOS = 32, {"b0": "bird", "b1": "bird", "b2": "bird", "d0": "dog", "d1": "dog"}
# what each stage runs over photos, and where the stage finds it
STAGES = {
    heads: (nas.networks.head_fitting, "pool_photos"),
    activations: (activations, "run_photos"),
    superpixels: (superpixels, "segment_photos"),
    ablation: (ablation, "ablate_photos"),
    classes: (nas.classes.clustering, "cluster_photos"),
    saliency: (saliency, "explain_photos"),
    convergence: (convergence, "compare_counts"),
    localization: (localization, "locate_photos"),
    semantics: (nas.semantics.evaluation, "score_photos"),
    relevance: (relevance, "curve_photos"),
    steps: (steps, "compare_steps"),
}
BY_NAME = {stage.__name__.rpartition(".")[2]: stage for stage in STAGES}
SMALL = {
    "seed": 3,
    "activations": {"batch": 1, "backend": "torch"},
    "superpixels": {"sizes": ["first", 4], "clusters": 3, "felzenszwalb": {"sigma": 0.8, "min_size": 4}},
    "ablation": {"depths": [[4], [3, 4]], "clusters": [3, 4], "sizes": ["first"], "weighting": ["channels"]},
    "classes": {"names": ["bird", "dog"], "clusters": 3, "own_clusters": [2, 3]},
    "saliency": {
        "methods": ["gradient", "smoothgrad", "grad_cam", "lime", "random"],
        "parameters": {"smoothgrad": {"n_samples": 2}, "lime": {"n_samples": 8}},
    },
    "convergence": {"photos": 3, "factors": [1.0], "reference": 2.0, "n_steps": [2, 4]},
    "localization": {"methods": "all", "regions": ["nas_clusters.first", "slic.first"]},
    "semantics": {"methods": ["gradient", "smoothgrad", "random"], "regions": ["nas_clusters.first"], "learnt_from": 1,
                  "labelled": [1], "draws": 4},
    "relevance": {
        "methods": ["gradient", "random"],
        "least": {"orders": ["tiles", "nas_clusters.first"], "replacements": ["zero"]},
        "most": {"orders": ["tiles"], "replacements": ["blur"]},
        "n_steps": 3,
        "tile": 16,
        "blur": 2.0,
        "batch": 3,
    },
}  # fmt: skip
# another value of every knob that a stage declares; of some stages alone where the name of the stage stands first
KNOBS: dict[str, Any] = {
    "seed": 4,
    "activations.backend": "openvino",
    "activations.batch": 2,
    "activations.cache": False,
    "activations.forward": "bfloat16",
    "activations.precision": "float16",
    "activations.threads": 3,
    "superpixels.clusters": 4,
    "superpixels.depths": [3, 4],
    "superpixels.edge_quantile": 0.7,
    "superpixels.felzenszwalb.sigma": 0.1,
    "superpixels.felzenszwalb.min_size": 40,
    "superpixels.interpolation": "bilinear",
    "superpixels.sizes": ["first"],
    "superpixels.slic.compactness": 0.1,
    "superpixels.slic.sigma": 2.0,
    "superpixels.tolerance": 0,
    "superpixels.tuned": {"clusters": 2, "depths": [3], "weighting": "none", "size": "image"},
    "superpixels.weighting": "none",
    "ablation.clusters": [2, 3],
    "ablation.depths": [[4], [2, 4]],
    "ablation.sizes": ["image"],
    "ablation.weighting": ["none"],
    "classes.clusters": 4,
    "classes.names": ["bird"],
    "classes.own_clusters": [4],
    "saliency.batch": 2,
    "saliency.methods": ["gradient", "smoothgrad", "random"],
    "saliency.parameters": {"smoothgrad": {"n_samples": 3}, "lime": {"n_samples": 8}},
    "saliency.regions": "slic.first",
    "convergence.photos": 2,
    "convergence.factors": [0.5, 2.0],
    "convergence.reference": 3.0,
    "convergence.n_steps": [2],
    "localization.methods": ["gradient", "random"],
    "localization.regions": ["slic.first"],
    "semantics.draws": 7,
    "semantics.labelled": [1, 2],
    "semantics.learnt_from": 2,
    "semantics.methods": ["gradient", "random"],
    "semantics.regions": ["slic.first"],
    "relevance.batch": 2,
    "relevance.blur": 5.0,
    "relevance.least.orders": ["tiles", "slic.first"],
    "relevance.least.replacements": ["mean"],
    "relevance.methods": ["gradient", "smoothgrad"],
    "relevance.most.orders": ["nas_clusters.first"],
    "relevance.most.replacements": ["zero"],
    "relevance.n_steps": 2,
    "relevance.tile": 8,
}
# what may change nothing, and why
NO_EFFECT = {
    ("heads", "seed"): "the folds alone, of which every C gets all right",
    ("heads", "activations.batch"): "but for rounding",
    ("activations", "activations.batch"): "but for rounding",
    ("heads", "activations.threads"): "but for rounding",
    ("activations", "activations.threads"): "but for rounding",
    ("saliency", "saliency.batch"): "but for rounding",
    ("convergence", "saliency.batch"): "but for rounding",
    ("relevance", "relevance.batch"): "but for rounding",
    ("steps", "relevance.batch"): "but for rounding",
    ("steps", "relevance.blur"): "the first replacement is another",
    ("saliency", "activations.backend"): "views of another size than the network's, which torch runs",
    ("convergence", "activations.backend"): "views of another size than the network's, which torch runs",
    ("relevance", "activations.backend"): "views of another size than the network's, which torch runs",
    ("steps", "activations.backend"): "views of another size than the network's, which torch runs",
    ("steps", "seed"): "a column, and no random choice",
    ("localization", "seed"): "a column, and photos without choices",
    ("relevance", "seed"): "a column, and no random choice",
    ("convergence", "saliency.regions"): "the parts of LIME, whose count is too small to matter",
    ("classes", "data/raw"): "masks are not used",
    ("saliency", "data/raw"): "masks are not used",
    ("relevance", "data/raw"): "masks are not used",
    ("steps", "data/raw"): "masks are not used",
    ("activations", "data/raw"): "masks are not used",
    ("heads", "data/raw"): "masks are not used",
    ("saliency", "data/heads"): "a note beside no head",
    ("convergence", "data/heads"): "a note beside no head",
    ("relevance", "data/heads"): "a note beside no head",
    ("steps", "data/heads"): "a note beside no head",
    ("activations", "data/heads"): "a note beside no head",
    ("superpixels", "data/weights"): "all maps are stored",
    ("ablation", "data/weights"): "all maps are stored",
    ("classes", "data/weights"): "all maps are stored",
}


def knobs(declared: list[str]) -> Iterator[str]:
    """The knobs below the keys that a stage declares; a mapping of free keys is one."""

    def below(section: Any, path: str) -> Iterator[str]:
        value = reduce(getattr, path.split("."), section)
        fields = type(value).model_fields if isinstance(value, Section) else {}
        for name in fields:
            if name != "figure":
                yield from below(section, f"{path}.{name}")
        if not fields:
            yield path

    parameters = params.read(ROOT / "params.yaml")
    for key in declared:
        yield from [key] if key == "superpixels.tuned" else below(parameters, key)


def inputs(stage: str) -> list[str]:
    """Folders of data that a stage declares, without their data set and network."""
    deps = [dep.split("/${")[0] for dep in DECLARED[stage]["deps"] if dep.startswith("data/")]
    return sorted({dep for dep in deps if not dep.startswith(("data/choices", "data/settings"))})


CASES = [(name, key) for name in BY_NAME for key in chain(knobs(DECLARED[name].get("params", [])), inputs(name))]


def set_knob(project: Project, key: str) -> None:
    section, _, rest = key.partition(".")
    if not rest:
        project.set(**{section: KNOBS[key]})
        return
    inner, _, last = rest.partition(".")
    value = KNOBS[key]
    if last:
        content = yaml.safe_load((project.folder / "params.yaml").read_text())
        value = content[section][inner] | {last: value}
    project.set(**{section: {inner: value}})


def change_input(project: Project, place: str) -> None:
    """Change what is there of the first photo, which was finished before the kill."""
    stage = place.removeprefix("data/")
    if stage == "raw":
        raw = project.folder / "data/raw" / DATASET
        records = {record.id: record for record in read_records(raw)}
        described = {photo: {"mask": mask_of(photo), **known(photo)} for photo in records}
        described["b0"]["mask"] = mask_of("b0")[::-1]
        project.describe(described)
    elif stage == "weights":
        weights = project.folder / "data/weights" / f"{NETWORK}.safetensors"
        other, _ = write_network(project.folder / "other", seed=5)
        weights.unlink()
        weights.symlink_to(other)
    elif stage == "heads":
        write_json(project.of("heads") / "head.json", {"reason": "another", "n_photos": 0, "n_classes": 0, "C": None,
                                                       "cv_accuracy": None})  # fmt: skip
    elif stage == "tags":
        found = json.loads((project.of("classes") / "classes.json").read_text())
        path = project.folder / "data/tags" / DATASET / NETWORK / "bird.yaml"
        path.parent.mkdir(parents=True)
        write_tag_template(path, found["bird"], 3)
        content = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(content | {"tags": {0: "object", 1: "background", 2: "object"}}))
    else:
        folder = project.of(stage) / ("bird" if stage == "classes" else ".")
        stored = Shards(folder)
        arrays = {photo: {name: each[0] for name, each in stored.read([photo]).items()} for photo in stored.ids}
        arrays["b0"] = {name: moved(name, each) for name, each in arrays["b0"].items()}
        kept = {path: path.read_bytes() for path in folder.glob("*") if path.name in (FORWARD, "variants.json")}
        kept |= {path: path.read_bytes() for path in folder.glob("*.parquet")}
        project.store(stage, arrays, "bird" if stage == "classes" else ".")
        for path, content in kept.items():
            path.unlink(missing_ok=True)
            path.write_bytes(content)


def moved(name: str, array: np.ndarray) -> np.ndarray:
    """The same upside down; numbers of classes stay."""
    return array[..., ::-1, :].copy() if array.ndim >= 2 else array[::-1].copy() if name == "logits" else array


def known(photo: str) -> dict[str, Any]:
    return {"class_name": PHOTOS[photo], "class_index": list(PHOTOS.values()).index(PHOTOS[photo])}


def mask_of(photo: str) -> np.ndarray:
    mask = np.zeros(PHOTO, np.uint8)
    y, x, height, width = noise(photo, "mask").integers((0, 0, 15, 20), (10, 10, 40, 48))
    mask[y : y + height, x : x + width] = 1
    return mask


@pytest.fixture(scope="session")
def base(new_project: Any, seen_by_network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which every stage has run."""
    described = {photo: {"mask": mask_of(photo), **known(photo)} for photo in PHOTOS}
    project = new_project(described, side=SIDE, **SMALL)
    seen_by_network(project)
    seen, arrays = Shards(project.of("activations")), {}
    for photo in PHOTOS:
        arrays[photo] = {name: each[0] for name, each in seen.read([photo]).items()}
        for depth, (channels, side) in {2: (4, 8), 3: (5, 4), 4: (6, 2)}.items():
            maps = noise(photo, f"depth{depth}").normal(size=(channels, side, side))
            maps[:, side // 4 : 3 * side // 4] += 2 * np.arange(channels)[:, None, None]
            arrays[photo][f"depth{depth}"] = maps.astype(np.float32)
    project.store("activations", arrays)
    network = {"classifier": NETWORK, "weights": f"../../../weights/{NETWORK}.safetensors", "sha256": "0" * 64}
    depths = {str(depth): f"layer{depth}" for depth in (2, 3, 4)}
    write_json(project.of("activations") / FORWARD,
               network | {"depths": depths} | asdict(Forward(1)))  # fmt: skip
    raw = project.folder / "data/raw" / DATASET
    train = read_records(raw)[:4]
    write_records([train[0], train[3], train[1], *read_records(raw)[4:]], raw / TRAIN)
    for stage in STAGES:
        if stage not in (heads, activations):  # these make what the others have here from elsewhere
            project.run(stage)
    shutil.rmtree(project.folder / "data/scratch")
    return project.folder


def copy(folder: Path, target: Path, stage: str, *, with_result: bool = False) -> Project:
    shutil.copytree(folder, target, symlinks=True)
    project = Project(target, SIDE)
    if not with_result:
        shutil.rmtree(project.of(stage), ignore_errors=True)
    return project


def run(project: Project, name: str, failing: bool = False) -> dict[str, bytes]:
    """Run a stage, with its function known by a name, and perhaps killed at its second call; what it wrote."""
    stage = BY_NAME[name]
    module, function = STAGES[stage]
    compute, calls = getattr(module, function), []

    def counted(*given: Any, **keywords: Any) -> Any:
        calls.append(1)
        if failing and len(calls) == 2:
            raise Killed
        return compute(*given, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, function, Known(counted, function))
        if failing:
            with pytest.raises(Killed):
                project.run(stage)
            return {}
        project.run(stage)
    return project.contents(name)


@pytest.fixture(scope="session")
def killed(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function from a stage to the folder in which it was killed, and what it would have written."""
    found: dict[str, tuple[Path, dict[str, bytes]]] = {}

    def of(name: str) -> tuple[Path, dict[str, bytes]]:
        if name not in found:
            place = tmp_path_factory.mktemp("killed")
            whole = run(copy(base, place / "whole", name), name)
            project = copy(base, place / "killed", name)
            run(project, name, failing=True)
            assert list((project.folder / "data/scratch" / name).rglob("*.safetensors"))  # there is something to reuse
            found[name] = project.folder, whole
        return found[name]

    return of


@pytest.mark.parametrize(("name", "key"), CASES, ids=[f"{name} {key}" for name, key in CASES])
def test_a_killed_run_that_goes_on_after_a_change_gives_what_a_fresh_one_gives(base, killed, tmp_path, name, key):
    place, whole = killed(name)
    resumed, fresh = copy(place, tmp_path / "resumed", name), copy(base, tmp_path / "fresh", name)
    for project in (resumed, fresh):
        (change_input if key.startswith("data/") else set_knob)(project, key)
    expected = run(fresh, name)
    found = run(resumed, name)
    assert found.keys() == expected.keys()
    assert [path for path in found if found[path] != expected[path]] == []
    assert expected != whole or (name, key) in NO_EFFECT


def test_every_exception_is_a_case():
    assert set(NO_EFFECT) <= set(CASES)
    keys = {key for _, key in CASES if not key.startswith("data/")}
    assert keys == set(KNOBS)
