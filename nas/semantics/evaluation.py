"""What the semi-supervised semantic evaluation measures of a class of photos.

Saliency maps are scored against the clusters of the class that are tagged as object. Tags are a person's or learnt
from the masks of a few other photos of the class. The same scores against the masks themselves tell whether tagged
clusters can stand in for them.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.classes import CLASS, ClassClusters, folder_name
from nas.data import IGNORED, Record, resize_labels, truth_of
from nas.saliency import RAW, average, resize_map
from nas.semantics.scores import SCORES, score, score_against_mask
from nas.semantics.tag_files import OtherSettingsError, read_tags
from nas.semantics.tags import HAND, LEARNT, TRUTH, Tags, cluster_counts, labelled_others
from nas.store import Row, Shard, Stored, engine, finished
from nas.superpixels import regions

MASS = "mass"
GAINS = [f"gain_{measure}" for measure in SCORES]
SEMANTICS_COLUMNS = ["id", "class", "method", "regions", "truth", "against", *SCORES, *GAINS]
TagsOf = dict[str, dict[str, Tags]]  # by source and photo


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated.

    Attributes
    ----------
    methods : that have maps
    saliency : their maps of the predicted class, in the same order
    superpixels : label maps METHOD.VARIANT to average inside
    """

    methods: tuple[str, ...]
    saliency: Stored
    superpixels: Stored

    @classmethod
    def of_data(
        cls, data: Path, dataset: str, network: str, methods: Sequence[str], kinds: Sequence[str]
    ) -> "Evaluation":
        """The inputs that the stages wrote below `data` for a data set and a network."""
        saliency, superpixels = (data / stage / dataset / network for stage in ("saliency", "superpixels"))
        names = tuple(f"predicted/{method}" for method in methods)
        return cls(tuple(methods), Stored(saliency, names), Stored(superpixels, tuple(kinds)))

    def size(self, photo: str) -> tuple[int, int]:
        """Height and width of the label maps of a photo."""
        first = self.superpixels.one(photo)
        return first.shape[0], first.shape[1]


@dataclass(frozen=True)
class TaggedClass:
    """The clusters of a class, and their tags by source and photo.

    Attributes
    ----------
    name : of the class
    n_clusters : of all its photos together
    clusters : where they are in each photo
    tags : by source and photo
    """

    name: str
    n_clusters: int
    clusters: Stored
    tags: TagsOf

    @classmethod
    def of(cls, found: ClassClusters, tags: TagsOf) -> "TaggedClass":
        """A class whose photos were clustered, with these tags."""
        return cls(found.name, found.n_clusters, Stored(found.stored.folder, (CLASS,)), tags)


def counts_of(found: ClassClusters, photos: Sequence[Record], size: tuple[int, int]) -> NDArray[np.int64] | None:
    """Pixels of each photo with a mask or boxes and cluster on and off objects, (2, n, K); None for less than two."""
    counts = []
    for photo in with_truth(photos):
        with engine.naming(f"photo {photo.id}"):
            truth, _ = truth_of(photo, size)
        clusters = resize_labels(found.class_clusters([photo.id])[0], size)
        counts.append(cluster_counts(clusters[None], np.asarray(truth)[None], found.n_clusters))
    return np.concatenate(counts, axis=1) if len(counts) > 1 else None


def with_truth(photos: Sequence[Record]) -> list[Record]:
    """The photos that have a mask or boxes."""
    return [photo for photo in photos if photo.mask is not None or photo.boxes]


def tags_of(
    found: ClassClusters,
    photos: Sequence[Record],
    counts: NDArray[np.int64] | None,
    learnt_from: int,
    seed: int,
    folder: Path,
) -> TagsOf:
    """Tags of the clusters of a class by source and photo.

    Learnt ones are from a few other photos of the class, see `labelled_others`, and of those with a mask or boxes; a
    line on stderr says which have none. A person's are in
    FOLDER/DATASET/NETWORK/CLASS.yaml; those for other settings are not used, and a line on stderr says so. Another one
    says where there are none at all.
    """
    tags: TagsOf = {}
    dataset, network = str(found.settings["dataset"]), str(found.settings["network"])
    if counts is not None:
        labelled = with_truth(photos)
        chosen = labelled_others(len(labelled), learnt_from, seed)
        on, off = counts[:, chosen].sum(axis=2)
        tags[LEARNT] = {photo.id: learnt for photo, learnt in zip(labelled, on > off, strict=True)}
        if lacking := [photo.id for photo in photos if photo.id not in tags[LEARNT]]:
            shown = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
            line = f"{dataset} {found.name}: learnt tags are of {len(labelled)} of its {len(photos)} photos"
            print(f"{line}; without masks and boxes: {shown}", file=sys.stderr)
    path = folder / dataset / network / f"{folder_name(found.name)}.yaml"
    if path.exists():
        try:
            by_hand = read_tags(path, found.settings, found.n_clusters)
            tags[HAND] = {photo.id: by_hand for photo in photos}
        except OtherSettingsError as error:
            print(f"{error}; not used", file=sys.stderr)
    if not tags:
        quoted = shlex.quote(found.name)
        line = f"{dataset} {found.name}: has no masks, boxes or tags; tag it (make tag CLASS={quoted})"
        print(line, file=sys.stderr)
    return tags


def evaluate_class(
    found: ClassClusters, photos: Sequence[Record], tags: TagsOf, settings: Evaluation, scratch: Path
) -> Path:
    """A folder with what `score_photos` says of all photos of a class; a run that was killed goes on from its last."""
    tagged = TaggedClass.of(found, tags)

    def make(work: Path) -> None:
        engine.run(
            partial(score_photos, tagged=tagged, settings=settings),
            photos,
            work / "done",
            scratch=work / "photos",
            workers=0,
            description=f"semantics {found.settings['dataset']} {found.settings['network']} {found.name}",
        )

    return finished(make, scratch, photos, score_photos, tagged, settings)


def score_photos(records: Sequence[Record], tagged: TaggedClass, settings: Evaluation) -> Shard:
    """Scores of a few photos of a class, and the positive mass of each raw map in each cluster.

    Each score has its difference from that of the raw map of the same photo and method, `gain_SCORE`.
    """
    rows: list[Row] = []
    masses: list[NDArray[np.float64]] = []
    for record in records:
        kinds = {kind: maps[0] for kind, maps in settings.superpixels.read([record.id]).items()}
        height, width = next(iter(kinds.values())).shape
        clusters = resize_labels(tagged.clusters.one(record.id), (height, width))
        truth, source = truth_of(record, (height, width))
        ignored = None if truth is None else np.asarray(truth) == IGNORED  # in tagged clusters as in masks
        mass: list[NDArray[np.float64]] = []
        raw: dict[tuple[str, str], dict[str, float]] = {}
        for method, inside, saliency in _maps(record.id, kinds, (height, width), settings):
            named: Row = {"id": record.id, "class": tagged.name, "method": method, "regions": inside, "truth": source}
            with engine.naming(f"{method}/{inside}"):
                sources = {against: of[record.id] for against, of in tagged.tags.items() if record.id in of}
                scores = {against: score(saliency, clusters, tags, ignored) for against, tags in sources.items()}
                if truth is not None:
                    scores[TRUTH] = score_against_mask(saliency, truth)
            for against, values in scores.items():
                of_raw = raw.setdefault((method, against), values)  # the raw map is the first of its method
                gains = {f"gain_{measure}": values[measure] - of_raw[measure] for measure in SCORES}
                rows.append({**named, "against": against, **values, **gains})
            if inside == RAW:
                positive = (np.maximum(saliency, 0) * (1 if ignored is None else ~ignored)).ravel()
                mass.append(np.bincount(clusters.ravel(), positive, tagged.n_clusters).astype(np.float64))
        masses.append(np.stack(mass))
    return Shard([record.id for record in records], {MASS: np.stack(masses)}, rows)


def _maps(
    photo: str, kinds: Mapping[str, NDArray[Any]], size: tuple[int, int], settings: Evaluation
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Method, regions (`RAW` or their name), and the map of the predicted class."""
    for method, name in zip(settings.methods, settings.saliency.names, strict=True):
        with engine.naming(method):
            raw = resize_map(settings.saliency.one(photo, name), size)
            yield method, RAW, raw
            for kind, found in kinds.items():
                yield method, kind, average(raw, regions.relabel(found)).astype(np.float64)


def plain(tags: TagsOf) -> dict[str, dict[str, list[bool]]]:
    """Tags for a JSON file."""
    return {source: {photo: found.tolist() for photo, found in of.items()} for source, of in tags.items()}
