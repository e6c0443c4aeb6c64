"""Files in which a person tags the clusters of a class as object or background."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nas.semantics.tags import Tags
from nas.store import Dumper, read_yaml

WORDS = {"object": True, "background": False}
REQUIRED = ("dataset", "network", "class", "depths", "k", "seed")
OPTIONAL = ("grid", "weighting", "fingerprint")


class OtherSettingsError(ValueError):
    """Tags of clusters that were made with other settings."""


def write_tag_template(path: str | Path, settings: Mapping[str, Any], n_clusters: int) -> None:
    """Write a YAML file in which a person tags each cluster.

    Parameters: `path`, a file that does not exist; `settings`, what the clusters were made with: dataset,
    network, class, depths, k and seed, and if wanted grid, weighting and fingerprint; `n_clusters`, one tag each.
    """
    content = {"settings": _settings(settings, "settings"), "tags": dict.fromkeys(range(n_clusters))}
    text = "# Replace each null by object or background.\n" + yaml.dump(content, Dumper=Dumper, sort_keys=False)
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


def _content(path: str | Path) -> dict[str, dict[Any, Any]]:
    """The mappings `settings` and `tags` of a file of tags."""
    content = read_yaml(Path(path))
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
