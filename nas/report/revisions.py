"""A report as a revision has it: a commit, branch, tag or experiment, or what lies in the workspace."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

WORKSPACE = "workspace"


@dataclass(frozen=True)
class Revision:
    """What git tracks of a project at a commit, or the files that lie there.

    Attributes
    ----------
    name : as it was given
    root : folder of the project
    commit : its full name, or "" for the workspace
    """

    name: str
    root: Path
    commit: str

    @classmethod
    def of(cls, name: str, root: Path) -> "Revision":
        """The revision of a name: of git, of an experiment of DVC, or `WORKSPACE`.

        Raises
        ------
        ValueError : a name of neither, or a revision without a report
        """
        commit = "" if name == WORKSPACE else _commit_of(name, root)
        found = cls(name, root, commit)
        if found.read("reports/claims.json") is None:
            raise ValueError(f"{name}: has no reports/claims.json; give a revision in which make repro has ended")
        return found

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        if not self.commit:
            file = self.root / path
            return file.read_bytes() if file.is_file() else None
        done = subprocess.run(["git", "show", f"{self.commit}:{path}"], cwd=self.root, capture_output=True)
        return done.stdout if done.returncode == 0 else None

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, sorted."""
        if not self.commit:
            return sorted(path.name for path in (self.root / folder).glob("*") if path.is_file())
        command = ["git", "ls-tree", "--name-only", f"{self.commit}:{folder}"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True)
        return sorted(done.stdout.split("\n")[:-1]) if done.returncode == 0 else []


def _commit_of(name: str, root: Path) -> str:
    for asked in (name, _experiments(root).get(name, "")):
        command = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{asked}^{{commit}}"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if asked and done.returncode == 0:
            return done.stdout.strip()
    known = ", ".join([*_experiments(root)][:5])
    raise ValueError(
        f"{name!r} is no revision: allowed are {WORKSPACE}, and commits, branches, tags and experiments of this "
        f"repository{f' (experiments: {known})' if known else ''}"
    )


def _experiments(root: Path) -> dict[str, str]:
    """Names of experiments, which DVC keeps as references refs/exps/XX/COMMIT/NAME, with these."""
    command = ["git", "for-each-ref", "--format=%(refname)", "refs/exps"]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.split()
    return {name.rpartition("/")[2]: name for name in found if name.count("/") == 4}
