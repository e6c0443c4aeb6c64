from . import figures, results, tables
from .first_page import make_first_page, metrics
from .notebook_page import NotebookPage
from .pages import write_page
from .rendering import render

__all__ = [
    "NotebookPage",
    "figures",
    "make_first_page",
    "metrics",
    "render",
    "results",
    "tables",
    "write_page",
]
