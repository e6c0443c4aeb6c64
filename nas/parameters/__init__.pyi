from .environment import settle
from .reading import check_names, load, validate
from .relations import resolve
from .running import run_program
from .section import Section, knob
from .writing import dump, tidy

__all__ = [
    "Section",
    "check_names",
    "dump",
    "knob",
    "load",
    "resolve",
    "run_program",
    "settle",
    "tidy",
    "validate",
]
