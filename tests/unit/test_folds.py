"""Folds: every protocol's promises, and the mistakes it refuses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wfci_sleep.errors import InputError
from wfci_sleep.training.folds import check_no_leakage, fold_epochs, make_folds, mice_under_test, n_folds

BASE = {"protocol": "leave-one-mouse-out", "k": 3, "held_out": None, "validation_mice": 1, "fixed": [], "seed": 42}


def epochs_of(sizes):
    rows = [(mouse, f"{mouse}-fc{1 + e // 10}", e % 10) for mouse, size in sizes.items() for e in range(size)]
    return pd.DataFrame(rows, columns=["mouse", "recording", "epoch"])


def mice_of(folds, fold, split):
    return set(folds.loc[(folds["fold"] == fold) & (folds["split"] == split), "mouse"])


@given(st.integers(3, 8), st.integers(1, 2), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_leave_one_mouse_out_tests_each_mouse_once_and_never_leaks(n_mice, validation_mice, seed):
    mice = [f"Ms{number}" for number in range(1, n_mice + 1)]
    if n_mice < validation_mice + 2:
        return
    epochs = epochs_of({mouse: 5 + 7 * index for index, mouse in enumerate(mice)})
    folds = make_folds(epochs, mice, {**BASE, "validation_mice": validation_mice, "seed": seed})
    assert len(folds) == n_mice * len(epochs)
    for fold, mouse in enumerate(mice, start=1):
        assert mice_of(folds, fold, "test") == {mouse}
        assert len(mice_of(folds, fold, "validation")) == validation_mice
        assert mice_of(folds, fold, "train") == set(mice) - {mouse} - mice_of(folds, fold, "validation")


def test_folds_are_numbered_in_the_order_of_the_mice():
    mice = ["Ms1", "Ms2", "Ms10"]
    folds = make_folds(epochs_of(dict.fromkeys(mice, 4)), mice, BASE)
    assert [mice_of(folds, fold, "test") for fold in (1, 2, 3)] == [{"Ms1"}, {"Ms2"}, {"Ms10"}]


def test_k_fold_tests_each_mouse_once():
    mice = [f"Ms{number}" for number in range(1, 8)]
    folds = make_folds(epochs_of(dict.fromkeys(mice, 6)), mice, {**BASE, "protocol": "k-fold"})
    tested = [mouse for fold in (1, 2, 3) for mouse in mice_of(folds, fold, "test")]
    assert sorted(tested) == sorted(mice)
    assert n_folds({**BASE, "protocol": "k-fold"}, mice) == folds["fold"].nunique() == 3


@pytest.mark.parametrize(("held_out", "tested"), [(None, "Ms10"), ("Ms2", "Ms2")])
def test_a_held_out_mouse_is_in_the_test_alone(held_out, tested):
    mice = ["Ms1", "Ms2", "Ms3", "Ms10"]
    settings = {**BASE, "protocol": "held-out-mouse", "held_out": held_out}
    epochs = epochs_of(dict.fromkeys(mice, 12))
    folds = make_folds(epochs, mice, settings)
    assert n_folds(settings, mice) == folds["fold"].nunique() == 1
    assert len(folds) == len(epochs)
    assert mice_of(folds, 1, "test") == {tested} == set(mice_under_test(settings, mice))
    assert len(mice_of(folds, 1, "validation")) == 1
    # Its epochs stay in order of time.
    order = folds.loc[folds["split"] == "test", ["recording", "epoch"]]
    assert order.equals(epochs.loc[epochs["mouse"] == tested, ["recording", "epoch"]])


def test_fixed_takes_the_lists_and_leaves_other_mice_out():
    fixed = [{"train": ["a", "b"], "validation": ["c"], "test": ["d"]}]
    folds = make_folds(
        epochs_of(dict.fromkeys("abcde", 4)), list("abcde"), {**BASE, "protocol": "fixed", "fixed": fixed}
    )
    assert mice_of(folds, 1, "train") == {"a", "b"}
    assert mice_of(folds, 1, "test") == {"d"}
    assert "e" not in set(folds["mouse"])


def test_pooled_has_the_published_sizes():
    # 18,091 epochs of 17 mice gave 14,472 / 1,809 / 1,810 (Zhang et al. 2024).
    epochs = pd.DataFrame({"mouse": "a", "recording": "r", "epoch": np.arange(18091)})
    folds = make_folds(epochs, ["a"], {**BASE, "protocol": "pooled"})
    assert folds["split"].value_counts().to_dict() == {"train": 14472, "test": 1810, "validation": 1809}


def test_pooled_needs_an_epoch_for_each_split():
    pooled = {**BASE, "protocol": "pooled"}
    folds = make_folds(epochs_of({"a": 6}), ["a"], pooled)
    assert folds["split"].value_counts().to_dict() == {"train": 4, "test": 1, "validation": 1}
    for n_epochs in range(1, 6):
        message = f"folds.protocol pooled splits the scored epochs .* found {n_epochs}, expected 6 or more"
        with pytest.raises(InputError, match=message):
            make_folds(epochs_of({"a": n_epochs}), ["a"], pooled)


def test_same_seed_same_folds():
    mice = list("abcdef")
    epochs = epochs_of(dict.fromkeys(mice, 4))
    first, again = (make_folds(epochs, mice, BASE) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_leakage_is_an_error():
    leaking = pd.DataFrame(
        {"mouse": ["a", "a", "b"], "recording": "r", "epoch": [0, 1, 0], "fold": 1, "split": ["train", "test", "test"]}
    )
    with pytest.raises(
        InputError, match="fold 1: mouse a lies in train and test, expected each mouse in one split only"
    ):
        check_no_leakage(leaking)


@pytest.mark.parametrize(
    ("changes", "mice", "message"),
    [
        ({}, ["Ms1"], "leave-one-mouse-out needs at least 3 mice .* found 1 mouse: Ms1"),
        ({}, ["Ms1", "Ms2"], "needs at least 3 mice .* found 2 mice: Ms1, Ms2"),
        ({"protocol": "k-fold", "k": 5}, list("abc"), "k-fold needs at least 5 mice .* found 3 mice"),
        ({"protocol": "held-out-mouse"}, list("ab"), "held-out-mouse needs at least 3 mice"),
        (
            {"protocol": "held-out-mouse", "held_out": "x"},
            list("abc"),
            "held_out is x, expected a mouse out of a, b, c",
        ),
        ({"protocol": "fixed"}, list("abc"), "folds.fixed is empty"),
        (
            {"protocol": "fixed", "fixed": [{"train": ["a"], "validation": ["b"], "test": ["a"]}]},
            list("abc"),
            "fold 1 names a twice",
        ),
        (
            {"protocol": "fixed", "fixed": [{"train": ["a"], "validation": ["b"], "test": ["x"]}]},
            list("abc"),
            "fold 1 names x, expected mice out of a, b, c",
        ),
        (
            {"protocol": "fixed", "fixed": [{"train": [a], "validation": [b], "test": ["c"]} for a, b in ("ab", "ba")]},
            list("abc"),
            "folds.fixed tests c in 2 folds, expected one",
        ),
    ],
)
def test_impossible_protocols_are_refused(changes, mice, message):
    with pytest.raises(InputError, match=message):
        n_folds({**BASE, **changes}, mice)


def test_mouse_without_scored_epochs_is_named():
    with pytest.raises(
        InputError, match="mouse c has no scored epoch .* dataset.exclude: \\[{mouse: c, reason: ...}\\]"
    ):
        make_folds(epochs_of({"a": 3, "b": 3, "d": 3}), list("abcd"), BASE)


def test_a_mouse_whose_recordings_are_left_out_is_tested_by_no_fold():
    mice, epochs = list("abcde"), epochs_of({"a": 3, "b": 3, "d": 3, "e": 9})
    folds = make_folds(epochs, mice, BASE, without_epochs=True)
    assert [mice_of(folds, fold, "test") for fold in range(1, 6)] == [{"a"}, {"b"}, set(), {"d"}, {"e"}]
    for fold in range(1, 6):
        assert mice_of(folds, fold, "train")
        assert len(mice_of(folds, fold, "validation")) == 1
        assert set(folds.loc[folds["fold"] == fold, "mouse"]) == set("abde")
    k_folds = make_folds(epochs, mice, {**BASE, "protocol": "k-fold", "k": 2}, without_epochs=True)
    assert mice_of(k_folds, 1, "test") | mice_of(k_folds, 2, "test") == set("abde")
    pooled = make_folds(epochs, mice, {**BASE, "protocol": "pooled"}, without_epochs=True)
    assert len(pooled) == len(epochs)


@pytest.mark.parametrize(
    ("sizes", "changes", "message"),
    [
        ({"a": 3, "b": 3}, {}, "leave-one-mouse-out needs at least 3 mice .* found 2 mice: a, b"),
        ({"a": 3, "b": 3, "c": 3}, {"protocol": "held-out-mouse"}, r"fold 1 has no epoch for test: .* left out"),
        (
            {"a": 3, "b": 3, "d": 3},
            {"protocol": "fixed", "fixed": [{"train": ["a"], "validation": ["c"], "test": ["b"]}]},
            "fold 1 has no epoch for validation",
        ),
    ],
)
def test_what_is_left_has_to_suffice(sizes, changes, message):
    with pytest.raises(InputError, match=message):
        make_folds(epochs_of(sizes), list("abcd"), {**BASE, **changes}, without_epochs=True)


def test_fold_epochs_carry_their_labels():
    mice = list("abc")
    labelled = epochs_of(dict.fromkeys(mice, 4)).assign(label=np.arange(12) % 3)
    folds = make_folds(labelled, mice, BASE)
    found = fold_epochs(folds.sample(frac=1, random_state=1), labelled.sample(frac=1, random_state=2), 2)
    merged = found.merge(labelled, on=["mouse", "recording", "epoch"], suffixes=("", "_expected"))
    assert len(found) == 12
    assert (merged["label"] == merged["label_expected"]).all()
