"""What NAS are made of: a variant, and the maps at its depths that the stage activations stored."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from nas.networks import StoredMaps
from nas.superpixels.variants import Variant

VariantOf = tuple[Variant, StoredMaps]


def variants_with_maps(variants: Mapping[str, Variant], activations: Path) -> dict[str, VariantOf]:
    """Each variant with the maps that it is made of; `activations`, the folder of that stage."""
    return {name: (each, StoredMaps(activations, tuple(sorted(each.depths)))) for name, each in variants.items()}


def maps_of(pieces: Mapping[str, VariantOf], ids: Sequence[str]) -> dict[int, Tensor]:
    """The maps of some photos at all depths that these variants need, each read once."""
    sources = [maps for _, maps in pieces.values()]
    return StoredMaps(sources[0].folder, tuple(sorted({each for maps in sources for each in maps.depths}))).read(ids)
