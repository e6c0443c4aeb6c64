"""What of a library made up here counts as its code, and runs whose settings change from one to the next."""

import shutil
import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.store import engine, kept_work
from nas.store.files import write_json
from nas.store.kept_work import (
    INDEX,
    Work,
    code_fingerprint,
    digest,
    fingerprint_of,
    finished,
    keep_only,
    workplace,
)
from nas.store.shards import Shard, Shards

random = settings(max_examples=40, deadline=None, derandomize=True)

# The code

STUB = "from .areas import area, perimeter\nfrom .lines import length\n\n__all__ = ['area', 'length', 'perimeter']\n"
MODULES = {
    "nas/__init__.py": "",
    "nas/shapes/__init__.py": "attach()\n",
    "nas/shapes/__init__.pyi": STUB,
    "nas/shapes/areas.py": "from nas.shapes.helping import square\n\n\ndef area(x):\n    return square(x)\n",
    "nas/shapes/helping.py": "def square(x):\n    return x * x\n",
    "nas/shapes/lines.py": "def length(x):\n    return x\n",
    "nas/paints/__init__.py": "",
    "nas/paints/mixing.py": 'import importlib\n\n\ndef mix(x):\n    return importlib.import_module(f"nas.dyes.{x}")\n',
    "nas/dyes/__init__.py": "",
    "nas/dyes/red.py": "from nas.dyes.shades import dark\n\nVALUE = dark(1)\n",
    "nas/dyes/shades.py": "def dark(x):\n    return x / 2\n",
}
SCRIPTS = {
    "name of a package": "from nas import shapes\n\nprint(shapes.area(1))\n",
    "package by another name": "from nas import shapes as s\n\nprint(s.area(1))\n",
    "name that a package shows": "from nas.shapes import area\n\nprint(area(1))\n",
    "module of a package": "from nas.shapes import areas\n\nprint(areas.area(1))\n",
    "name in a module": "from nas.shapes.areas import area\n\nprint(area(1))\n",
    "module of a package by its name": "from nas import shapes\n\nprint(shapes.areas.area(1))\n",
    "inside a function": "def main():\n    from nas.shapes import area\n    print(area(1))\n",
}
PAINTING = "from nas.paints.mixing import mix\n\nprint(mix('red'))\n"
AREAS = MODULES["nas/shapes/areas.py"]


@pytest.fixture
def fingerprint(tmp_path, monkeypatch):
    """A function from the text of a script and changed modules of the library to the fingerprint of the script."""
    monkeypatch.setattr(kept_work, "LIBRARY", tmp_path / "nas")

    def take(script, changed=()):
        for name, text in (MODULES | {"script.py": script} | dict(changed)).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        kept_work._syntax.cache_clear()
        kept_work._public.cache_clear()
        return fingerprint_of([tmp_path / "script.py"])

    yield take
    kept_work._syntax.cache_clear()
    kept_work._public.cache_clear()


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_code_that_is_used_directly_or_not_counts_and_other_code_does_not(fingerprint, script):
    before = fingerprint(script)
    for name, text in (
        ("nas/shapes/areas.py", AREAS.replace("square(x)", "square(x) + 1")),
        ("nas/shapes/helping.py", "def square(x):\n    return x**2\n"),
    ):
        assert fingerprint(script, {name: text}) != before
    for name in ("nas/shapes/lines.py", "nas/paints/mixing.py", "nas/dyes/red.py", "nas/new.py"):
        assert fingerprint(script, {name: "x = 2\n"}) == before
    assert fingerprint(script) == before


@pytest.mark.parametrize(
    "text",
    [
        f"# a comment\n{AREAS}  # another\n",
        f'"""What it is for."""\n\n{AREAS}',
        AREAS.replace("    return", '    """The area."""\n    return'),
        AREAS.replace("    return square(x)", "\n    return square(\n        x,\n    )\n"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(fingerprint, text):
    script = SCRIPTS["name of a package"]
    before = fingerprint(script)
    assert text != AREAS and fingerprint(script, {"nas/shapes/areas.py": text}) == before
    commented = "# a comment\n" + script.replace("shapes.area(1)", "shapes.area( 1 )")
    assert fingerprint(f'"""A script."""\n{commented}') == before


def test_a_text_that_is_no_docstring_counts(fingerprint):
    one, two = (AREAS.replace("    return", f"    y = '{text}'\n    return") for text in ("one", "two"))
    script = SCRIPTS["name in a module"]
    assert fingerprint(script, {"nas/shapes/areas.py": one}) != fingerprint(script, {"nas/shapes/areas.py": two})


def test_a_changed_script_counts(fingerprint):
    script = SCRIPTS["name of a package"]
    assert fingerprint(script) != fingerprint(script.replace("(1)", "(2)"))


def test_a_name_that_a_package_shows_from_elsewhere_is_other_code(fingerprint):
    script = SCRIPTS["name that a package shows"]
    before, moved = fingerprint(script), {"nas/shapes/__init__.pyi": STUB.replace("areas", "lines")}
    assert fingerprint(script, moved) != before
    assert fingerprint(script, moved | {"nas/shapes/areas.py": "x = 2\n"}) == fingerprint(script, moved)
    assert fingerprint(script, moved | {"nas/shapes/lines.py": "x = 2\n"}) != fingerprint(script, moved)


def test_all_modules_of_a_package_that_a_text_names_count(fingerprint):
    before = fingerprint(PAINTING)
    for name in ("nas/dyes/red.py", "nas/dyes/shades.py", "nas/dyes/new.py"):
        assert fingerprint(PAINTING, {name: "VALUE = 2\n"}) != before
    (kept_work.LIBRARY / "dyes" / "new.py").unlink()
    assert fingerprint(PAINTING) == before
    assert fingerprint(PAINTING, {"nas/shapes/areas.py": "x = 2\n"}) == before


def test_the_code_is_that_of_the_script_that_runs_else_of_all_loaded_modules(tmp_path, monkeypatch, fingerprint):
    script = SCRIPTS["name of a package"]
    expected = fingerprint(script)
    code_fingerprint.cache_clear()
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "script.py"), raising=False)
    assert code_fingerprint() == expected
    for name in [name for name in sys.modules if name.startswith("nas.")]:
        monkeypatch.delitem(sys.modules, name)
    module = ModuleType("nas.shapes.areas")
    module.__file__ = str(tmp_path / "nas" / "shapes" / "areas.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", None)
    code_fingerprint.cache_clear()
    assert code_fingerprint() == fingerprint_of([tmp_path / "nas" / "shapes" / "areas.py"]) != expected
    code_fingerprint.cache_clear()


def test_the_files_of_this_library_are_found_by_their_packages():
    engine_file = kept_work.LIBRARY / "store" / "engine.py"
    assert set(kept_work._places("store", "sha256_of")) == {kept_work.LIBRARY / "store" / "files.py"}
    assert kept_work._places("store", "engine") == [engine_file]
    used = kept_work._syntax(engine_file)[1]
    assert {file.stem for file in used} == {"kept_work", "progress", "shards"}


@random
@given(st.dictionaries(st.text(max_size=3), st.integers() | st.none() | st.text(max_size=3), max_size=4), st.data())
def test_a_digest_is_of_the_values_whatever_the_order_of_keys(value, data):
    shuffled = dict(data.draw(st.permutations(list(value.items()))))
    assert digest(value, 1) == digest(shuffled, 1) != digest(1, value)
    assert digest(value) != digest(value | {"new": 0})


# Kept parts


@dataclass(frozen=True)
class Photo:
    id: str
    content: int

    @property
    def fingerprint(self):
        return [self.id, self.content]


class Compute:
    """Random numbers of photo, key, piece and its key; notes what it was asked, and may be killed at a photo."""

    def __init__(self, key, made_from, failing):
        self.key, self.made_from, self.failing, self.asked = key, made_from, failing, []

    def __call__(self, photos, pieces):
        ids = [photo.id for photo in photos]
        if self.failing in ids:
            raise KeyboardInterrupt
        self.asked += [(photo, piece) for piece in pieces for photo in photos]
        found = {}
        for piece in pieces:
            rngs = [
                np.random.default_rng([photo.content, *map(ord, self.key + piece), self.made_from[piece]])
                for photo in photos
            ]
            rows = [{"id": i, "piece": piece, "value": float(rng.random())} for i, rng in zip(ids, rngs, strict=True)]
            arrays = {f"{piece}.map": np.stack([rng.random((2, 3)) for rng in rngs])} if piece != "rows" else {}
            found[piece] = Shard(ids, arrays, rows)
        return found


@dataclass(frozen=True)
class Run:
    contents: tuple[int, ...]
    key: str
    code: str
    pieces: dict[str, int]
    failing: str | None

    def batches(self):
        photos = [Photo(f"p{number}", content) for number, content in enumerate(self.contents)]
        return [photos[start : start + 2] for start in range(0, len(photos), 2)]

    def made_from(self):
        """What each piece is made from."""
        return {piece: (self.key, self.code, value) for piece, value in self.pieces.items()}

    def do(self, folder):
        """Run it, into folder/out; what was computed, and whether it came to its end."""
        photos = [photo for batch in self.batches() for photo in batch]
        compute = Compute(self.key, self.pieces, self.failing)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kept_work, "code_fingerprint", lambda: self.code)
            try:
                engine.run(
                    compute,
                    photos,
                    folder / "out",
                    key=self.key,
                    scratch=folder / "scratch",
                    pieces=self.pieces,
                    batch_size=2,
                )
            except KeyboardInterrupt:
                return compute.asked, False
        return compute.asked, True


PIECES = st.dictionaries(st.sampled_from(["cam", "rise", "rows"]), st.integers(0, 1)).flatmap(
    lambda pieces: st.permutations(list(pieces.items())).map(dict)
)
RUNS = st.builds(
    Run,
    contents=st.tuples(st.sampled_from([0, 0, 9]), st.just(1), st.just(2)),
    key=st.sampled_from("aab"),
    code=st.sampled_from("xxy"),
    pieces=PIECES,
    failing=st.sampled_from([None, None, "p0", "p2"]),
)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@random
@given(st.lists(RUNS, min_size=2, max_size=5))
def test_a_piece_is_made_again_only_where_what_it_depends_on_is_new(tmp_path_factory, runs):
    folder = tmp_path_factory.mktemp("runs")
    kept = []  # batches and what their pieces are made from, of each part that lies there
    for run in runs:
        shutil.rmtree(folder / "out", ignore_errors=True)  # as the pipeline does
        asked, ended = run.do(folder)
        expected, used = [], []
        for batch in run.batches():
            ids = [photo.id for photo in batch]
            made = run.made_from()
            lies = {item for photos, pieces in kept if photos == batch for item in pieces.items()}
            missing = [piece for piece in made if (piece, made[piece]) not in lies]
            if missing and run.failing in ids:
                assert not ended
                break
            expected += [(photo, piece) for piece in missing for photo in batch]
            used.append((batch, made))
            kept.append((batch, made))
        else:
            assert ended
            kept = used
            fresh = tmp_path_factory.mktemp("fresh")
            Run(**{**vars(run), "failing": None}).do(fresh)
            assert contents(folder / "out") == contents(fresh / "out")
            assert contents(folder / "scratch").keys() == contents(fresh / "scratch").keys()
            assert len(contents(folder / "scratch")) == 2 * len(used)
        assert asked == expected


def test_kept_parts_take_no_room_beside_the_result(tmp_path):
    Run((0, 1, 2), "a", "x", {"cam": 0}, None).do(tmp_path)
    parts, shards = ([*(tmp_path / name).glob("*.safetensors")] for name in ("scratch", "out"))
    assert len(parts) == 2 and all(any(part.samefile(shard) for shard in shards) for part in parts)
    assert Shards(tmp_path / "out").ids == ["p0", "p1", "p2"]


def test_pieces_of_a_part_that_is_gone_are_not_kept(tmp_path):
    work = Work(tmp_path, "key", {"cam": 0, "rise": 1})
    batch = [Photo("a", 1), Photo("b", 2)]
    part = work.part(batch)
    work.note(part)
    assert work.kept(batch) == {}
    part.touch()
    assert work.kept(batch) == {"cam": part, "rise": part}
    assert Work(tmp_path, "key", {"rise": 1, "cam": 1}).kept(batch) == {"rise": part}
    assert Work(tmp_path, "other", {"rise": 1}).kept(batch) == {}
    assert work.kept(batch[:1]) == work.kept(batch[::-1]) == work.kept([Photo("a", 3), batch[1]]) == {}


def test_what_is_pruned_are_files_that_this_run_does_not_use(tmp_path):
    works = [Work(tmp_path, key, {"cam": 0}) for key in "ab"]
    parts = [work.part([Photo("a", 1)]) for work in works]
    for work, part in zip(works, parts, strict=True):
        part.touch()
        work.note(part)
    (tmp_path / "folder").mkdir()
    works[0].prune()
    assert {path.name for path in tmp_path.iterdir()} == {parts[0].name, parts[0].with_suffix(".json").name, "folder"}


# Work on several folders


def test_a_workplace_depends_on_what_is_given_and_on_the_code(tmp_path, monkeypatch):
    place = workplace(tmp_path, "bird", [1, 2])
    assert place.parent == tmp_path and place == workplace(tmp_path, "bird", [1, 2])
    assert place != workplace(tmp_path, "bird", [2, 1])
    monkeypatch.setattr(kept_work, "code_fingerprint", lambda: "other")
    assert place != workplace(tmp_path, "bird", [1, 2])


def test_a_folder_is_made_until_it_is_finished_and_once_for_what_it_depends_on(tmp_path):
    made = []

    def make(work, killed=False):
        made.append(work)
        (work / "done").mkdir(parents=True, exist_ok=True)
        if killed:
            raise KeyboardInterrupt
        write_json(work / "done" / INDEX, {})

    with pytest.raises(KeyboardInterrupt):
        finished(lambda work: make(work, killed=True), tmp_path, "a", 1)
    done = finished(make, tmp_path, "a", 1)
    assert done == finished(make, tmp_path, "a", 1) == workplace(tmp_path, "a", 1) / "done"
    assert made == [done.parent] * 2
    other = finished(make, tmp_path, "a", 2)
    assert made == [done.parent, done.parent, other.parent] and other != done
    (tmp_path / "file").touch()
    keep_only(tmp_path, [other])
    assert [path.name for path in tmp_path.iterdir()] == [other.parent.name]
