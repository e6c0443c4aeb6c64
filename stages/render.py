"""Execute a notebook and render it: reports/site/NOTEBOOK.html, and the figures and tables that it writes.

The notebook works in a scratch folder. Only when all of it has run do its files get their final names.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import papermill

import pages
from nas.shards import write_json
from params import SCRATCH, Parameters, run

KERNEL = {"IPKernelApp": {"log_level": 50}}


def main(parameters: Parameters, name: str) -> None:
    source = Path("notebooks", f"{name}.ipynb")
    if not source.is_file():
        known = ", ".join(sorted(path.stem for path in Path("notebooks").glob("*.ipynb")))
        raise ValueError(f"notebook {name!r} is unknown: allowed are {known}")
    scratch = SCRATCH / "render" / name
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    values = {
        "root": str(Path.cwd()),
        "output": str(scratch.resolve()),
        "datasets": parameters.datasets,
        "classifiers": parameters.classifiers,
        **(getattr(parameters, name).model_dump() if hasattr(parameters, name) else {}),
    }
    execute(source, scratch / "executed.ipynb", values)
    page = pages.page(nbformat.read(scratch / "executed.ipynb", as_version=4), name)
    for folder in ("figures", "tables"):
        for file in sorted((scratch / folder).glob("*")):
            Path("reports", folder).mkdir(parents=True, exist_ok=True)
            os.replace(file, Path("reports", folder, file.name))
    pages.write(page, Path("reports/site", f"{name}.html"))
    shutil.rmtree(scratch)


def execute(source: Path, target: Path, values: dict[str, Any]) -> None:
    """Run a notebook with exactly the parameters that it declares.

    Raises
    ------
    ValueError : a parameter that the notebook lacks or that it declares in vain, or a cell that fails
    """
    declared = set(papermill.inspect_notebook(str(source)))
    if declared != set(values):
        unknown, missing = sorted(set(values) - declared), sorted(declared - set(values))
        raise ValueError(
            f"{source}: its parameters cell must declare, one per line, just what params.yaml gives; "
            f"not declared: {unknown or 'none'}, declared but not given: {missing or 'none'}"
        )
    paths = [str(Path("stages").resolve()), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
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


if __name__ == "__main__":
    run(main, *sys.argv[1:])
