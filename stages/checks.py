"""What the type of a value cannot say: names of data sets, networks and methods, and what belongs to which."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from nas.claims import SMALLEST, smallest_p_value
from nas.data import BASE, DATASETS, Rules, mirrored, split_of
from nas.parameters import ParametersError, neighbour, resolve, valid_part, validate, with_values
from nas.saliency import METHODS, check_parameters
from stages import shipped

if TYPE_CHECKING:
    from stages.params import Parameters

MOST = 10**7  # of a number of steps, samples or masks
DEPTHS = range(5)  # that networks have of themselves, see `nas.networks`


def checked(
    model: type["Parameters"], content: Mapping[str, Any], where: str, *, architectures: bool = True
) -> "Parameters":
    """The content of params.yaml as typed values; `where` it is from begins the lines of an error.

    Parameters: `architectures`, whether the names of networks are looked up, for which torch is imported.

    Raises
    ------
    ParametersError : a line for each mistake, in the order of the sections
    """
    lines = [f"{where}: {line}" for line in mistakes(valid_part(model, content), architectures=architectures)]
    try:
        parameters = validate(model, content, where)
        if set(parameters.saliency.methods) <= set(METHODS):  # else all that names them would be wrong too
            parameters = resolve(parameters, where)
    except ParametersError as error:
        lines += error.lines
    if lines:
        raise ParametersError(sorted(lines, key=lambda line: _section(model, line.removeprefix(f"{where}: "))))
    return parameters


def _section(model: type["Parameters"], line: str) -> int:
    """The number of the section whose key begins a line; of none the last."""
    sections = list(model.model_fields)
    section = re.split(r"[. :]", line, maxsplit=1)[0]
    return sections.index(section) if section in sections else len(sections)


def mistakes(parameters: "Parameters", *, architectures: bool = True) -> Iterator[str]:
    """What is wrong with the sections that are there, a line each.

    Parameters: `architectures`, whether the names of networks are looked up, for which torch is imported.
    """
    for check, sections in CHECKS.items():
        needed = sections or type(parameters).model_fields
        if all(hasattr(parameters, section) for section in needed) and (architectures or check != of_architectures):
            yield from check(parameters)


def of_datasets(parameters: "Parameters") -> Iterator[str]:
    """Names of data sets that there are not."""
    yield from _unknown("datasets", parameters.datasets, DATASETS)


def of_papers_datasets(parameters: "Parameters") -> Iterator[str]:
    """The same of those for `make paper`."""
    yield from _unknown("paper.datasets", parameters.paper.datasets, DATASETS)


def of_download(parameters: "Parameters") -> Iterator[str]:
    """Settings that data sets do not have."""
    given = parameters.download
    abouts = {name: each.about for name, each in DATASETS.items()}
    yield from _unknown("download.root", given.root, [name for name, about in abouts.items() if not about.packaged])
    fetched = {name: about.archives for name, about in abouts.items() if about.archives}
    yield from _unknown("download.mirror", given.mirror, [BASE, *fetched])
    any_archive = next(iter(fetched.values()))
    for name, address in given.mirror.items():
        yield from _said(mirrored, fetched.get(name, any_archive)[0], address)
    with_splits = [name for name, about in abouts.items() if about.splits]
    yield from _unknown("download.split", given.split, with_splits)
    for name in set(given.split) & set(with_splits):
        yield from _said(split_of, name, given.split[name])
    yield from (f"download.{line}" for line in _said(Rules.of, {"agreement": given.agreement.model_dump()}))


def of_networks(parameters: "Parameters") -> Iterator[str]:
    """Settings of networks that take part in nothing."""
    used = dict.fromkeys([*parameters.classifiers, *parameters.paper.classifiers])
    yield from _unknown("weights.files", parameters.weights.files, used, "; or add it to classifiers")
    yield from _unknown("activations.depths", parameters.activations.depths, used, "; or add it to classifiers")


def of_architectures(parameters: "Parameters") -> Iterator[str]:
    """Names of networks that no library has; these libraries are imported in seconds, and not for shipped names."""
    for key, names in (("classifiers", parameters.classifiers), ("paper.classifiers", parameters.paper.classifiers)):
        for name in names:
            if name not in shipped.CLASSIFIERS:
                from nas.networks import find_network

                yield from (f"{key}: {line}" for line in _said(find_network, name))


def of_methods(parameters: "Parameters") -> Iterator[str]:
    """Names of saliency methods that there are not, and parameters that they do not have or take."""
    yield from _unknown("saliency.methods", parameters.saliency.methods, METHODS)
    for name, given in parameters.saliency.parameters.items():
        key = f"saliency.parameters.{name}"
        if "seed" in given:
            yield f"{key}.seed is {given['seed']!r}: seed is for all; remove it"
        if name in METHODS:
            own = {parameter: value for parameter, value in given.items() if parameter != "seed"}
            for parameter, value in own.items():
                said = [f"{key}: {line}" for line in _said(check_parameters, {name: {parameter: value}})]
                yield from said
                numbers = value if isinstance(value, list) else [value]
                if not said and any(isinstance(number, int | float) and abs(number) > MOST for number in numbers):
                    yield f"{key}.{parameter} is {value!r}: allowed is {MOST} at most"


def of_depths(parameters: "Parameters") -> Iterator[str]:
    """Depths that a network does not have."""
    named, superpixels = parameters.activations.depths, parameters.superpixels
    wanted = {"superpixels.depths": superpixels.depths, "ablation.depths": [*chain(*parameters.ablation.depths)]}
    if superpixels.tuned is not None:
        wanted["superpixels.tuned.depths"] = superpixels.tuned.depths
    for key, depths in wanted.items():
        for network in dict.fromkeys(parameters.classifiers):
            there = sorted(named.get(network, DEPTHS))
            if lacking := sorted({*depths} - {*there}):
                yield (
                    f"{key} has {_listed(lacking)}: {network} has {_listed(there)}; correct it, or name a layer for it "
                    f"in activations.depths.{network}"
                )


def of_figures(parameters: "Parameters") -> Iterator[str]:
    """A cluster to be shown that there is not."""
    cluster, clusters = parameters.classes.figure.cluster, parameters.classes.clusters
    if cluster is not None and cluster >= clusters:
        yield f"classes.figure.cluster is {cluster}: allowed are 0 to {clusters - 1}, below classes.clusters, and null"


def of_claims(parameters: "Parameters") -> Iterator[str]:
    """A level that no test could reach."""
    given, smallest = parameters.claims, smallest_p_value(parameters.claims.regions)
    if smallest > SMALLEST * given.alpha:
        yield (
            f"claims.alpha is {given.alpha!r}: allowed is {smallest / SMALLEST:.2g} or more, since the least number of "
            f"photos gives no corrected p-value below {smallest:.2g}"
        )


def of_paper(parameters: "Parameters") -> Iterator[str]:
    """Keys that `make paper` is to set and that there are not, and values and names that they cannot have."""
    settings = parameters.paper.settings
    try:
        changed = validate(
            type(parameters), with_values(parameters.model_dump(), settings, "paper.settings"), "paper.settings"
        )
    except ValueError as error:
        yield from str(error).splitlines()
    else:
        for check in (of_datasets, of_download, of_networks, of_methods):
            known = set(check(parameters))
            yield from (f"paper.settings: {line}" for line in check(changed) if line not in known)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _unknown(key: str, names: Iterable[str], known: Iterable[str], instead: str = "") -> Iterator[str]:
    allowed = list(known)
    for name in names:
        if name not in allowed:
            yield f"{key} has {name!r}: allowed are {', '.join(allowed)}{instead}{neighbour(name, allowed)}"


def _said(check: Callable[..., object], *given: object) -> Iterator[str]:
    """What a check raises of what it is given."""
    try:
        check(*given)
    except ValueError as error:
        yield str(error)


# each with the sections that it reads
CHECKS: dict[Callable[["Parameters"], Iterator[str]], Iterable[str]] = {
    of_datasets: ("datasets",),
    of_papers_datasets: ("paper",),
    of_download: ("download",),
    of_architectures: ("classifiers", "paper"),
    of_networks: ("classifiers", "weights", "activations", "paper"),
    of_methods: ("saliency",),
    of_depths: ("classifiers", "activations", "superpixels", "ablation"),
    of_figures: ("classes",),
    of_claims: ("claims",),
    of_paper: (),  # all
}
