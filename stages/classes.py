"""Cluster all photos of a class together, and hold that against each photo's own clustering.

Writes data/classes/DATASET/CLASSIFIER: for each group of photos the centers and label maps, one table of how far the
two clusterings agree, photo by photo, and a summary with bootstrap intervals.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor
from tqdm import tqdm

from nas import engine
from nas.activations import Activations
from nas.classes import CENTERS, CLASS, EVERYTHING, GROUPS, LEAST, fingerprint, folder_name, lacking, members
from nas.datasets import Record, read_records
from nas.partitions import agreement
from nas.rows import read_columns
from nas.shards import INDEX, SUMMARY, TABLE, Row, Shard, join_tables, write_bytes, write_json, write_table
from nas.superpixels import NeuroActivatedSuperpixels
from nas.tables import summarize
from params import SCRATCH, Classes, Parameters, run

KINDS = ("", "_chance", "_above_chance", "_reached")
PARALLEL = 64  # photos from which on more processes are worth their start
MEASURES = [f"{name}{kind}" for name in ("adjusted_rand_index", "v_measure") for kind in KINDS]


class Recipe(NamedTuple):
    """What the hypercolumns and the starts of k-means depend on."""

    depths: list[int]
    weighting: str
    interpolation: str
    seed: int

    def model(self, n_clusters: int, scope: str) -> NeuroActivatedSuperpixels:
        return NeuroActivatedSuperpixels(
            n_clusters,
            depths=self.depths,
            weighting=None if self.weighting == "none" else self.weighting,
            interpolation=self.interpolation,
            scope=scope,
            random_state=self.seed,
        )


class Maps:
    """The activations of some photos, read anew in every pass, one photo at a time."""

    def __init__(self, folder: Path, ids: Sequence[str], depths: Sequence[int], description: str = "") -> None:
        self._stored = Activations(folder)
        self._ids = ids
        self._names = [f"depth{depth}" for depth in depths]
        self._description = description
        self._passes = 0

    def __iter__(self) -> Iterator[dict[int, Tensor]]:
        self._passes += 1
        title = f"{self._description}, pass {self._passes}"
        for photo in tqdm(self._ids, desc=title, unit="photo", leave=False, disable=None):
            maps = self._stored.read([photo], self._names)
            yield {int(name[5:]): torch.from_numpy(m) for name, m in maps.items()}


def compute(
    records: Sequence[Record],
    group: str,
    activations: Path,
    recipe: Recipe,
    centers: NDArray[Any],
    own_clusters: Sequence[int],
) -> Shard:
    """Class-level and own label maps of a few photos, and how far they agree."""
    ids = [record.id for record in records]
    together = recipe.model(len(centers), "collection")
    together.cluster_centers_ = torch.from_numpy(centers)
    arrays: dict[str, list[NDArray[Any]]] = {}
    rows: list[Row] = []
    for photo, maps in zip(ids, Maps(activations, ids, recipe.depths), strict=True):
        columns = together.columns(maps)
        of_class = together.predict(columns)[0].numpy()
        arrays.setdefault(CLASS, []).append(of_class)
        for k in own_clusters:
            own = recipe.model(k, "image").fit_predict(columns)[0].numpy()
            arrays.setdefault(f"own_k{k}", []).append(own)
            present = len(np.unique(of_class))
            rows.append({"id": photo, "group": group, "own_k": k, **measure(own, of_class), "class_clusters": present})
    return Shard(ids, {name: np.stack(maps).astype(np.uint8) for name, maps in arrays.items()}, rows)


def measure(own: NDArray[Any], of_class: NDArray[Any]) -> Row:
    """Each measure, its mean over all circular shifts, what it is above that, and the share of shifts that reach it."""
    row: Row = {}
    for name, found in agreement(own, of_class).items():
        values = (found.value, found.chance, found.value - found.chance, found.reached)
        row |= {f"{name}{kind}": value for kind, value in zip(KINDS, values, strict=True)}
    return row


def groups_of(records: Sequence[Record], names: Sequence[str] | None, dataset: str) -> dict[str, Any]:
    """Photos by group; a line on stderr tells of names that are no group, since they may be of another data set.

    Where no name is, every class of two photos or more is a group; where there is no such class, all photos are one.
    """
    groups = members(records, names)
    wrong = lacking(records, names or [], dataset)
    if wrong:
        print(f"{wrong}; {'skipped' if groups else 'every class is taken'}", file=sys.stderr)
    groups = groups or members(records, None)
    if not groups and len(records) < LEAST:
        raise ValueError(f"data set {dataset!r} has {len(records)} photo: there must be {LEAST} to cluster together")
    groups = groups or {EVERYTHING: list(records)}
    folders = [folder_name(group) for group in groups]
    for group, folder in zip(groups, folders, strict=True):
        if folders.count(folder) > 1:
            raise ValueError(f"classes.groups has {group!r} and another name for the folder {folder!r}: leave one out")
    return groups


def cluster(
    group: str, photos: Sequence[Record], activations: Path, recipe: Recipe, settings: Classes, scratch: Path
) -> Path:
    """Cluster the photos of a group together and each alone; the folder with the result, which is there when whole.

    A run that was killed goes on from the last pass of k-means, or from the last photo.
    """
    depends: list[Any] = [group, [photo.fingerprint for photo in photos], Activations(activations).fingerprint, recipe]
    depends += [settings.clusters, settings.own_clusters]
    work = engine.workplace(scratch, *depends)
    done = work / "done"
    if (done / INDEX).exists():
        return done
    ids = [photo.id for photo in photos]
    model = recipe.model(settings.clusters, "collection")
    model.fit(Maps(activations, ids, recipe.depths, f"classes {group}"), checkpoint=work / "k-means")
    centers = model.cluster_centers_.numpy()
    write_bytes(done / CENTERS, save({"centers": centers}))
    engine.run(
        partial(
            compute,
            group=group,
            activations=activations,
            recipe=recipe,
            centers=centers,
            own_clusters=settings.own_clusters,
        ),
        photos,
        done,
        key=depends,
        scratch=work / "photos",
        workers=0 if len(photos) >= PARALLEL else 1,
        description=f"classes {group}",
    )
    return done


def publish(finished: dict[str, Path], fingerprints: dict[str, str], target: Path, carried: dict[str, Any]) -> None:
    """Give the folders of all groups their names, and make one table of theirs."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    folders = {group: target / folder_name(group) for group in finished}
    for group, done in finished.items():
        shutil.move(done, folders[group])
    join_tables([folder / TABLE for folder in folders.values()], target / TABLE, carried)
    for folder in folders.values():
        (folder / TABLE).unlink()
    entries = [
        {"group": group, "folder": folder.name, "fingerprint": fingerprints[group]} for group, folder in folders.items()
    ]
    write_json(target / GROUPS, entries)


def summary(table: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """Means by group and own k; and those over all photos, each of which counts once whatever groups it is in."""
    measures = [*MEASURES, "class_clusters"]
    once = table.groupby(["id", "own_k"], sort=False, observed=True)[measures].mean().reset_index().assign(group="all")
    return pd.concat(
        [
            summarize(rows, ["group", "own_k"], measures, level=level, n_resamples=n_resamples, seed=seed)
            for rows in (table, once)
        ],
        ignore_index=True,
    )


def main(parameters: Parameters, dataset: str, classifier: str) -> None:
    activations = Path("data/activations", dataset, classifier)
    target = Path("data/classes", dataset, classifier)
    scratch = SCRATCH / "classes" / dataset / classifier
    settings, seed = parameters.classes, parameters.seed
    recipe = Recipe(
        parameters.superpixels.depths, parameters.superpixels.weighting, parameters.superpixels.interpolation, seed
    )
    torch.set_num_threads(1)  # last bits of sums differ with the number of threads, and the maps are small
    records = read_records(Path("data/raw", dataset))
    groups = groups_of(records, settings.groups, dataset)
    finished = {
        group: cluster(group, photos, activations, recipe, settings, scratch) for group, photos in groups.items()
    }
    network = Activations(activations).network
    fingerprints = {
        group: fingerprint(photos, network, recipe.depths, recipe.interpolation) for group, photos in groups.items()
    }
    carried: dict[str, Any] = {
        "dataset": dataset,
        "network": classifier,
        "depths": "-".join(map(str, sorted(recipe.depths))),
        "clusters": str(settings.clusters),
        "weighting": recipe.weighting,
        "seed": seed,
    }
    publish(finished, fingerprints, target, carried)
    table = read_columns(target / TABLE, ["id", "group", "own_k", *MEASURES, "class_clusters"])
    found = summary(table, parameters.statistics.level, parameters.statistics.resamples, seed)
    write_table(found.assign(**carried), target / SUMMARY)
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
