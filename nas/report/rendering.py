"""Execute a notebook, and make a page, figures and tables of it.

The notebook works in a scratch folder. Only when all of it has run do its files get their final names.
"""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import papermill

from nas.report import pages
from nas.store import write_json

KERNEL = {"IPKernelApp": {"log_level": 50}}


def render(name: str, root: Path, reports: Path, scratch: Path) -> None:
    """Write REPORTS/site/NAME.html, and the figures and tables that the notebook makes.

    Parameters: `name`, of a notebook in ROOT/notebooks; `scratch`, a folder of this notebook alone.

    Raises
    ------
    ValueError : an unknown notebook, or one that fails
    """
    source = root / "notebooks" / f"{name}.ipynb"
    if not source.is_file():
        known = ", ".join(sorted(path.stem for path in source.parent.glob("*.ipynb")))
        raise ValueError(f"notebook {name!r} is unknown: allowed are {known}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    execute(source, scratch / "executed.ipynb", {"root": str(root.resolve()), "output": str(scratch.resolve())})
    page = pages.page(nbformat.read(scratch / "executed.ipynb", as_version=4), name)
    for folder in ("figures", "tables"):
        for file in sorted((scratch / folder).glob("*")):
            (reports / folder).mkdir(parents=True, exist_ok=True)
            os.replace(file, reports / folder / file.name)
    pages.write_page(page, reports / "site" / f"{name}.html")
    shutil.rmtree(scratch)


def execute(source: Path, target: Path, values: dict[str, str]) -> None:
    """Run a notebook with exactly the parameters that it declares.

    Raises
    ------
    ValueError : a parameter that the notebook lacks or that it declares in vain, or a cell that fails
    """
    declared = set(papermill.inspect_notebook(str(source)))
    if declared != set(values):
        unknown, missing = sorted(set(values) - declared), sorted(declared - set(values))
        raise ValueError(
            f"{source}: its parameters cell must declare, one per line, just {' and '.join(values)}; "
            f"not declared: {unknown or 'none'}, declared but not given: {missing or 'none'}"
        )
    # a page needs no widgets for progress, and the warning, of a package that another imports, names a folder
    ignored = ["ignore:IProgress not found", *filter(None, [os.environ.get("PYTHONWARNINGS")])]
    os.environ["PYTHONWARNINGS"] = ",".join(ignored)
    os.environ["IPYTHONDIR"] = str(target.parent.resolve() / "ipython")  # the user's own start-up files stay out
    write_json(target.parent / "ipython" / "profile_default" / "ipython_kernel_config.json", KERNEL)
    try:
        papermill.execute_notebook(str(source), str(target), values, progress_bar=sys.stderr.isatty(), log_output=False)
    except papermill.PapermillExecutionError as error:
        raise ValueError(
            f"{source}: cell {error.exec_count} failed with {error.ename}: {error.evalue}; nothing was rendered"
        ) from error
