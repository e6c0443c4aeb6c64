"""The benchmarks still run; how fast they say the project is, `make bench` tells."""

import subprocess
import sys

import pytest

from benchmarks import cluster, gpu, kmeans, localization, passes, scaling, shares
from benchmarks.row import HEAD, Row


def test_k_means_gives_the_labels_of_its_reference():
    [row] = kmeans.measure(quick=True)
    assert (
        row.case == "14 x 14, k = 3" and row.note.startswith("0.00% other labels") and min(row.ours, row.reference) > 0
    )


def test_localization_is_raced_against_both_rivals():
    rows = list(localization.measure(quick=True))
    assert len(rows) == 2 * 2 * 2 and {row.against for row in rows} == {
        "a search per threshold",
        "a search per grey level",
    }


def test_passes_give_the_logits_of_their_reference():
    rows = list(passes.measure(quick=True))
    assert rows and all(float(row.note.rpartition(" ")[2]) < 1e-4 for row in rows)


def test_the_share_of_the_network_is_a_share():
    rows = {row.case: row for row in shares.measure(quick=True)}
    assert set(rows) == {"relevance curves", "rise", "kernel_shap"} and all(0 < row.ratio <= 1 for row in rows.values())
    assert rows["rise"].note.startswith("8 images")


def test_what_is_for_a_gpu_runs_on_a_cpu():
    _, labels, forward = gpu.measure(quick=True, device="cpu")
    assert labels.note == "0.0000% of labels differ (2 images)" and forward.against == "float32"


def test_a_batch_on_a_cluster_is_timed_beside_one_here():
    [row] = cluster.measure(quick=True)
    assert row.note.startswith(f"{cluster.FEW} batches, memory +") and min(row.ours, row.reference) > 0


def test_hours_fall_with_processes_but_for_what_stays_on_one_machine(root):
    costs = scaling.Costs({"activations": 3.6, "saliency": 7.2, "relevance": 0.0, "superpixels": 3.6})
    one, four = (scaling.hours(costs, 1000, n, batch=9.0) for n in (1, 4))
    assert one["networks"] == pytest.approx(3) and one["all else"] == pytest.approx(1)
    assert one["handing out"] == pytest.approx(0.01)
    assert [four[name] * 4 for name in ("networks", "all else")] == [one[name] for name in ("networks", "all else")]
    assert all(four[name] == one[name] for name in ("reading", "handing out", "statistics, claims"))
    assert scaling.hours(costs, 1000, 1, faster=3)["networks"] == pytest.approx(1)
    head, first, second = scaling.table(scaling.Costs.read(root / "reports/benchmarks.json"), 50_000, [1, 64])
    assert head[0] == "processes" and float(first[-1]) > 10 * float(second[-1]) > 0


def test_without_costs_of_stages_there_is_nothing_to_calculate(tmp_path):
    file = tmp_path / "benchmarks.json"
    file.write_text('{"machine": {"cores": 2}, "rows": []}')
    with pytest.raises(ValueError, match="has no cost of a stage; run make bench"):
        scaling.Costs.read(file)


def test_the_program_prints_a_table(root):
    command = [sys.executable, "-m", "benchmarks", "kmeans", "--quick"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    machine, head, row = done.stdout.splitlines()
    assert "'cores'" in machine and head == HEAD.rstrip() and row.split()[:2] == ["kmeans", "14"]
    wrong = subprocess.run([*command[:-2], "speed"], cwd=root, capture_output=True, text=True)
    assert wrong.returncode == 2 and "speed is no benchmark of this machine: NAME is one of cluster" in wrong.stderr


@pytest.mark.parametrize(("ours", "reference", "ratio"), [(2.0, 6.0, 3.0), (4.0, 1.0, 0.25)])
def test_a_ratio_says_how_many_times_as_much_the_reference_takes(ours, reference, ratio):
    row = Row("one", "case", ours, reference, "s", "another", "equal")
    printed = ["one", "case", f"{ours:.3g}", f"{reference:.3g}", "s", f"{ratio:.2f}", "another", "equal"]
    assert row.ratio == ratio and str(row).split() == printed
