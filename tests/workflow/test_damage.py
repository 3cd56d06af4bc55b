"""Steps that meet damaged files: each ends with one line that names the file and says what to do."""

import pytest
from damage import inverted
from finished_run import finished_run

from .conftest import own_lines

pytestmark = pytest.mark.slow

RESULTS = "results/tiny/main"
SHARD = "resources/tiny/windows/2s-temporal-zscore-both-bin16/Ms2/Ms2-fc1.tfrecord"
# Damaged file, how, and what is made from it.
DAMAGED = {
    f"{RESULTS}/fold-1/predictions.tsv": (lambda content: content.replace(b"\t0.", b"\t9.", 1), "metrics.tsv"),
    f"{RESULTS}/fold-2/history.csv": (lambda content: content[: len(content) // 2], "figures/learning.svg"),
    f"{RESULTS}/fold-3/attention.h5": (
        lambda content: inverted(content, len(content) // 2, 200),
        "figures/attention_time_course.svg",
    ),
    f"{RESULTS}/fold-1/gradcam.h5": (lambda content: content[:-50], "gradcam_parcels.tsv"),
}


def assert_each_is_named_once(output, names):
    for name in names:
        lines = [line for line in output.splitlines() if line.startswith(f"error: {name}: ")]
        assert len(lines) == 1, output
        assert lines[0].endswith("; delete it and run the same command again: it is made again")
    assert "Traceback" not in output


def test_a_line_that_follows_a_message_of_snakemake_is_found():
    assert own_lines("Execute 1 jobs...error: a.tsv: damaged\n\n").splitlines()[:2] == [
        "Execute 1 jobs...",
        "error: a.tsv: damaged",
    ]
    kept = "error: a.tsv: damaged\n  logs/a.log: error: a.tsv: damaged\nWorkflowError:\nwarning: b\n"
    assert own_lines(kept) == kept


def test_each_damaged_file_is_named_by_the_step_that_reads_it(workflow):
    finished_run(workflow.folder, {"dataset": {"synthetic": {"epochs_per_run": 12}}})
    for name, (damage, _) in DAMAGED.items():
        path = workflow.path(name)
        path.write_bytes(damage(path.read_bytes()))
    made = [f"{RESULTS}/{name}" for _, name in DAMAGED.values()]
    assert_each_is_named_once(workflow.run("--keep-going", *made, check=False).stdout, DAMAGED)

    workflow.path(SHARD).write_bytes(b"no record")
    model = f"{RESULTS}/fold-1/model.keras"
    workflow.path(model).unlink()
    assert_each_is_named_once(workflow.run(model, check=False).stdout, [SHARD])
