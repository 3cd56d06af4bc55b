"""Files on a shared file system, copied for each job by Snakemake's storage plugin."""

import importlib.util
import shutil

import pandas as pd
import pytest
from finished_run import finished_run
from workflow.conftest import Workflow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("snakemake_storage_plugin_fs") is None or shutil.which("rsync") is None,
        reason="snakemake-storage-plugin-fs (the extra `cluster`) or the program rsync is not installed",
    ),
]


def test_results_come_to_lie_on_the_storage(tmp_path):
    storage, copies = tmp_path / "storage", tmp_path / "copies"
    workflow = Workflow(tmp_path / "run")
    for folder in (workflow.folder, storage):
        folder.mkdir()
    # The user's own file stays where it is.
    finished_run(workflow.folder, {"analysis": {"scorers": {"second": "second.tsv"}}})
    epochs = pd.read_csv(workflow.path("results/tiny/main/fold-1/predictions.tsv"), sep="\t")
    epochs["state"] = "wake"
    epochs[["mouse", "recording", "epoch", "state"]].to_csv(workflow.path("second.tsv"), sep="\t", index=False)
    for name in ("resources", "results"):
        shutil.move(workflow.path(name), storage)

    options = ("--default-storage-provider", "fs", "--default-storage-prefix", str(storage))
    made = ("results/tiny/main/agreement.tsv", "results/tiny/main/figures/raters-Ms1.svg")
    workflow.run(*options, "--local-storage-prefix", str(copies), "--", *made)
    assert all((storage / name).stat().st_size for name in made)
    assert not any(workflow.path(name).exists() for name in made)
    assert not [path for path in copies.rglob("*.*") if path.name in ("agreement.tsv", "raters-Ms1.svg")]
