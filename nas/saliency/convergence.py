"""How far saliency maps have converged at their counts of steps, samples or masks.

A method that samples or sums is run with fewer and with more, and each map is compared with one of many more, drawn
with another seed: pixel by pixel, and by the AUROC that both have against the mask.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import torch

from nas.data import Record
from nas.saliency.contrast import auroc_against_mask
from nas.saliency.photo_maps import Explaining, ToExplain
from nas.statistics import spearman
from nas.store import Row, Shard


def counted(methods: Mapping[str, ToExplain]) -> dict[str, ToExplain]:
    """The methods that sample or sum and whose count is set."""
    return {name: method for name, method in methods.items() if method.method.count in method.parameters}


def compare_counts(
    records: Sequence[Record],
    pieces: Mapping[str, ToExplain],
    factors: Sequence[float],
    reference: float,
    settings: Explaining,
) -> dict[str, Shard]:
    """Rank correlation of the maps of a few photos at each count with those at the reference's, and AUROC of both.

    Parameters: `pieces`, methods by name that have a count among their parameters; `factors` and `reference`, times
    the count.
    """
    classifier = settings.classifier.load()
    rows: dict[str, list[Row]] = {method: [] for method in pieces}
    for record in records:
        seen = settings.seen.read([record.id], ["view", "logits"])
        x, target = classifier.normalize(seen["view"]), torch.from_numpy(seen["logits"]).argmax(dim=1)
        truth = record.truth((x.shape[2], x.shape[3]))
        for method, made in pieces.items():
            parameter, regions = made.method.count, made.region_maps([record.id])
            least = 1 if regions is None else 2 * int(regions.max())
            count_of = {
                factor: max(least, round(factor * made.parameters[parameter])) for factor in (*factors, reference)
            }
            draw = partial(made.explain, classifier, x, target, regions, settings.batch)
            other = {} if made.seed is None else {"seed": made.seed + 1}
            best = draw(**other, **{parameter: count_of[reference]})[0].cpu().numpy()
            of_best = auroc_against_mask(best, truth)
            for factor in factors:
                found = draw(**{parameter: count_of[factor]})[0].cpu().numpy()
                row: Row = {"id": record.id, "method": method, "parameter": parameter, "factor": factor}
                row |= {"count": count_of[factor], "reference_count": count_of[reference]}
                row |= {"spearman": float(spearman(found.ravel(), best.ravel()))}
                rows[method].append(row | {"auroc": auroc_against_mask(found, truth), "reference_auroc": of_best})
    ids = [record.id for record in records]
    return {method: Shard(ids, rows=rows[method]) for method in pieces}
