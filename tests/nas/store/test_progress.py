"""What a run says, by a clock and a disk that the tests set."""

import pytest

from nas.store.progress import PATIENCE, Outlook


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
