"""Score saliency maps against the clusters of a class that are tagged as object: data/semantics/DATASET/CLASSIFIER.

The semi-supervised semantic evaluation. Tags are a person's (data/tags) or learnt from the masks of a few other
photos of the class. The same scores against the masks themselves tell whether tagged clusters can stand in for them.
"""

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas import engine, regions
from nas.classes import CLASS, Group, folder_name, group_names, read_group
from nas.datasets import Record, read_records
from nas.inconsistency import ranking_agreement
from nas.localization import CONTROLS
from nas.rows import read_columns
from nas.scoremaps import resize_map
from nas.semantics import (
    AUTOMATIC,
    HAND,
    SCORES,
    TRUTH,
    OtherSettingsError,
    Tags,
    cluster_counts,
    draw_labelled,
    few_label_curve,
    labelled_others,
    learn_tags,
    read_tags,
    score,
    score_against_mask,
)
from nas.shards import INDEX, SUMMARY, TABLE, Row, Shard, Shards, join_tables, write_json, write_table
from nas.statistics import Estimate, kendall_tau
from nas.tables import summarize
from nas.truth import truth_of
from params import SCRATCH, Parameters, Semantics, run

TAGS = Path("data/tags")
AGREEMENT, LABELS, USED = "agreement.parquet", "labels.parquet", "tags.json"
MASS = "mass"
GAINS = [f"gain_{measure}" for measure in SCORES]
COLUMNS = ["id", "group", "method", "regions", "truth", "against", *SCORES, *GAINS]
SETTING = ["method", "regions", "against"]
FEW = ["group", "photos", "labelled", "measure", "draws", "mean", "low", "high"]


def compute(
    records: Sequence[Record],
    group: Group,
    tags: dict[str, dict[str, Tags]],
    saliency: Path,
    superpixels: Path,
    settings: Semantics,
) -> Shard:
    """Scores of a few photos of a group, and the positive mass of each raw map in each cluster.

    Each score has its difference from that of the raw map of the same photo and method, `gain_SCORE`.
    """
    rows: list[Row] = []
    masses: list[NDArray[np.float64]] = []
    for record in records:
        names = list(settings.regions)
        kinds = {name: maps[0] for name, maps in Shards(superpixels).read([record.id], names).items()}
        size = next(iter(kinds.values())).shape
        clusters = regions.resize(group.stored.read([record.id], [CLASS])[CLASS][0], size)
        truth, source = truth_of(record, size)
        mass: list[NDArray[np.float64]] = []
        raw: dict[tuple[str, str], dict[str, float]] = {}
        for method, inside, found in maps_of(record, saliency, kinds, size, settings):
            named: Row = {"id": record.id, "group": group.name, "method": method, "regions": inside, "truth": source}
            with engine.about(f"{method}/{inside}"):
                scores = {against: score(found, clusters, of_photo[record.id]) for against, of_photo in tags.items()}
                if truth is not None:
                    scores[TRUTH] = score_against_mask(found, truth)
            for against, values in scores.items():
                of_raw = raw.setdefault((method, against), values)  # the raw map is the first of its method
                gains = {f"gain_{measure}": values[measure] - of_raw[measure] for measure in SCORES}
                rows.append({**named, "against": against, **values, **gains})
            if inside == "raw":
                positive = np.maximum(found, 0).ravel()
                mass.append(np.bincount(clusters.ravel(), positive, group.n_clusters).astype(np.float64))
        masses.append(np.stack(mass))
    return Shard([record.id for record in records], {MASS: np.stack(masses)}, rows)


def maps_of(
    record: Record, saliency: Path, kinds: dict[str, NDArray[Any]], size: tuple[int, int], settings: Semantics
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Method, regions ("raw" or their name), and the map of the predicted class, for every method that was run."""
    stored = Shards(saliency)
    for method in available(stored, settings.methods):
        with engine.about(method):
            raw = resize_map(stored.read([record.id], [f"predicted/{method}"])[f"predicted/{method}"][0], size)
            yield method, "raw", raw
            for name, found in kinds.items():
                yield method, name, regions.average(raw, regions.relabel(found)).astype(np.float64)


def available(saliency: Shards, methods: Sequence[str]) -> list[str]:
    """The methods asked for that have maps.

    Raises
    ------
    ValueError : none of them has
    """
    names = saliency.names()
    found = [method for method in methods if f"predicted/{method}" in names]
    if not found:
        raise ValueError(f"semantics.methods is {list(methods)}: none has maps; name some of saliency.methods")
    return found


def counts_of(group: Group, photos: Sequence[Record], size: tuple[int, int]) -> NDArray[np.int64] | None:
    """Pixels of each photo and cluster on and off objects, (2, n, K); None where a photo has neither mask nor box."""
    counts = []
    for photo in photos:
        with engine.about(f"photo {photo.id}"):
            truth, _ = truth_of(photo, size)
        if truth is None:
            return None
        clusters = regions.resize(group.stored.read([photo.id], [CLASS])[CLASS][0], size)
        counts.append(cluster_counts(clusters[None], truth[None], group.n_clusters))
    return np.concatenate(counts, axis=1)


def tags_of(
    group: Group, photos: Sequence[Record], counts: NDArray[np.int64] | None, learnt_from: int, seed: int
) -> dict[str, dict[str, Tags]]:
    """Tags of the clusters by source and photo.

    Automatic ones are learnt from a few photos of the group, see `labelled_others`. A person's are in
    data/tags/DATASET/CLASSIFIER/CLASS.yaml; those for other settings are not used, and a line on stderr says so.
    """
    found: dict[str, dict[str, Tags]] = {}
    if counts is not None:
        chosen = labelled_others(len(photos), learnt_from, seed)
        on, off = counts[:, chosen].sum(axis=2)
        learnt = on > off
        found[AUTOMATIC] = {photo.id: tags for photo, tags in zip(photos, learnt, strict=True)}
    path = TAGS / str(group.settings["dataset"]) / str(group.settings["network"]) / f"{folder_name(group.name)}.yaml"
    if path.exists():
        try:
            tags = read_tags(path, group.settings, group.n_clusters)
            found[HAND] = {photo.id: tags for photo in photos}
        except OtherSettingsError as error:
            print(f"{error}; not used", file=sys.stderr)
    return found


def few_labels(
    group: Group,
    counts: NDArray[np.int64],
    masses: NDArray[np.float64],
    shares: pd.DataFrame,
    settings: Semantics,
    seed: int,
) -> list[Row]:
    """What tags learnt on n labelled photos are worth on the others: IoU, and tau of the ranking of methods.

    Parameters: `masses` (N, M, K), positive mass of each method's map in each cluster; `shares`, mass share against
    the truth, photos by methods. Rows hold the mean over the draws and their 5 and 95 % quantiles.
    """
    n_photos = counts.shape[1]
    ns = [n for n in settings.labelled if n < n_photos]
    ious = few_label_curve(counts, ns, settings.draws, seed)
    truth = shares.to_numpy(float)
    rows: list[Row] = []
    for n, iou in zip(ns, ious, strict=True):
        labelled = draw_labelled(n_photos, n, settings.draws, seed)
        tags = learn_tags(counts, labelled).astype(float)
        total = np.maximum(masses.sum(axis=2), 1e-300)
        taus = [
            float(
                kendall_tau((mass_inside(masses, of_draw) / total)[~chosen].mean(axis=0), truth[~chosen].mean(axis=0))
            )
            for of_draw, chosen in zip(tags, labelled, strict=True)
            if of_draw.any()
        ]
        for measure, values in (("IoU", np.asarray(iou)), ("tau", np.asarray(taus))):
            kept = values[~np.isnan(values)]
            low, high = np.quantile(kept, [0.05, 0.95]) if len(kept) else (np.nan, np.nan)
            mean = float(kept.mean()) if len(kept) else np.nan
            named: Row = {
                "group": group.name,
                "photos": n_photos,
                "labelled": n,
                "measure": measure,
                "draws": len(kept),
            }
            rows.append(named | {"mean": mean, "low": float(low), "high": float(high)})
    return rows


def mass_inside(masses: NDArray[np.float64], tags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mass of each method's map (N, M, K) in the tagged of K clusters, (N, M)."""
    return np.asarray(np.einsum("nmk,dk->dnm", masses, tags[None])[0])


def rank_agreement(table: pd.DataFrame, level: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """Kendall's tau between the ranking of methods against tagged clusters and that against the truth.

    Raw maps of the methods that are no controls, photos of all groups together.
    """
    rows: list[Row] = []
    real = table[(table["regions"] == "raw") & ~table["method"].isin(CONTROLS)]
    # the order of photos is that of the rows, where that of categories would be their own
    real = real.astype(dict.fromkeys(["group", "id", "against", "method"], str))
    for measure in SCORES:
        known = real.dropna(subset=measure)
        wide = known.pivot_table(index=["group", "id"], columns=["against", "method"], values=measure, sort=False)
        for against in (source for source in (AUTOMATIC, HAND) if {source, TRUTH} <= set(known["against"])):
            pair = wide[[against, TRUTH]].dropna()
            if pair.empty:
                continue
            a, b = pair[against], pair[TRUTH][pair[against].columns]
            found = ranking_agreement(a.to_numpy(), b.to_numpy(), level, n_resamples, seed)
            row: Row = {"against": against, "measure": measure, "tau": found.value, "low": found.low}
            rows.append(row | {"high": found.high, "n": found.n, "methods": a.shape[1]})
    return pd.DataFrame(rows, columns=["against", "measure", "tau", "low", "high", "n", "methods"])


def evaluate(
    group: Group,
    photos: Sequence[Record],
    tags: dict[str, dict[str, Tags]],
    saliency: Path,
    superpixels: Path,
    settings: Semantics,
    scratch: Path,
) -> Shards:
    """What `compute` says of all photos of a group; a run that was killed goes on from the last photo of the last."""
    depends: list[Any] = [settings.model_dump(), plain(tags), [photo.fingerprint for photo in photos]]
    depends += [group.stored.fingerprint, Shards(saliency).fingerprint, Shards(superpixels).fingerprint]
    depends.append(group.settings)
    work = engine.workplace(scratch, *depends)
    done = work / "done"
    if not (done / INDEX).exists():
        engine.run(
            partial(compute, group=group, tags=tags, saliency=saliency, superpixels=superpixels, settings=settings),
            photos,
            done,
            key=depends,
            scratch=work / "photos",
            workers=0,
            description=f"semantics {group.settings['dataset']} {group.settings['network']} {group.name}",
        )
    return Shards(done)


def plain(tags: dict[str, dict[str, Tags]]) -> dict[str, dict[str, list[bool]]]:
    """Tags for a JSON file."""
    return {source: {photo: found.tolist() for photo, found in of.items()} for source, of in tags.items()}


def main(parameters: Parameters, dataset: str, classifier: str) -> None:
    saliency, superpixels = (Path("data", stage, dataset, classifier) for stage in ("saliency", "superpixels"))
    target, scratch = Path("data/semantics", dataset, classifier), SCRATCH / "semantics" / dataset / classifier
    settings, seed = parameters.semantics, parameters.seed
    records = {record.id: record for record in read_records(Path("data/raw", dataset))}
    methods = available(Shards(saliency), settings.methods)
    tables: list[Path] = []
    labels: list[Row] = []
    used: dict[str, Any] = {}
    for name in group_names(Path(), dataset, classifier):
        group = read_group(Path(), dataset, classifier, name)
        photos = [records[i] for i in group.ids]
        first = Shards(superpixels).read(group.ids[:1], settings.regions[:1])
        counts = counts_of(group, photos, next(iter(first.values())).shape[1:3])
        tags = tags_of(group, photos, counts, settings.learnt_from, seed)
        if not tags:
            quoted = shlex.quote(name)
            print(f"{dataset} {name}: has no masks, boxes or tags; tag it (make tag CLASS={quoted})", file=sys.stderr)
            continue
        stored = evaluate(group, photos, tags, saliency, superpixels, settings, scratch)
        used[name] = plain(tags)
        tables.append(stored.folder / TABLE)
        if counts is not None:
            table = stored.table(["id", "method", "regions", "against", "mass_share"])
            truth = table[(table["against"] == TRUTH) & (table["regions"] == "raw")]
            real = [method for method in methods if method not in CONTROLS]
            shares = truth.pivot(index="id", columns="method", values="mass_share").loc[group.ids, real]
            masses = stored.read(group.ids, [MASS])[MASS][:, np.isin(methods, real)]
            labels += few_labels(group, counts, masses, shares, settings, seed)
    carried: dict[str, Any] = {"dataset": dataset, "network": classifier, "seed": seed}
    level, n_resamples = parameters.statistics.level, parameters.statistics.resamples
    if tables:
        join_tables(tables, target / TABLE, carried)
    else:
        write_table(pd.DataFrame(columns=[*COLUMNS, *carried]), target / TABLE)
    measures = [*SCORES, *GAINS]
    table = read_columns(target / TABLE, ["id", "group", "truth", *SETTING, *measures])
    found = summarize(table, SETTING, measures, level=level, n_resamples=n_resamples, seed=seed)
    found = found.reindex(columns=[*SETTING, "measure", *Estimate._fields])
    write_table(found.assign(truth=",".join(sorted(set(table["truth"]))), **carried), target / SUMMARY)
    write_table(rank_agreement(table, level, n_resamples, seed).assign(**carried), target / AGREEMENT)
    write_json(target / USED, used)
    write_table(pd.DataFrame(labels, columns=FEW).assign(**carried), target / LABELS)
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
