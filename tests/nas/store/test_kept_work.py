"""Runs whose settings change from one to the next."""

import shutil
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.store import engine
from nas.store import given as given_values
from nas.store.files import write_json
from nas.store.kept_work import INDEX, Work, digest, finished, keep_only, workplace
from nas.store.shards import Shard, Shards, write_shard

random = settings(max_examples=40, deadline=None, derandomize=True)

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

    def __init__(self, key, code, failing):
        self.key, self.code, self.failing, self.asked = key, code, failing, []

    @property
    def fingerprint(self):
        return [self.key, self.code]

    def __call__(self, photos, pieces):
        ids = [photo.id for photo in photos]
        if self.failing in ids:
            raise KeyboardInterrupt
        self.asked += [(photo, piece) for piece in pieces for photo in photos]
        found = {}
        for piece in pieces:
            rngs = [
                np.random.default_rng([photo.content, *map(ord, self.key + piece), pieces[piece]]) for photo in photos
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
        compute, scratch = Compute(self.key, self.code, self.failing), folder / "scratch"
        try:
            engine.run(compute, photos, folder / "out", scratch=scratch, pieces=self.pieces, batch_size=2)
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
    function = partial(digest, "key")
    work = Work(tmp_path, function, {"cam": 0, "rise": 1})
    batch = [Photo("a", 1), Photo("b", 2)]
    part = work.part(batch)
    work.note(part, batch)
    assert work.kept(batch) == {}
    write_shard(Shard(["a", "b"]), part)
    assert work.kept(batch) == {"cam": part, "rise": part}
    assert Work(tmp_path, function, {"rise": 1, "cam": 1}).kept(batch) == {"rise": part}
    assert Work(tmp_path, partial(digest, "other"), {"rise": 1}).kept(batch) == {}
    assert work.kept(batch[:1]) == work.kept(batch[::-1]) == work.kept([Photo("a", 3), batch[1]]) == {}
    part.write_bytes(part.read_bytes()[:-1])
    assert work.kept(batch) == {}  # it was cut short


def test_what_is_pruned_are_files_that_this_run_does_not_use(tmp_path):
    works = [Work(tmp_path, partial(digest, key), {"cam": 0}) for key in "ab"]
    parts = [work.part([Photo("a", 1)]) for work in works]
    for work, part in zip(works, parts, strict=True):
        part.touch()
        work.note(part, [Photo("a", 1)])
    (tmp_path / "folder").mkdir()
    works[0].prune()
    assert {path.name for path in tmp_path.iterdir()} == {parts[0].name, parts[0].with_suffix(".json").name, "folder"}


# Work on several folders


def test_a_workplace_depends_on_the_items_on_what_is_given_and_on_the_code(tmp_path, monkeypatch):
    photos = [Photo("a", 1)]
    place = workplace(tmp_path, photos, "bird", [1, 2])
    assert place.parent == tmp_path and place == workplace(tmp_path, photos, "bird", [1, 2])
    others = [workplace(tmp_path, photos, "bird", [2, 1]), workplace(tmp_path, [Photo("a", 2)], "bird", [1, 2])]
    monkeypatch.setattr(given_values, "code_of", lambda _files: "other")
    others.append(workplace(tmp_path, photos, "bird", [1, 2]))
    assert len({place, *others}) == 4


def test_a_folder_is_made_until_it_is_finished_and_once_for_what_it_depends_on(tmp_path):
    made = []

    def make(work, killed=False):
        made.append(work)
        (work / "done").mkdir(parents=True, exist_ok=True)
        if killed:
            raise KeyboardInterrupt
        write_json(work / "done" / INDEX, {})

    with pytest.raises(KeyboardInterrupt):
        finished(lambda work: make(work, killed=True), tmp_path, [], "a", 1)
    done = finished(make, tmp_path, [], "a", 1)
    assert done == finished(make, tmp_path, [], "a", 1) == workplace(tmp_path, [], "a", 1) / "done"
    assert made == [done.parent] * 2
    other = finished(make, tmp_path, [], "a", 2)
    assert made == [done.parent, done.parent, other.parent] and other != done
    (tmp_path / "file").touch()
    keep_only(tmp_path, [other])
    assert [path.name for path in tmp_path.iterdir()] == [other.parent.name]


@pytest.mark.parametrize("damage", ["cut", "other", "removed", "more", "note cut"])
def test_a_finished_folder_that_is_damaged_is_made_again(tmp_path, capsys, damage):
    def make(work):
        write_json(work / "done" / "a.json", {"a": 1})
        write_json(work / "done" / INDEX, {})

    done = finished(make, tmp_path, [], "a")
    before = contents(done)
    if damage == "note cut":
        done.with_name("content.json").write_text('{"a')
    elif damage == "removed":
        (done / "a.json").unlink()
    else:
        (done / {"more": "b.json"}.get(damage, "a.json")).write_bytes({"cut": before["a.json"][:3]}.get(damage, b"{}"))
    assert finished(make, tmp_path, [], "a") == done and contents(done) == before
    assert capsys.readouterr().err.count("is damaged; it is computed again") == (damage != "note cut")
    assert finished(pytest.fail, tmp_path, [], "a") == done
