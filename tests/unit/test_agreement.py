"""Further raters and how well raters agree."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from wfci_sleep.analysis.agreement import agreement_table
from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.performance import metrics_table
from wfci_sleep.analysis.raters import check_raters, read_scores
from wfci_sleep.analysis.sessions import session_hypnograms
from wfci_sleep.errors import InputError

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


def test_epochs_may_be_written_with_a_point(tmp_path):
    path = written(tmp_path, "1\t1-fc1\t0.0\twake", "1\t1-fc2\t2.0\tnrem")
    assert read_scores(path, RECORDINGS, CLASSES)["epoch"].tolist() == [0, 2]


def test_epochs_are_compared_where_their_number_is_known(tmp_path):
    known = RECORDINGS.assign(epochs=[0 if name == "1-fc2" else 4 for name in RECORDINGS["recording"]])
    check_raters({written(tmp_path, "1\t1-fc1\t3\twake", "1\t1-fc2\t999\twake"): "second"}, known)
    with pytest.raises(InputError, match="line 2 scores epoch 4 of 1, 1-fc1, of 4 epochs; expected"):
        check_raters({written(tmp_path, "1\t1-fc1\t4\twake"): "second"}, known)


def test_tables_are_checked_before_the_epochs_are_known(tmp_path):
    known = RECORDINGS.drop(columns="epochs")
    check_raters({written(tmp_path, "1\t1-fc1\t999\twake"): "second"}, known)
    with pytest.raises(InputError, match=r"line 2 scores epoch 0 of 1, 1-fc9, not a recording of this run; expected"):
        check_raters({written(tmp_path, "1\t1-fc9\t0\twake"): "second"}, known)
    with pytest.raises(InputError, match="line 2, column state: found 'W'"):
        check_raters({written(tmp_path, "1\t1-fc9\t0\tW"): "second"})
    with pytest.raises(InputError, match=r"gone\.tsv: does not exist, expected the scores of second"):
        check_raters({str(tmp_path / "gone.tsv"): "second"})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1\t1-fc1\t0\tW"], "line 2, column state: found 'W', expected one of wake, nrem, rem, artefact; correct it"),
        (["1\t1-fc1\t0\twake", "1\t1-fc1\t4\twake"], "line 3 scores epoch 4 of 1, 1-fc1, of 4 epochs; expected"),
        (["1\t1-fc1\t-1\twake"], "line 2, column epoch: found '-1', expected a whole number from 0; correct it"),
        (["1\t1-fc3\t0\twake"], "line 2 scores epoch 0 of 1, 1-fc3, not a recording of this run; expected"),
        (["1\t1-fc1\t2\twake"] * 2, "line 3 is a second one of mouse 1, recording 1-fc1, epoch 2, expected one"),
        (
            ["1\t1-fc1\t0\twake", "1\t1-fc1\t3,0\twake"],
            "line 3, column epoch: found '3,0', expected a whole number from 0; correct it",
        ),
        (["1\t1-fc1\t0\twake", "1\t1-fc1\t0.5\twake"], "line 3, column epoch: found '0.5', expected a whole number"),
        (["1\t1-fc1\t0\twake", "1\t1-fc1\tinf\twake"], "line 3, column epoch: found 'inf', expected a whole number"),
        (["1\t1-fc1\t0\twake", "1\t1-fc1\t1\t"], "line 3, column state: found nothing, expected one of wake"),
        (["1\t1-fc1\t0\twake\t"], "line 2 has 5 cells, the header 4; correct it"),
        (["2\t1-fc1\t0.0\twake"], "line 2 scores epoch 0 of 2, 1-fc1, not a recording of this run; expected"),
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
def raters(rng):
    """Three mice, three raters who agree on most epochs; the third scored the first mouse only."""
    hypnograms = {}
    for mouse in ("a", "b", "c"):
        truth = np.repeat(rng.integers(0, 3, 60), rng.integers(1, 12, 60))
        others = [
            np.where(rng.random(len(truth)) < share, rng.integers(0, 3, len(truth)), truth) for share in (0.2, 0.4)
        ]
        truth[rng.random(len(truth)) < 0.1] = -1
        hypnograms[mouse] = {"cnn-bilstm": Hypnogram(others[0]), "human": Hypnogram(truth)}
        if mouse == "a":
            hypnograms[mouse]["second"] = Hypnogram(others[1])
    return hypnograms


def test_kappa_of_every_pair_equals_scikit_learns(raters):
    table = agreement_table(raters, 200, 0)
    pairs = table.loc[table["metric"] == "kappa"].set_index(["mouse", "scorer_a", "scorer_b"])
    assert len(pairs) == 3 * 3 - 2 * 2 + 3
    for (mouse, first, second), row in pairs.iterrows():
        mice = [name for name, each in raters.items() if mouse in (name, "all") and {first, second} <= set(each)]
        a, b = (np.concatenate([raters[name][rater].states for name in mice]) for rater in (first, second))
        common = (a >= 0) & (b >= 0)
        assert row["n"] == common.sum()
        assert row["value"] == pytest.approx(cohen_kappa_score(a[common], b[common]))
        assert row["ci_low"] < row["value"] < row["ci_high"]
        assert row["interval_over"].endswith("mice" if len(mice) > 1 else "bouts")


@pytest.mark.parametrize("mice", [["Ms1"], ["Ms2", "Ms10"], ["Ms1", "Ms2", "Ms10"]])
def test_network_and_human_have_one_interval_in_both_tables(rng, mice):
    """Every kappa and accuracy of metrics.tsv is agreement.tsv's row of network and human, limits and all."""
    # Twelve runs, so that the order of names is not that of time, with artefacts and a share of epochs under test.
    recordings = [(mouse, f"{mouse}-fc{run}", run, 20) for mouse in mice for run in range(1, 13)]
    recordings = pd.DataFrame(recordings, columns=["mouse", "recording", "order", "epochs"])
    keys = recordings.loc[recordings.index.repeat(20), ["mouse", "recording"]]
    truth = np.repeat(rng.integers(0, 3, len(keys) // 4), 4)
    predicted = np.where(rng.random(len(keys)) < 0.3, rng.integers(0, 3, len(keys)), truth)
    predictions = keys.assign(epoch=np.tile(np.arange(20), len(recordings)), y_true=truth, y_pred=predicted, fold=1)
    predictions = predictions.assign(p_wake=0.7, p_nrem=0.2, p_rem=0.1, confidence=0.7)
    predictions = predictions.sample(frac=0.8, random_state=1).reset_index(drop=True)
    measured = metrics_table(predictions, CLASSES, 200, 7)
    agreed = agreement_table(session_hypnograms({"cnn-bilstm": predictions}, recordings, CLASSES), 200, 7)
    agreed = agreed.set_index(["mouse", "metric"])
    assert len(agreed) == 2 * (len(mice) + 1)
    for (mouse, metric), row in agreed.iterrows():
        found = measured[(measured["unit"] == mouse) & (measured["metric"] == metric)]
        (found,) = found.loc[found["level"].isin(["pooled", "mouse"]), ["value", "ci_low", "ci_high", "n"]].to_numpy()
        np.testing.assert_array_equal(row[["value", "ci_low", "ci_high", "n"]].to_numpy(dtype=float), found)
    assert agreed.loc[("all", "kappa"), "interval_over"].endswith(("mice", "bouts"))


def test_the_human_s_bouts_count_wherever_the_human_is():
    """Of human and second rater, as of network and human: the second's states make no clusters of their own."""
    human, second = np.repeat([0, 1] * 6, 5), np.arange(60) % 2
    table = agreement_table({"m": {"human": Hypnogram(human), "second": Hypnogram(second)}}, 100, 0)
    assert set(table["interval_over"]) == {"12 bouts"}


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


def test_raters_without_a_common_epoch_have_no_kappa():
    table = agreement_table({"m": {"x": Hypnogram([0, -1]), "y": Hypnogram([-1, 1])}}, 100, 0)
    assert table["value"].isna().all()
    assert (table["n"] == 0).all()
    assert agreement_table({"m": {"x": Hypnogram([0])}}, 100, 0).empty
