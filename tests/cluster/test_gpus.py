"""One machine with several GPUs: as many folds at once, each on a GPU of its own. The GPUs are made up."""

import os
import re

import pytest
from workflow.conftest import TINY, Workflow, overlaid

GPUS = [f"GPU-{letter}-{os.getpid()}" for letter in "abcd"]  # locks hold for the whole machine

pytestmark = pytest.mark.slow


def test_four_gpus_train_four_folds_at_once(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' {' '.join(GPUS)}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    workflow = Workflow(tmp_path / "run")
    workflow.folder.mkdir()
    workflow.configure(overlaid(TINY, {"dataset": {"synthetic": {"mice": 4}}, "training": {"passes": 10}}))
    models = [f"results/tiny/main/fold-{fold}/model.keras" for fold in (1, 2, 3, 4)]
    workflow.run("--cores", "4", "--resources", "gpu=4", "--", *models)

    # A job takes the first GPU that is free: four different ones were taken at the same time.
    logs = [workflow.read(f"logs/tiny/main/train/fold-{fold}.log") for fold in (1, 2, 3, 4)]
    taken = [re.search("GPUs of this job: (.+)", log).group(1) for log in logs]
    assert sorted(taken) == GPUS
