"""MATLAB files are made where they are asked for, and for nobody else."""

import pandas as pd
import scipy.io
from finished_run import finished_run

from wfci_sleep.tables import read_table
from wfci_sleep.tables.networks import PREDICTIONS

from .conftest import TINY, jobs, overlaid

EXPERIMENTS = {"main": {}, "exported": {"analysis": {"matlab": True}}, "plain": {}}


def test_only_experiments_that_ask_for_them_have_matlab_files(workflow):
    workflow.configure(overlaid(TINY, {"experiments": EXPERIMENTS}))
    dry = workflow.run("--dry-run", "paper").stdout
    assert jobs(dry)["write_matlab_files"] == 1
    assert "Writing the results of exported for MATLAB" in dry
    # The target makes them for the main experiment, whatever the setting.
    dry = workflow.run("--dry-run", "matlab").stdout
    found = jobs(dry)
    assert found["write_matlab_files"] == 1
    assert "Writing the results of main for MATLAB" in dry
    assert "compute_metrics" not in found


def test_a_single_file_is_a_target(workflow):
    workflow.configure(TINY)
    assert "write_matlab_files" not in jobs(workflow.run("--dry-run", "tables").stdout)
    assert jobs(workflow.run("--dry-run", "results/tiny/main/matlab/att_weights.mat").stdout)["write_matlab_files"] == 1


def test_switching_it_on_makes_the_files_and_nothing_else(workflow):
    finished_run(workflow.folder)
    workflow.run("results/tiny/main/metrics.tsv", "results/tiny/main/fragmentation.tsv")
    workflow.configure(overlaid(TINY, {"analysis": {"matlab": True}}))
    dry = workflow.run("--dry-run", "tables").stdout
    assert not jobs(dry).keys() & {"compute_metrics", "measure_fragmentation", "score"}
    workflow.run("results/tiny/main/matlab/epochs.tsv")
    matlab = workflow.path("results/tiny/main/matlab")
    epochs = pd.read_csv(matlab / "epochs.tsv", sep="\t")
    assert epochs["row"].tolist() == list(range(1, len(epochs) + 1))
    assert list(dict.fromkeys(epochs["mouse"])) == ["Ms1", "Ms2", "Ms3"]
    found = scipy.io.loadmat(matlab / "y_preds.mat")["y_preds"]
    assert found.shape == (1, len(epochs))
    paths = [workflow.path(f"results/tiny/main/fold-{fold}/predictions.tsv") for fold in (1, 2, 3)]
    predictions = [read_table(path, PREDICTIONS) for path in paths]
    tested = pd.concat([table[table["split"] == "test"] for table in predictions])
    merged = epochs.merge(tested, on=["mouse", "recording", "epoch"], validate="one_to_one")
    assert found[0].tolist() == merged["y_pred"].tolist()
    assert sorted(path.name for path in (matlab / "mice").iterdir() if path.suffix == ".mat") == sorted(
        f"{mouse}_{kind}.mat" for mouse in ("Ms1", "Ms2", "Ms3") for kind in ("2s", "attention_weights")
    )
    assert len(list((matlab / "mice" / "gradcam").iterdir())) == 9
    assert b"Synthetic data: not a scientific result" in (matlab / "y_preds.mat").read_bytes()[:116]
