"""Tables of the recordings."""

from typing import TYPE_CHECKING

from wfci_sleep.states import STATES
from wfci_sleep.tables import COUNT, FROM_1, SHA256, SHARE, TEXT, Rule, Table, number, or_empty

if TYPE_CHECKING:
    import pandas as pd

_STATES = tuple(state.name for state in STATES)
_FOUND = {
    **dict.fromkeys(("epochs", *_STATES, "artefact", "no_signal", "excluded", "mask_pixels"), COUNT),
    **dict.fromkeys(("frames", "rows", "columns"), FROM_1),
    "duration_s": number(0),
}
# Nothing is known of a recording that is left out.
_MEASURED = {
    "dtype": or_empty(TEXT),
    **dict.fromkeys(("nan_share", "saturated_share", "constant_share", "atlas_overlap"), or_empty(SHARE)),
    **dict.fromkeys(("largest_value", "largest_jump"), or_empty(number(0))),
}
_SAID = dict.fromkeys(("left_out", "jump_epochs", "warnings"), or_empty(TEXT))

INDEX = Table(
    {
        **dict.fromkeys(("mouse", "recording"), or_empty(TEXT)),
        "order": or_empty(COUNT),
        "path": TEXT,
        "sha256": SHA256,
        "bytes": or_empty(COUNT),
        "url": or_empty(TEXT),
    },
    key=("path",),
)
_RECORDING = ["mouse", "recording"]


def _is_whole(table: "pd.DataFrame") -> "pd.Series":
    """Whether every value of a recording is known, or the reason why it is left out."""
    return table[list(_MEASURED)].notna().all(axis=1) | ((table["epochs"] == 0) & table["left_out"].notna())


def _is_whole_or_note(table: "pd.DataFrame") -> "pd.Series":
    filled = table.drop(columns="warnings").notna()
    is_note = ~filled.any(axis=1) & table["warnings"].notna()
    return is_note | (_is_whole(table) & table[["mouse", "recording", *_FOUND]].notna().all(axis=1))


def _counts_add_up(table: "pd.DataFrame") -> "pd.Series":
    each = table[[*_STATES, "artefact", "no_signal", "excluded"]].sum(axis=1)
    return table["epochs"].isna() | (each == table["epochs"])


_ADD_UP = Rule("epochs", "as many as those of all kinds together", _counts_add_up)
_SHA256 = or_empty(SHA256)  # of a recording that is left out, whose file may be of no use

CHECK = Table(
    {**_FOUND, **_MEASURED, **_SAID, "sha256": _SHA256},
    rules=(Rule("left_out", "a reason, or every value", _is_whole), _ADD_UP),
)
# Rows without a mouse are notes on all recordings.
QUALITY = Table(
    {
        name: or_empty(column)
        for name, column in {"mouse": TEXT, "recording": TEXT, **_FOUND, **_MEASURED, **_SAID}.items()
    },
    rules=(
        Rule(
            "mouse", "a row with every value, one with a reason to be left out, or a warning alone", _is_whole_or_note
        ),
        Rule("recording", "each recording once", lambda table: table["mouse"].isna() | ~table.duplicated(_RECORDING)),
        _ADD_UP,
    ),
)
# Without an epoch: left out.
RECORDINGS = Table(
    {"mouse": TEXT, "recording": TEXT, "order": COUNT, "path": TEXT, "sha256": _SHA256, "epochs": COUNT},
    key=("mouse", "recording"),
    rules=(Rule("sha256", "a checksum", lambda table: table["sha256"].notna() | (table["epochs"] == 0)),),
)
PARCELS = Table({"epoch": COUNT, "time_s": number(0)}, others=or_empty(number()))
