"""Summaries as they are stored: made anew only where what they are made from has changed."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from nas.store import finish, in_processes, is_finished, keep_only, link, workplace, write_table


@dataclass(frozen=True)
class Task:
    """Summaries of what a stage measured on one data set and network.

    Attributes
    ----------
    summarize : from the folder of the stage to tables by name; its keywords are its settings
    source, target : folder of the stage, and where NAME.parquet of each table goes
    scratch : where they are kept for the next run
    carried : columns of one value
    """

    summarize: "partial[dict[str, pd.DataFrame]]"
    source: Path
    target: Path
    scratch: Path
    carried: Mapping[str, str | int]

    def work(self) -> Path:
        """The folder in which they are made."""
        # an index among them has hashes of all arrays
        inputs = [file for file in sorted(self.source.rglob("*")) if file.suffix in (".json", ".parquet")]
        return workplace(self.scratch, (), self.summarize, inputs, self.carried) / "done"


def store_summaries(tasks: Sequence[Task]) -> None:
    """Make the summaries that are not there yet, on every core, and give all of them their places."""
    works = [task.work() for task in tasks]
    missing = [(task, work) for task, work in zip(tasks, works, strict=True) if not is_finished(work)]
    for _ in in_processes(_make, missing, -1):
        pass
    for task, work in zip(tasks, works, strict=True):
        shutil.rmtree(task.target, ignore_errors=True)
        for file in work.glob("*.parquet"):
            link(file, task.target / file.name)
        keep_only(task.scratch, [work])


def _make(task: Task, work: Path) -> None:
    for name, table in task.summarize(task.source).items():
        write_table(table.assign(**task.carried), work / f"{name}.parquet")
    finish(work)
