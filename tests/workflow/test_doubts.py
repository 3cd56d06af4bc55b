"""What is doubtful is told where people look: folds that lack a state, and a kappa no better than chance."""

import re

import finished_run
import numpy as np
import pytest

from wfci_sleep.data import synthetic_sessions
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import FOLD_STATES
from wfci_sleep.training.fold_states import fold_warnings

from .conftest import Workflow

pytestmark = pytest.mark.slow

RESULTS = "results/tiny/main"


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory):
    """Three mice of which Ms3 has REM alone and the others none, and networks that guess."""
    workflow = Workflow(tmp_path_factory.mktemp("doubtful"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            synthetic_sessions, "session_scores", lambda mouse, settings: [np.arange(40) // 4 % 2 + 2 * (mouse == 2)]
        )
        patch.setattr(finished_run, "RIGHT", 0.0)
        finished_run.finished_run(workflow.folder, {"dataset": {"synthetic": {"epochs_per_run": 40}}})
    return workflow


def test_no_skill_and_folds_that_lack_a_state_are_told(doubtful):
    said = doubtful.run(f"{RESULTS}/metrics.tsv", "results/tiny/overview.rst").stdout
    overview = doubtful.read("results/tiny/overview.rst")
    for unit in ("all test epochs", "mouse Ms1", "mouse Ms2"):
        line = rf"main, {unit}: kappa -?0\.\d\d \(-0\.\d\d to 0\.\d\d\), no better than chance"
        assert re.search(f"^{line}$", said, flags=re.MULTILINE), said
        assert re.search(f"^- {line}$", overview, flags=re.MULTILINE), overview
        assert re.search(f"^{line}$", doubtful.read("logs/tiny/main/metrics.log"), flags=re.MULTILINE)
    assert "- fold 3: training has no REM, test has REM only" in overview


def test_a_fold_that_lacks_a_state_is_told_when_folds_are_made(doubtful):
    doubtful.path(f"{RESULTS}/folds-states.tsv").unlink()
    said = doubtful.run(f"{RESULTS}/folds-states.tsv").stdout
    expected = fold_warnings(read_table(doubtful.path(f"{RESULTS}/folds-states.tsv"), FOLD_STATES))
    assert "fold 3: training has no REM, test has REM only" in expected
    for text in (said, doubtful.read("logs/tiny/main/folds.log")):
        assert re.findall(r"^warning: main, (fold \d: .*)$", text, flags=re.MULTILINE) == expected
