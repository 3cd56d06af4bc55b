"""What the configuration leaves out: recordings, epochs, and the entries that make no sense."""

import pandas as pd
import pytest

from wfci_sleep.data.exclusions import check_excluded, excluded_epochs, excluded_recordings
from wfci_sleep.errors import InputError

RECORDINGS = pd.DataFrame(
    {
        "mouse": ["Ms1", "Ms1", "M2", "M3"],
        "recording": ["Ms1-fc1", "Ms1-fc2", "noon", "noon"],
    }
)


def test_recordings_and_epochs_of_them():
    entries = [
        {"recording": "Ms1-fc2", "reason": "the window is cloudy"},
        {"mouse": "M3", "reason": "ill"},
        {"mouse": "M2", "recording": "noon", "epochs": [0, "4-6", 5], "reason": "moves"},
        {"recording": "Ms1-fc1", "epochs": ["7-7"], "reason": "light on"},
    ]
    assert excluded_recordings(entries, RECORDINGS) == {
        ("Ms1", "Ms1-fc2"): "the window is cloudy",
        ("M3", "noon"): "ill",
    }
    assert excluded_epochs(entries, "M2", "noon") == dict.fromkeys([0, 4, 5, 6], "moves")
    assert excluded_epochs(entries, "Ms1", "Ms1-fc1") == {7: "light on"}
    assert excluded_epochs(entries, "M3", "noon") == {}


def test_every_reason_is_kept():
    entries = [
        {"mouse": "Ms1", "reason": "ill"},
        {"recording": "Ms1-fc2", "reason": "the window is cloudy"},
        {"recording": "Ms1-fc1", "reason": "ill"},
        {"mouse": "M2", "recording": "noon", "epochs": ["3-5", 4], "reason": "moves"},
        {"mouse": "M2", "recording": "noon", "epochs": [5], "reason": "light on"},
    ]
    assert excluded_recordings(entries, RECORDINGS) == {
        ("Ms1", "Ms1-fc1"): "ill",
        ("Ms1", "Ms1-fc2"): "ill; the window is cloudy",
    }
    assert excluded_epochs(entries, "M2", "noon") == {3: "moves", 4: "moves", 5: "moves; light on"}


def test_the_names_most_like_the_wrong_one_come_first():
    keys = [(f"Ms{mouse}", f"Ms{mouse}-fc{run}") for mouse in range(1, 8) for run in range(1, 4)]
    recordings = pd.DataFrame(keys, columns=["mouse", "recording"])
    with pytest.raises(InputError, match=r"there is no recording ms6-fc2, expected one of Ms6-fc2, .*, \.\.\.$"):
        excluded_recordings([{"recording": "ms6-fc2", "reason": "why"}], recordings)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"recording": "Ms1-fc9"}, "there is no recording Ms1-fc9, expected one of Ms1-fc1, Ms1-fc2, noon"),
        ({"recording": "Ms1-fc1", "mouse": "M2"}, "there is no recording Ms1-fc1 of mouse M2, expected one of noon"),
        ({"recording": "noon", "mouse": "m3"}, "there is no mouse m3, expected one of M3, "),
        ({"mouse": "Ms4"}, "there is no mouse Ms4, expected one of Ms1, M2, M3"),
        ({"recording": "noon"}, "recording noon is of several mice, M2, M3; name the mouse too"),
        ({"mouse": "Ms1", "epochs": [1]}, "names no recording, expected recording, or mouse for all of"),
        ({}, "names no recording"),
        ({"recording": "Ms1-fc1", "epochs": ["9-7"]}, "epochs '9-7' end before they begin"),
    ],
)
def test_entries_that_name_nothing_are_refused(entry, message):
    with pytest.raises(InputError) as caught:
        excluded_recordings([{"mouse": "M3", "reason": "ill"}, entry | {"reason": "why"}], RECORDINGS)
    assert str(caught.value).startswith("dataset.exclude, entry 2: ")
    assert message in str(caught.value)


def test_something_has_to_be_left():
    entries = [{"mouse": mouse, "reason": "ill"} for mouse in ("Ms1", "M2", "M3")]
    with pytest.raises(InputError, match="dataset.exclude leaves out every recording, expected one that is used"):
        excluded_recordings(entries, RECORDINGS)


def test_epochs_have_to_be_there():
    check_excluded("a.mat", 9, {})
    check_excluded("a.mat", 9, {8: "moves"})
    with pytest.raises(InputError, match=r"dataset.exclude: a.mat has no epoch 9, expected epochs from 0 to 8"):
        check_excluded("a.mat", 9, {2: "moves", 9: "moves"})
