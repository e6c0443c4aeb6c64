"""Execute a notebook, and make a page, figures and tables of it.

The notebook works in a scratch folder. Only when all of it has run, and made just what is expected, do its files get
their final names.
"""

# ruff: noqa: E402

import logging
import os
import re
import shutil
import sys
from collections.abc import Collection
from pathlib import Path

# jsonschema, which nbformat uses, would load a grammar of addresses for a second, for checks that no notebook needs
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbconvert import HTMLExporter

from nas.report.pages import MARK, PLACE, write_page
from nas.store import move, write_json

# a page needs no widgets for progress, and the warning, of a package that another imports, names a folder
QUIET = "__import__('warnings').filterwarnings('ignore', 'IProgress not found')"
KERNEL = {"IPKernelApp": {"log_level": 50, "exec_lines": [QUIET]}}


def render(name: str, root: Path, reports: Path, scratch: Path, expected: Collection[Path]) -> None:
    """Write REPORTS/sections/NAME.html, what is in a page of the report, and the figures and tables of the notebook.

    Parameters
    ----------
    name : of a notebook in ROOT/notebooks
    scratch : a folder of this notebook alone
    expected : figures and tables that it is to make, as paths inside REPORTS

    Raises
    ------
    ValueError : an unknown notebook, one that fails or ends too early, or that makes more or less than is expected
    """
    source = root / "notebooks" / f"{name}.ipynb"
    if not source.is_file():
        known = ", ".join(sorted(path.stem for path in source.parent.glob("*.ipynb")))
        raise ValueError(f"notebook {name!r} is unknown: allowed are {known}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    execute(source, scratch / "executed.ipynb", {"root": str(root.resolve()), "output": str(scratch.resolve())})
    page = body(nbformat.read(scratch / "executed.ipynb", as_version=4))
    made = {file.relative_to(scratch) for folder in ("figures", "tables") for file in (scratch / folder).glob("*")}
    for files, what in ((set(expected) - made, "did not make"), (made - set(expected), "makes")):
        if files:
            names = ", ".join(sorted(map(str, files)))
            raise ValueError(f"{source}: {what} {names}, other than its outs in dvc.yaml; nothing was rendered")
    ready = Path("sections", f"{name}.html")
    write_page(page, scratch / ready)  # all is written before the first file gets its name
    move((*sorted(made), ready), scratch, reports)
    shutil.rmtree(scratch)


def execute(source: Path, target: Path, values: dict[str, str]) -> None:
    """Run a notebook with exactly the parameters that it declares, by the Python that runs this.

    Raises
    ------
    ValueError : a file that is no notebook of Python, a parameter that it lacks or that it declares in vain, a cell
        that fails, ends the notebook or its kernel
    """
    check(source)
    declared = set(papermill.inspect_notebook(str(source)))
    if declared != set(values):
        unknown, missing = sorted(set(values) - declared), sorted(declared - set(values))
        raise ValueError(
            f"{source}: its parameters cell must declare, one per line, just {' and '.join(values)}; "
            f"not declared: {unknown or 'none'}, declared but not given: {missing or 'none'}"
        )
    os.environ["IPYTHONDIR"] = str(target.parent.resolve() / "ipython")  # the user's own start-up files stay out
    write_json(target.parent / "ipython" / "profile_default" / "ipython_kernel_config.json", KERNEL)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what it says is said by the error too
    try:
        papermill.execute_notebook(
            str(source),
            str(target),
            values,
            progress_bar=sys.stderr.isatty(),
            log_output=False,
            kernel_name="python3",
            language="python",
        )
    except papermill.PapermillExecutionError as error:
        raise ValueError(
            f"{source}: {_last(target)} failed with {error.ename}: {error.evalue}; nothing was rendered"
        ) from error
    except DeadKernelError:
        raise ValueError(f"{source}: {_last(target)} ended its kernel; nothing was rendered") from None
    except RuntimeError as error:  # of the kernel, before it runs anything
        raise ValueError(f"{source}: its kernel does not start ({error}); build .venv anew") from error
    for number, cell in enumerate(_code(target), 1):
        ended = [output.ename for output in cell.outputs if output.output_type == "error"]
        ran = cell.execution_count is not None or not cell.source.strip()
        if ended or not ran:
            how = f"ended with {ended[0]}" if ended else "did not run"
            raise ValueError(f"{source}: cell {number} {how}; nothing was rendered")


def check(source: Path) -> None:
    """Raise ValueError where a file is no notebook, or not one of Python."""
    try:
        notebook = nbformat.read(source, as_version=4)
        nbformat.validate(notebook)
        language = notebook.metadata["kernelspec"].get("language", "python")
    except (ValueError, AttributeError, TypeError, KeyError, nbformat.ValidationError) as error:
        found = "no kernelspec" if isinstance(error, KeyError) else str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{source}: is no notebook ({found}); restore it (git checkout {source}), or save it anew in JupyterLab"
        ) from None
    if language != "python":
        raise ValueError(f"{source}: is written in {language}; a notebook of the report is in Python")


def body(notebook: nbformat.NotebookNode) -> str:
    """What an executed notebook says, without code, prompts or timings: the same results give the same bytes.

    Where it shows a figure or a table of the report there is a place for it, see `pages.filled`.
    """
    notebook = nbformat.from_dict({**notebook, "metadata": {"kernelspec": notebook.metadata.get("kernelspec", {})}})
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {"tags": cell.metadata.get("tags", [])}
        if cell.cell_type == "code":
            cell["execution_count"] = None
            cell["outputs"] = [_placed(output) for output in cell.outputs if output.get("metadata", {}) != {MARK: {}}]
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_output_prompt=True)
    exporter.exclude_anchor_links = True
    found: str = exporter.from_notebook_node(notebook)[0]
    return re.sub(r'alt="No description has been provided for this image"', 'alt="A picture of the notebook"', found)


def _placed(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    part = output.get("metadata", {}).get(MARK, {}).get("part")
    if not part:
        return output
    made: nbformat.NotebookNode = nbformat.from_dict(
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": PLACE.format(part)}}
    )
    return made


def _code(target: Path) -> list[nbformat.NotebookNode]:
    """The cells of code that its source has, too: papermill adds one with the values of parameters."""
    cells = [cell for cell in nbformat.read(target, as_version=4).cells if cell.cell_type == "code"]
    return [cell for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]


def _last(target: Path) -> str:
    """The cell that was run last, as an executed notebook says."""
    ran = [number for number, cell in enumerate(_code(target), 1) if cell.metadata.papermill.start_time]
    return f"cell {ran[-1]}"
