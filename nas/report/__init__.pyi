from . import exploring, figures, results, tables
from .comparing import compare
from .metrics import metrics
from .notebook_page import NotebookPage
from .pages import write_page
from .provenance import provenance
from .rendering import render
from .revisions import Revision
from .sections import SECTIONS
from .site import Run, make_site

__all__ = [
    "SECTIONS",
    "NotebookPage",
    "Revision",
    "Run",
    "compare",
    "exploring",
    "figures",
    "make_site",
    "metrics",
    "provenance",
    "render",
    "results",
    "tables",
    "write_page",
]
