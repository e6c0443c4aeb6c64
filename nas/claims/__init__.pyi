from .ledger import make_ledger
from .testing import Testing

__all__ = [
    "Testing",
    "make_ledger",
]
