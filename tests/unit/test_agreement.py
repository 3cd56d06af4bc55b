"""Further scorers and how well scorers agree."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from wfci_sleep.agreement import agreement_table
from wfci_sleep.errors import InputError
from wfci_sleep.hypnogram import Hypnogram
from wfci_sleep.scorers import read_scores

RECORDINGS = pd.DataFrame({"mouse": ["1", "1"], "recording": ["1-fc1", "1-fc2"], "order": [1, 2], "epochs": [4, 3]})
CLASSES = ["wake", "nrem", "rem"]


def written(tmp_path, *lines, header="mouse\trecording\tepoch\tstate"):
    path = tmp_path / "second.tsv"
    path.write_text("\n".join([header, *lines, ""]))
    return path


def test_scores_become_labels_and_artefacts_are_left_out(tmp_path):
    path = written(tmp_path, "1\t1-fc1\t0\twake", "1\t1-fc1\t3\trem", "1\t1-fc2\t2\tnrem", "1\t1-fc2\t1\tartefact")
    table = read_scores(path, RECORDINGS, CLASSES)
    assert table.to_numpy().tolist() == [["1", "1-fc1", 0, 0], ["1", "1-fc1", 3, 2], ["1", "1-fc2", 2, 1]]
    assert read_scores(path, RECORDINGS, ["wake", "sleep"])["label"].tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1\t1-fc1\t0\tW"], "state is 'W' in line 2, expected one of wake, nrem, rem, artefact"),
        (["1\t1-fc1\t0\twake", "1\t1-fc1\t4\twake"], "line 3 scores epoch 4 of 1, 1-fc1, of 4 epochs; expected"),
        (["1\t1-fc1\t-1\twake"], "line 2 scores epoch -1 of 1, 1-fc1, of 4 epochs"),
        (["1\t1-fc3\t0\twake"], "line 2 scores epoch 0 of 1, 1-fc3, not a recording of this run; expected"),
        (["1\t1-fc1\t2\twake"] * 2, "epoch 2 of 1, 1-fc1 is scored twice"),
    ],
)
def test_wrong_scores_are_named_in_one_line(tmp_path, lines, message):
    path = written(tmp_path, *lines)
    with pytest.raises(InputError) as caught:
        read_scores(path, RECORDINGS, CLASSES)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_without_states_is_refused(tmp_path):
    path = written(tmp_path, "1\t1-fc1\t0\t1", header="mouse\trecording\tepoch\tscore")
    with pytest.raises(InputError, match="column state is missing"):
        read_scores(path, RECORDINGS, CLASSES)


@pytest.fixture
def scorers(rng):
    """Two mice, three scorers who agree on most epochs; the third scored the first mouse only."""
    hypnograms = {}
    for mouse in ("a", "b"):
        truth = np.repeat(rng.integers(0, 3, 60), rng.integers(1, 12, 60))
        others = [
            np.where(rng.random(len(truth)) < share, rng.integers(0, 3, len(truth)), truth) for share in (0.2, 0.4)
        ]
        truth[rng.random(len(truth)) < 0.1] = -1
        hypnograms[mouse] = {"cnn-bilstm": Hypnogram(others[0]), "human": Hypnogram(truth)}
        if mouse == "a":
            hypnograms[mouse]["second"] = Hypnogram(others[1])
    return hypnograms


def test_kappa_of_every_pair_equals_scikit_learns(scorers):
    table = agreement_table(scorers, 200, 0)
    pairs = table.loc[table["metric"] == "kappa"].set_index(["mouse", "scorer_a", "scorer_b"])
    assert len(pairs) == 2 * 3 - 2 + 3
    for (mouse, first, second), row in pairs.iterrows():
        mice = [name for name, each in scorers.items() if mouse in (name, "all") and {first, second} <= set(each)]
        a, b = (np.concatenate([scorers[name][scorer].states for name in mice]) for scorer in (first, second))
        common = (a >= 0) & (b >= 0)
        assert row["n"] == common.sum()
        assert row["value"] == pytest.approx(cohen_kappa_score(a[common], b[common]))
        assert row["ci_low"] < row["value"] < row["ci_high"]


def test_intervals_are_over_bouts_not_epochs():
    """Forty bouts of ten equal epochs are forty observations, not four hundred."""
    rng = np.random.default_rng(1)
    truth, right = rng.integers(0, 2, 40), rng.random(40) < 0.8
    predicted = np.where(right, truth, 1 - truth)
    widths = []
    for length in (1, 10):
        # Unscored epochs part the bouts, also those of equal states.
        a, b = (np.stack([each] * length + [np.full(40, -1)], axis=1).reshape(-1) for each in (predicted, truth))
        table = agreement_table({"m": {"x": Hypnogram(a), "y": Hypnogram(b)}}, 2000, 0)
        row = table[(table["mouse"] == "m") & (table["metric"] == "accuracy")].iloc[0]
        assert row["value"] == pytest.approx(right.mean())
        widths.append(row["ci_high"] - row["ci_low"])
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_scorers_without_a_common_epoch_have_no_kappa():
    table = agreement_table({"m": {"x": Hypnogram([0, -1]), "y": Hypnogram([-1, 1])}}, 100, 0)
    assert table["value"].isna().all()
    assert (table["n"] == 0).all()
    assert agreement_table({"m": {"x": Hypnogram([0])}}, 100, 0).empty
