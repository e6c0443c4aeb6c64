"""What a run says, by a clock and a disk that the tests set."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.store.progress import PATIENCE, Outlook, announce, duration_in_words, free_bytes, readable


@pytest.fixture
def part(tmp_path):
    file = tmp_path / "part"
    file.write_bytes(bytes(1000))
    return file


def followed(part, times, n_records, free=10**9, quiet=False, n_batches=1):
    """Follow a run whose batches of two records end at these seconds."""
    now = iter([0.0, *times])
    outlook = Outlook("a stage", n_records, part.parent, n_batches, clock=lambda: next(now), free=lambda _: free)
    for _ in times:
        outlook.update(2, part, quiet)


@pytest.mark.parametrize(
    ("times", "n_records", "said"),
    [
        ([70, 140], 20, ["a stage: about 10 min for the other 18 photos"]),  # 35 s a photo, and once
        ([20, 40, 60], 100, ["a stage: about 16 min for the other 94 photos"]),  # after a minute
        ([PATIENCE / 2, PATIENCE - 1], 10**6, []),
        ([70, 140], 4, ["a stage: about 70 s for the other 2 photos"]),
        ([20, 40, 60], 8, []),  # 20 s more are not worth a line
    ],
)
def test_the_time_of_the_others_is_said_once_where_it_is_long(part, capsys, times, n_records, said):
    followed(part, times, n_records)
    assert capsys.readouterr().err.splitlines() == said
    followed(part, times, n_records, quiet=True)
    assert capsys.readouterr().err == ""


def test_several_at_a_time_are_waited_for(part, capsys):
    followed(part, [100, 101, 102, 103], 16, n_batches=4)
    assert capsys.readouterr().err.splitlines() == ["a stage: about 2 min for the other 8 photos"]


def test_the_others_must_fit_on_the_disk(part):
    followed(part, [1], 10, free=4000)  # 8 photos of 500 bytes
    with pytest.raises(
        ValueError, match=r"^a stage: the other 8 photos need 4\.0 kB on disk, and 4\.0 kB are free in "
    ):
        followed(part, [1], 10, free=3999)
    followed(part, [1], 2, free=0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (1.6, "2 s"), (89.9, "90 s"), (90, "2 min"), (5399, "90 min"), (5400, "2 h"), (172_000, "48 h"),
     (172_800, "2 days"), (1e7, "116 days")],
)  # fmt: skip
def test_words(seconds, words):
    assert duration_in_words(seconds) == words


@settings(max_examples=50, deadline=None, derandomize=True)
@given(n=st.integers(0, 10**6), each=st.integers(1, 10**9), free=st.integers(0, 10**13))
def test_a_disk_is_large_enough_or_it_is_refused(tmp_path_factory, n, each, free):
    folder = tmp_path_factory.getbasetemp() / "absent"
    if n * each <= free:
        assert announce(n, each, 0.0, folder, lambda place: free).startswith(f"{n} photos x ")
        return
    with pytest.raises(ValueError, match="too little") as caught:
        announce(n, each, 0.0, folder, lambda place: free)
    message = str(caught.value)
    assert "\n" not in message and str(folder) in message
    for parameter in ("download.limit", "activations.precision: float16", "activations.cache: false"):
        assert parameter in message


@pytest.mark.parametrize(
    ("n", "each", "free", "line"),
    [
        (50_000, 6_022_112, 1.5e12, "50000 photos x 6.0 MB = 301.1 GB on disk (free: 1.5 TB)"),
        (3, 300, 999_960, "3 photos x 300 B = 900 B on disk (free: 1.0 MB)"),
        (0, 300, 0, "0 photos x 300 B = 0 B on disk (free: 0 B)"),
    ],
)
def test_the_line_is_readable(tmp_path, n, each, free, line):
    assert announce(n, each, 0.0, tmp_path, lambda _: free) == line


def test_free_bytes_of_a_folder_that_is_not_there_yet(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("shutil.disk_usage", lambda place: asked.append(place) or SimpleNamespace(free=7))
    assert free_bytes(tmp_path / "a" / "b") == 7 and asked == [tmp_path]
    monkeypatch.chdir(tmp_path)
    assert free_bytes(Path("data/scratch")) == 7 and asked[1].samefile(tmp_path)


@pytest.mark.parametrize(
    ("each", "seconds", "line"),
    [
        (300, 2.0, "90 photos x 300 B = 27.0 kB on disk (free: 1.0 MB), about 3 min in all"),
        (0, 2.0, "90 photos, about 3 min in all"),
        (0, 0.0, ""),
    ],
)
def test_disk_and_time_are_said_where_they_are_foreseen(tmp_path, each, seconds, line):
    assert announce(90, each, seconds, tmp_path, lambda _: 10**6) == line


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0, 1e16))
def test_readable_bytes_are_the_bytes_to_a_digit_behind_the_point(n_bytes):
    number, unit = readable(n_bytes).split()
    size = 1000 ** ["B", "kB", "MB", "GB", "TB"].index(unit)
    assert float(number) * size == pytest.approx(n_bytes, abs=0.51 * size if unit == "B" else 0.0501 * size)
    assert float(number) < 1000 or unit == "TB"
    assert float(number) >= 1 or unit == "B"
