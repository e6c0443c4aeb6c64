from .claims import SMALLEST, claims_of, smallest_p_value
from .ledger import make_ledger
from .measuring import Measuring

__all__ = [
    "SMALLEST",
    "Measuring",
    "claims_of",
    "make_ledger",
    "smallest_p_value",
]
