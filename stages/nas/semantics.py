"""Semi-supervised semantic evaluation: saliency maps scored against clusters that a person tagged once.

The clusters of a class (one k-means over all its images) are tagged object or background, by a person or from
a few masks, and stand in for masks on every image of the class (arXiv 2406.04933). *Tags* are a bool array
(K,), True for object. A *mask* holds 0 for background, 1 to 254 for objects and 255 for pixels to ignore.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

IGNORED = 255
AUTOMATIC, HAND, TRUTH = "automatic tags", "hand tags", "truth"  # what a score is against
WORDS = {"object": True, "background": False}
REQUIRED = ("dataset", "network", "class", "depths", "k", "seed")
OPTIONAL = ("grid", "weighting", "fingerprint")

Tags = NDArray[np.bool_]


class OtherSettingsError(ValueError):
    """Tags of clusters that were made with other settings."""


def tags_from_masks(labels: ArrayLike, truth: ArrayLike, n_clusters: int) -> Tags:
    """Tag as object the clusters that have most of their pixels on objects.

    Parameters: `labels` (n, H, W), clusters 0 to n_clusters - 1; `truth` (n, H, W), masks of the same images.

    Returns: bool (n_clusters,). Background are clusters with as many pixels on objects as off, and those that
    do not occur on these images outside the ignored pixels.

    >>> tags_from_masks([[[0, 0, 1, 1]]], [[[1, 255, 1, 0]]], n_clusters=3)
    array([ True, False, False])
    """
    counts = cluster_counts(labels, truth, n_clusters)
    return learn_tags(counts, np.ones(counts.shape[1], dtype=bool))


def cluster_counts(labels: ArrayLike, truth: ArrayLike, n_clusters: int) -> NDArray[np.int64]:
    """Pixels of each image and cluster on and off objects, the ignored ones left out: int64 (2, n, K).

    Parameters as in `tags_from_masks`.
    """
    labels, truth = _labels(labels, n_clusters), np.asarray(truth)
    if labels.ndim != 3 or labels.shape != truth.shape or truth.dtype.kind not in "iub":
        raise ValueError(
            f"labels has shape {labels.shape}, truth {truth.shape} and {truth.dtype}: give integers (n, H, W)"
        )
    n = len(labels)
    cells = labels.astype(np.int64) + n_clusters * np.arange(n)[:, None, None]
    size = n * n_clusters
    kinds = [(truth != 0) & (truth != IGNORED), truth == 0]
    return np.stack([np.bincount(cells[kind], minlength=size).reshape(n, n_clusters) for kind in kinds])


def object_regions(labels: ArrayLike, tags: ArrayLike) -> NDArray[np.bool_]:
    """Pixels of the clusters tagged as object: labels (..., H, W) and bool tags (K,) to bool (..., H, W)."""
    tags = np.asarray(tags)
    if tags.dtype != bool or tags.ndim != 1:
        raise ValueError(f"tags is {tags.dtype} of shape {tags.shape}: give a bool for each cluster, (K,)")
    return np.asarray(tags[_labels(labels, len(tags))])


def few_label_curve(
    counts: NDArray[np.int64], ns: Sequence[int], n_draws: int = 100, seed: int = 0
) -> NDArray[np.float64]:
    """How well tags learnt on n labelled images find the objects of the others.

    Parameters
    ----------
    counts : (2, N, K), `cluster_counts` of N images
    ns : numbers of labelled images, each from 1 to N - 1
    n_draws, seed : see `draw_labelled`

    Returns
    -------
    float64 (len(ns), n_draws): IoU of the object regions with the mask, mean over the held-out images. An
    image with neither has no IoU and is left out; NaN where all are.
    """
    on, off = counts
    curve = np.empty((len(ns), n_draws))
    for row, n in enumerate(ns):
        labelled = draw_labelled(len(on), n, n_draws, seed)
        tags = learn_tags(counts, labelled)
        intersection, union = tags @ on.T, on.sum(axis=1) + tags @ off.T
        held_out = ~labelled & (union > 0)
        ious = np.where(held_out, intersection / np.maximum(union, 1), 0)
        found = held_out.sum(axis=1)
        curve[row] = np.where(found > 0, ious.sum(axis=1) / np.maximum(found, 1), np.nan)
    return curve


def draw_labelled(n_images: int, n: int, n_draws: int, seed: int = 0) -> NDArray[np.bool_]:
    """Random choices of n labelled images: bool (n_draws, n_images).

    Draw d is one shuffle of the images whose first n are labelled, so that more labels add to fewer.
    """
    if n_draws < 1 or not 1 <= n < n_images:
        raise ValueError(
            f"n is {n} and n_draws {n_draws}: give 1 to {n_images - 1} of the {n_images} images, the others are "
            "held out, and at least 1 draw"
        )
    generator = np.random.default_rng(seed)
    return np.stack([generator.permutation(n_images) for _ in range(n_draws)]) < n


def labelled_others(n_images: int, n: int, seed: int = 0) -> NDArray[np.int64]:
    """For each image the n others that are labelled to tag the clusters it is scored by: (n_images, n) indices.

    They are the first of one shuffle of all images, so that n + 1 labels serve every image, and where there are no
    more than n others, all of them.
    """
    order = np.random.default_rng(seed).permutation(n_images)
    return np.stack([order[: n + 1][order[: n + 1] != image][:n] for image in range(n_images)])


def learn_tags(counts: NDArray[np.int64], labelled: NDArray[np.bool_]) -> Tags:
    """Tags from some labelled images, by the rule of `tags_from_masks`.

    Parameters: `counts` (2, N, K), see `cluster_counts`; `labelled` (..., N). Returns bool (..., K).
    """
    on, off = counts
    chosen = labelled.astype(np.int64)
    return np.asarray(chosen @ on > chosen @ off)


def mass_share(saliency: NDArray[Any], objects: NDArray[np.bool_]) -> float:
    """Share of the positive saliency that lies on objects, in [0, 1]; any shape, the same for both.

    A map without positive values has the share of the area, like a constant one. NaN without object pixels.
    """
    saliency, objects = _checked(saliency, objects)
    positive = np.maximum(saliency, 0)
    if not objects.any():
        return np.nan
    if not positive.any():
        return float(objects.mean())
    return float(positive[objects].sum() / positive.sum())


def average_precision(saliency: NDArray[Any], objects: NDArray[np.bool_]) -> float:
    """Pixel average precision, in [0, 1]: sum of precision x delta recall over distinct saliency values.

    NaN without object pixels.
    """
    saliency, objects = _checked(saliency, objects)
    if not objects.any():
        return np.nan
    hits, kept = _thresholds(saliency, objects)
    return float((hits / kept * np.diff(hits, prepend=0)).sum() / hits[-1])


def pointing_game(saliency: NDArray[Any], objects: NDArray[np.bool_]) -> float:
    """Whether the maximum lies on an object (after Zhang et al. 2016, without their tolerance of 15 pixels).

    0 or 1, and of tied maxima the share on objects: the expected hit of one drawn at random. NaN without
    object pixels.
    """
    saliency, objects = _checked(saliency, objects)
    return float(objects[saliency == saliency.max()].mean()) if objects.any() else np.nan


def auroc(saliency: NDArray[Any], objects: NDArray[np.bool_]) -> float:
    """Probability that an object pixel is more salient than a background pixel, ties counted half.

    NaN without object pixels or without background pixels.
    """
    saliency, objects = _checked(saliency, objects)
    if objects.all() or not objects.any():
        return np.nan
    hits, kept = _thresholds(saliency, objects)
    false_alarms = kept - hits
    area = np.trapezoid(np.append(0, hits), np.append(0, false_alarms))
    return float(area / (hits[-1] * false_alarms[-1]))


SCORES: dict[str, Callable[[NDArray[Any], NDArray[np.bool_]], float]] = {
    "mass_share": mass_share,
    "average_precision": average_precision,
    "pointing_game": pointing_game,
    "auroc": auroc,
}


def score(
    saliency: ArrayLike, clusters: ArrayLike, object_clusters: ArrayLike, ignored: ArrayLike | None = None
) -> dict[str, float]:
    """Every score of a saliency map against the clusters tagged as object.

    Parameters: `saliency`, finite, (H, W); `clusters`, (H, W), the labels of a class-level clustering;
    `object_clusters`, their tags, bool (K,); `ignored`, bool (H, W), pixels to leave out.

    Returns: name of each of `SCORES` to its value, NaN where it is undefined.
    """
    objects = object_regions(clusters, object_clusters)
    return _scores(saliency, objects, np.zeros(objects.shape, dtype=bool) if ignored is None else ignored)


def score_against_mask(saliency: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """Every score of a saliency map (H, W) against a mask (H, W), for which the clusters stand in."""
    truth = np.asarray(truth)
    return _scores(saliency, truth != 0, truth == IGNORED)


def write_tag_template(path: str | Path, settings: Mapping[str, Any], n_clusters: int) -> None:
    """Write a YAML file in which a person tags each cluster.

    Parameters: `path`, a file that does not exist; `settings`, what the clusters were made with: dataset,
    network, class, depths, k and seed, and if wanted grid, weighting and fingerprint; `n_clusters`, one tag each.
    """
    content = {"settings": _settings(settings, "settings"), "tags": dict.fromkeys(range(n_clusters))}
    text = "# Replace each null by object or background.\n" + yaml.safe_dump(content, sort_keys=False)
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ValueError(f"{path} exists: tags in it would be lost; remove it, or give another path") from error


def check_settings(path: str | Path, settings: Mapping[str, Any]) -> None:
    """Raise an OtherSettingsError unless the tags of a file, written or not, are for clusters made with these settings.

    Raises
    ------
    ValueError : no such file, no YAML, or not what `write_tag_template` wrote
    """
    wanted, found = _settings(settings, "settings"), _settings(_content(path)["settings"], str(path))
    for key in (*REQUIRED, *OPTIONAL):
        if (key in found) != (key in wanted) or found.get(key) != wanted.get(key):
            meant = " (other photos, weights or precision, or another interpolation)" if key == "fingerprint" else ""
            raise OtherSettingsError(
                f"{path} tags other clusters: {key} is {found.get(key, 'absent')!r} there, expected is "
                f"{wanted.get(key, 'absent')!r}{meant}; rename or remove it, and tag these clusters (make tag)"
            )


def read_tags(path: str | Path, settings: Mapping[str, Any], n_clusters: int) -> Tags:
    """Read the tags of a file: bool (n_clusters,), True for object.

    Raises
    ------
    ValueError : no such file or no YAML; clusters made with other settings; a cluster that does not exist, is
        missing, or is tagged twice; a word other than object and background
    """
    check_settings(path, settings)
    tags = _content(path)["tags"]
    twice = _repeated(Path(path).read_text(encoding="utf-8"))
    if twice:
        raise ValueError(f"{path} has {twice!r} twice: keep one")
    allowed = f"there are {n_clusters} clusters, 0 to {n_clusters - 1}"
    for cluster, word in tags.items():
        if type(cluster) is not int or not 0 <= cluster < n_clusters:
            raise ValueError(f"{path} tags cluster {cluster!r}: {allowed}; correct or remove it")
        if not isinstance(word, str) or word not in WORDS:
            raise ValueError(f"{path} tags cluster {cluster} as {word!r}: allowed are {' and '.join(WORDS)}")
    missing = sorted(set(range(n_clusters)) - set(tags))
    if missing:
        raise ValueError(f"{path} lacks cluster {missing[0]}: {allowed}; tag it object or background")
    return np.array([WORDS[tags[cluster]] for cluster in range(n_clusters)], dtype=bool)


def _thresholds(
    saliency: NDArray[np.float64], objects: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Object pixels, and all pixels, at or above each distinct saliency, highest first."""
    order = np.argsort(-saliency)
    last = np.flatnonzero(np.diff(saliency[order], append=np.nan))
    return np.cumsum(objects[order], dtype=np.int64)[last], np.asarray(last + 1, dtype=np.int64)


def _scores(saliency: ArrayLike, objects: NDArray[np.bool_], ignored: ArrayLike) -> dict[str, float]:
    saliency, kept = np.asarray(saliency), ~np.asarray(ignored, dtype=bool)
    if saliency.ndim != 2 or not saliency.shape == objects.shape == kept.shape:
        raise ValueError(
            f"saliency has shape {saliency.shape}, the labels {objects.shape} and ignored {kept.shape}: give "
            "each as (H, W)"
        )
    return {name: function(saliency[kept], objects[kept]) for name, function in SCORES.items()}


def _content(path: str | Path) -> dict[str, dict[Any, Any]]:
    """The mappings `settings` and `tags` of a file of tags."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or set(content) != {"settings", "tags"} or not content["settings"]:
        content = {}
    if not content or not all(isinstance(part, dict) for part in content.values()):
        raise ValueError(f"{path} must hold the two mappings settings and tags: begin with write_tag_template")
    return content


def _settings(settings: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Settings as YAML knows them (lists, numbers, strings), in the order of the list of allowed keys."""
    allowed = (*REQUIRED, *OPTIONAL)
    for key in settings:
        if key not in allowed:
            raise ValueError(f"{where} has the unknown key {key!r}: allowed are {', '.join(allowed)}")
    for key in REQUIRED:
        if key not in settings:
            raise ValueError(f"{where} lacks the key {key!r}: give {', '.join(REQUIRED)}")
    return {key: _plain(settings[key]) for key in allowed if key in settings}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _repeated(text: str) -> str | None:
    """A key that settings or tags give twice, of which YAML silently keeps the last."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    sections = [value for _, value in root.value] if isinstance(root, yaml.MappingNode) else []
    for node in (root, *sections):
        keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        for key in keys:
            if keys.count(key) > 1:
                return str(key)
    return None


def _labels(labels: ArrayLike, n_clusters: int) -> NDArray[Any]:
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or (labels.size and not 0 <= labels.min() <= labels.max() < n_clusters):
        found = f"{labels.dtype}" + (f" from {labels.min()} to {labels.max()}" if labels.size else "")
        raise ValueError(f"labels is {found}: give integers from 0 to {n_clusters - 1}, a cluster each")
    return labels


def _checked(saliency: NDArray[Any], objects: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    saliency, objects = np.asarray(saliency, dtype=np.float64).ravel(), np.asarray(objects)
    if saliency.size != objects.size or objects.dtype != bool or not np.isfinite(saliency).all():
        raise ValueError(
            f"saliency has {saliency.size} values, objects {objects.size} of {objects.dtype}: give finite "
            "values and as many bools"
        )
    return saliency, objects.ravel()
