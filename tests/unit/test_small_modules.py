"""Files, states, published numbers, provenance, and what training watches."""

import hashlib
import json

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import sha256_of, write_table, written_atomically
from wfci_sleep.run.provenance import provenance
from wfci_sleep.states import Classes, labels_of_scores
from wfci_sleep.training.batches import label_table
from wfci_sleep.training.fit import shuffled_labels
from wfci_sleep.training.losses import loss_function
from wfci_sleep.training.metrics import CohenKappa


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_atomically(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_tables_are_tsv_with_lf_and_text_names(tmp_path):
    table = pd.DataFrame({"mouse": ["007", "1e5"], "start_s": [0.0, 10.0]})
    write_table(table, tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_bytes() == b"mouse\tstart_s\n007\t0.0\n1e5\t10.0\n"


def test_checksum(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 10_000_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"x" * 10_000_000).hexdigest()


def test_scores_become_labels_and_classes():
    assert labels_of_scores(np.array([0, 1, 2, 3])).tolist() == [0, 1, -1, 2]
    assert Classes(["wake", "nrem", "rem"]).of_labels.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match=r"expected \[wake, nrem, rem\] or \[wake, sleep\]"):
        Classes(["rem", "wake"])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_kappa_watched_in_training_equals_scikit_learns(rng, n_classes):
    metric = CohenKappa(n_classes)
    truth, predicted = rng.integers(0, n_classes, (2, 50))
    predicted = np.where(rng.random(50) < 0.5, truth, predicted)
    if n_classes == 2:
        outputs, labels = predicted[:, None] * 0.8 + 0.1, truth[:, None]
    else:
        outputs, labels = np.eye(3)[predicted], truth
    for half in (slice(0, 20), slice(20, 50)):
        metric.update_state(labels[half], outputs[half])
    assert float(metric.result()) == pytest.approx(cohen_kappa_score(truth, predicted), abs=1e-5)
    metric.reset_state()
    metric.update_state(labels[:0], outputs[:0])
    again = CohenKappa.from_config(metric.get_config())
    assert again.n_classes == n_classes


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_focal_loss_equals_its_formula(rng, gamma):
    probabilities = rng.dirichlet(np.ones(3), size=8).astype(np.float32)
    truth = rng.integers(0, 3, 8)
    chosen = probabilities[np.arange(8), truth]
    expected = np.mean(-((1 - chosen) ** gamma) * np.log(chosen))
    focal = loss_function({"loss": "focal", "gamma": gamma}, 3)
    assert float(focal(truth, probabilities)) == pytest.approx(expected, rel=1e-4)
    if gamma == 0:
        entropy = loss_function({"loss": "cross-entropy"}, 3)
        assert float(entropy(truth, probabilities)) == pytest.approx(expected, rel=1e-4)

    p = probabilities[:, :1]
    sleeping = (truth > 0).astype(np.float32)[:, None]
    chosen = np.where(sleeping == 1, p, 1 - p)
    expected = np.mean(-((1 - chosen) ** gamma) * np.log(chosen))
    assert float(loss_function({"loss": "focal", "gamma": gamma}, 2)(sleeping, p)) == pytest.approx(expected, rel=1e-4)
    assert isinstance(loss_function({"loss": "cross-entropy"}, 2), keras.losses.BinaryCrossentropy)


def test_label_table_puts_each_label_in_its_place():
    epochs = pd.DataFrame(
        {"mouse": ["a", "b", "a"], "recording": ["r", "r", "s"], "epoch": [2, 0, 4], "label": [1, 2, 0]}
    )
    table = label_table(epochs, [("b", "r"), ("a", "r"), ("a", "s")])
    assert table.tolist() == [[2, -1, -1, -1, -1], [-1, -1, 1, -1, -1], [-1, -1, -1, -1, 0]]


def test_shuffled_labels_are_the_same_labels_elsewhere():
    epochs = pd.DataFrame({"epoch": range(60), "label": [0, 1, 2] * 20})
    shuffled = shuffled_labels(epochs, seed=1)
    assert sorted(shuffled["label"]) == sorted(epochs["label"])
    assert shuffled["label"].tolist() != epochs["label"].tolist()
    assert shuffled["epoch"].tolist() == epochs["epoch"].tolist()


def test_provenance_is_json_and_names_versions_and_inputs(tmp_path):
    weights = tmp_path / "model.keras"
    weights.write_bytes(b"weights")
    recordings = pd.DataFrame({"mouse": ["a"], "recording": ["r"], "sha256": ["0" * 64], "epochs": [3]})
    configuration = {"dataset": {"source": "local"}}
    document = json.loads(json.dumps(provenance(configuration, ["unknown.tsv"], recordings, "1" * 64, [weights])))
    assert document["software"]["numpy"] == np.__version__
    assert document["software"]["keras"] == keras.__version__
    assert document["inputs"]["recordings"][0]["sha256"] == "0" * 64
    assert document["inputs"]["weights"] == [{"path": str(weights), "sha256": hashlib.sha256(b"weights").hexdigest()}]
    assert document["without_record"] == ["unknown.tsv"]
    assert document["configuration"] == configuration
