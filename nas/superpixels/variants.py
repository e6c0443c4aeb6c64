"""NAS in several variants, and its rivals beside each: their names and settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas import superpixels
from nas.store import Row, read_json, write_json

if TYPE_CHECKING:
    from nas.superpixels.estimator import NeuroActivatedSuperpixels

# label maps of each variant. SLIC and Felzenszwalb have as many regions as NAS has components, or, where they are few,
# as NAS has clusters in the photo; deep feature factorization has as many factors as NAS has clusters; those moved are
# NAS's own, of the same sizes, at another place: the control
SEGMENTATIONS = (
    *("nas_clusters", "nas_components", "slic", "felzenszwalb", "slic_few", "felzenszwalb_few"),
    *("dff", "moved_clusters", "moved_components"),
)
VARIANTS = "variants.json"


@dataclass(frozen=True)
class Variant:
    """Settings of NAS that go by a name.

    Attributes
    ----------
    clusters, depths, weighting, size : as `NeuroActivatedSuperpixels` has them; a weighting of "none" is None there
    """

    clusters: int | str
    depths: tuple[int, ...]
    weighting: str
    size: str | int

    def estimator(self, interpolation: str, seed: int) -> "NeuroActivatedSuperpixels":
        """NAS with these settings."""
        return superpixels.NeuroActivatedSuperpixels(
            self.clusters,
            depths=self.depths,
            weighting=None if self.weighting == "none" else self.weighting,
            size=self.size,
            interpolation=interpolation,
            random_state=seed,
        )

    def columns(self) -> Row:
        """The depths, the number of clusters and the weighting as columns of a table."""
        return {
            "depths": "-".join(map(str, sorted(self.depths))),
            "clusters": str(self.clusters),
            "weighting": self.weighting,
        }


@dataclass(frozen=True)
class Segmenting:
    """What all variants share.

    Attributes
    ----------
    interpolation, seed : of NAS
    tolerance : pixels, of boundaries
    edge_quantile : of the gradients, from which on they are edges
    slic, felzenszwalb : parameters of the rivals by name
    """

    interpolation: str
    seed: int
    tolerance: int
    edge_quantile: float
    slic: Mapping[str, Any] = field(default_factory=dict)
    felzenszwalb: Mapping[str, Any] = field(default_factory=dict)


def write_variants(folder: Path, variants: Mapping[str, Variant]) -> None:
    """Note the settings beside the label maps that are called after them."""
    write_json(folder / VARIANTS, {name: asdict(variant) for name, variant in variants.items()})


def read_variants(folder: Path) -> dict[str, Variant]:
    """What `write_variants` noted. Raises ValueError where nothing was."""
    path = folder / VARIANTS
    if not path.is_file():
        raise ValueError(f"{folder}: holds no {VARIANTS}; run the stage that writes it (dvc repro)")
    content = read_json(path)
    return {name: Variant(**(made | {"depths": tuple(made["depths"])})) for name, made in content.items()}
