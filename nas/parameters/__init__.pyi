from .environment import settle
from .interrupts import end_interrupted
from .reading import check_names, load, validate
from .relations import resolve
from .running import run_program
from .section import Section, knob
from .writing import dump, tidy

__all__ = [
    "Section",
    "check_names",
    "dump",
    "end_interrupted",
    "knob",
    "load",
    "resolve",
    "run_program",
    "settle",
    "tidy",
    "validate",
]
