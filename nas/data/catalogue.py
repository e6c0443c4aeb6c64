"""The data sets by name: every module of `nas.data.datasets` is one."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from nas.data import datasets
from nas.data.about import About
from nas.data.native import Listed, Place


@dataclass(frozen=True)
class DataSet:
    """A data set, as its module describes it.

    Attributes
    ----------
    name : that of its module
    about : what is known of it before it is there, `ABOUT` of the module
    photos : the place of its native files and a split to the photos that it lists, `photos` of the module
    """

    name: str
    about: About
    photos: Callable[[Place, str], list[Listed]]


def find_datasets() -> dict[str, DataSet]:
    """The data sets by name, in alphabetical order."""
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(datasets.__path__)):
        module = import_module(f"{datasets.__name__}.{name}")
        found[name] = DataSet(name, module.ABOUT, module.photos)
    return found


DATASETS = find_datasets()
