from .environment import of_own_making, settle, unlock
from .interrupts import end_interrupted
from .reading import ParametersError, check_names, load, neighbour, valid_part, validate, with_values
from .relations import resolve
from .running import run_program
from .section import Section, knob
from .writing import dump, tidy

__all__ = [
    "ParametersError",
    "Section",
    "check_names",
    "dump",
    "end_interrupted",
    "knob",
    "load",
    "neighbour",
    "of_own_making",
    "resolve",
    "run_program",
    "settle",
    "tidy",
    "unlock",
    "valid_part",
    "validate",
    "with_values",
]
