"""Quality of a recording: one row of numbers, and warnings about unusual ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wfci_sleep.data.atlas import Atlas
from wfci_sleep.data.exclusions import EXCLUDED, in_ranges
from wfci_sleep.data.recordings import LARGEST_USUAL, Recording
from wfci_sleep.errors import InputError
from wfci_sleep.layout import EPOCH_FRAMES, EPOCH_S, FRAME_SHAPE, STANDARD_MASK_PIXELS
from wfci_sleep.preprocessing.survey import RecordingSurvey
from wfci_sleep.preprocessing.windows import ARTEFACT
from wfci_sleep.states import STATES

MASK_SIZE_RANGE = (0.5, 1.4)
"""Size of a usual mask, relative to the standard one."""

USUAL_MASK_PIXELS = tuple(round(factor * STANDARD_MASK_PIXELS) for factor in MASK_SIZE_RANGE)
"""The same in pixels."""

MAX_CONSTANT_SHARE = 0.01
"""A larger share of constant pixels in the mask means a dead patch of the camera, or a mask that is too wide."""

MIN_ATLAS_OVERLAP = 0.8
"""If less of the mask lies inside the atlas's brain, the recording is likely not registered to the atlas."""

MIN_MASK_AGREEMENT = 0.9
"""Pixels that a mask shares with its mouse's usual one, relative to the pixels of either. Below this a tenth of the
pixels is missing, or the brain has moved by five pixels (0.4 mm). A mouse's mask is drawn once a session."""

MAX_SATURATED_SHARE = 0.01
"""A larger share of saturated pixels in the mask means a place that was too bright or too dark for the camera."""

MAX_JUMP = 5
"""Change from one frame to the next, relative to the changes around it. In synthetic recordings bursts of activity
reach 2.6, and movement artefacts begin at 6."""

MAX_ARTEFACT_SHARE = 0.5
"""Share of artefacts above which little of the recording is used."""

MIN_EPOCHS = 6
"""A run with fewer epochs (one minute) was likely aborted."""


def quality_row(recording: Recording, survey: RecordingSurvey, atlas: Atlas, index: pd.DataFrame) -> dict[str, object]:
    """A recording's row of the quality table, in the order of its columns.

    Parameters
    ----------
    recording : Recording
    survey : RecordingSurvey
        As `survey_recording` returned it for this recording.
    atlas : Atlas
    index : table
        Which epochs are used, and why others are not, as `windows.window_index` gives it.

    Returns
    -------
    dict
        epochs, frames (of an epoch), rows, columns, dtype (as stored), duration_s; wake, nrem, rem (epochs that are
        used), artefact, no_signal, excluded (epochs that are not); left_out (the last two kinds in words); nan_share
        (of the mask's values), saturated_share (of the mask's pixels), largest_value, largest_jump and jump_epochs (of
        the epochs that are used), constant_share (of the mask's pixels), mask_pixels, atlas_overlap (share of the
        mask's pixels inside the atlas's brain); warnings (see `quality_warnings`), joined by "; ".

    Raises
    ------
    InputError
        If no value in the mask is a finite number.
    """
    mask = recording.mask
    if survey.nan_share == 1:
        found = (
            "was never written"
            if recording.unwritten.all()
            else "has no finite value in the mask, only NaN or infinity"
        )
        raise InputError(f"{recording.path}: data {found}, expected dF/F; export the recording again or leave it out")
    left_out = index[~index["kept"] & (index["reason"] != ARTEFACT)]
    excluded = left_out["reason"].str.startswith(EXCLUDED)
    jumps = np.where(index["kept"], survey.jumps, 0)
    row: dict[str, Any] = {
        "epochs": recording.n_epochs,
        "frames": EPOCH_FRAMES,
        "rows": FRAME_SHAPE[0],
        "columns": FRAME_SHAPE[1],
        "dtype": recording.dtype.name,
        "duration_s": recording.n_epochs * EPOCH_S,
        **{state.name: int((index["label"] == label).sum()) for label, state in enumerate(STATES)},
        "artefact": int((index["reason"] == ARTEFACT).sum()),
        "no_signal": int((~excluded).sum()),
        "excluded": int(excluded.sum()),
        "left_out": ", ".join(f"{in_ranges(same['epoch'])} {reason}" for reason, same in left_out.groupby("reason")),
        "nan_share": survey.nan_share,
        "saturated_share": survey.saturated_share,
        "largest_value": survey.largest_value,
        "largest_jump": float(jumps.max()),
        "jump_epochs": in_ranges(np.flatnonzero(jumps > MAX_JUMP).tolist()) if jumps.max() > MAX_JUMP else "",
        "constant_share": survey.constant_share,
        "mask_pixels": int(mask.sum()),
        "atlas_overlap": float(atlas.brain[mask].mean()),
    }
    return row | {"warnings": "; ".join([*quality_warnings(row), *_elsewhere(recording)])}


def left_out_row(reason: str) -> dict[str, object]:
    """The row of a recording that is left out as a whole: no epoch, the reason, and no checksum yet."""
    counts = (*(state.name for state in STATES), "artefact", "no_signal", "excluded")
    return {
        "epochs": 0,
        "frames": EPOCH_FRAMES,
        "rows": FRAME_SHAPE[0],
        "columns": FRAME_SHAPE[1],
        "dtype": None,
        "duration_s": 0.0,
        **dict.fromkeys(counts, 0),
        "left_out": reason,
        **dict.fromkeys(("nan_share", "saturated_share", "largest_value", "largest_jump", "jump_epochs")),
        "constant_share": None,
        "mask_pixels": 0,
        "atlas_overlap": None,
        "warnings": "",
        "sha256": None,
    }


def quality_warnings(row: Mapping[str, Any]) -> list[str]:
    """Warnings about a recording that is unusual but can be used.

    A warning is given for

    - epochs without a signal, which are left out;
    - any value in the mask that is not a finite number;
    - more than `MAX_CONSTANT_SHARE` of the mask's pixels constant over the whole recording;
    - more than `MAX_SATURATED_SHARE` of the mask's pixels saturated;
    - a value beyond `LARGEST_USUAL`;
    - a change of more than `MAX_JUMP` between two frames of an epoch that is used;
    - a mask outside `MASK_SIZE_RANGE` times the standard brain's `STANDARD_MASK_PIXELS`;
    - less than `MIN_ATLAS_OVERLAP` of the mask inside the atlas's brain;
    - no epoch that is used;
    - otherwise more than `MAX_ARTEFACT_SHARE` of the epochs artefacts;
    - only one state scored;
    - fewer than `MIN_EPOCHS` epochs.

    Parameters
    ----------
    row : mapping
        A row of the quality table.

    Returns
    -------
    list of str
        Empty if nothing is unusual.
    """
    epochs, artefacts, pixels = row["epochs"], row["artefact"], row["mask_pixels"]
    least, most = USUAL_MASK_PIXELS
    scored = [state.name for state in STATES if row[state.name]]
    found = []
    if row["no_signal"]:
        found.append(f"epochs without a signal are left out: {row['left_out']}")
    if row["nan_share"] > 0:
        found.append(f"{row['nan_share']:.3g} of the mask's values are not finite numbers")
    if row["constant_share"] > MAX_CONSTANT_SHARE:
        found.append(
            f"{row['constant_share']:.1%} of the mask's pixels are constant, usual are {MAX_CONSTANT_SHARE:.0%}"
        )
    if row["saturated_share"] > MAX_SATURATED_SHARE:
        found.append(
            f"{row['saturated_share']:.1%} of the mask's pixels have their highest or lowest value again and again, as "
            f"if saturated, usual are {MAX_SATURATED_SHARE:.0%}"
        )
    if row["largest_value"] > LARGEST_USUAL:
        found.append(
            f"values reach {row['largest_value']:.3g} from zero, dF/F stays below {LARGEST_USUAL:g}: is it another "
            "unit, an offset, or damage?"
        )
    if row["largest_jump"] > MAX_JUMP:
        found.append(
            f"{row['jump_epochs']}: from one frame to the next the image changes up to {row['largest_jump']:.3g} times "
            f"as much as around it, usual are {MAX_JUMP}"
        )
    if not least <= pixels <= most:
        found.append(f"the mask has {pixels} pixels, usual are {least} to {most}")
    if row["atlas_overlap"] < MIN_ATLAS_OVERLAP:
        found.append(
            f"{row['atlas_overlap']:.1%} of the mask lie inside the atlas, usual are {MIN_ATLAS_OVERLAP:.0%} or more: "
            "is the recording registered to it?"
        )
    if artefacts == epochs:
        found.append("no epoch is scored, all are artefacts: nothing of the recording is used")
    elif not scored:
        found.append("no epoch is both scored and left in: nothing of the recording is used")
    elif artefacts > MAX_ARTEFACT_SHARE * epochs:
        found.append(f"{artefacts} of {epochs} epochs are artefacts")
    if len(scored) == 1:
        found.append(f"only {scored[0]} is scored")
    if epochs < MIN_EPOCHS:
        found.append(f"{epochs} epochs, usual are {MIN_EPOCHS} or more")
    return found


def mask_warnings(masks: Mapping[tuple[str, str], np.ndarray]) -> dict[tuple[str, str], str]:
    """Warnings about masks that differ from those of the same mouse's other recordings.

    Parameters
    ----------
    masks : mapping of (mouse, recording) to array of bool, shape (128, 128)
        A recording that is left out has a mask without a pixel.

    Returns
    -------
    dict of (mouse, recording) to str
        For each mask whose Jaccard index (Jaccard 1912, New Phytol. 11, 37) with the mouse's usual mask is below
        `MIN_MASK_AGREEMENT`. The usual mask has the pixels that at least half of the mouse's masks have.

    Examples
    --------
    >>> brain = np.ones((4, 4), dtype=bool)
    >>> mask_warnings({("Ms1", "a"): brain, ("Ms1", "b"): brain, ("Ms1", "c"): np.triu(brain)})
    {('Ms1', 'c'): "the mask shares 62.5% of its pixels with the mouse's other masks, usual are 90% or more"}
    """
    found = {}
    masks = {key: mask for key, mask in masks.items() if mask.any()}
    for mouse in dict.fromkeys(mouse for mouse, _ in masks):
        own = {key: mask for key, mask in masks.items() if key[0] == mouse}
        usual = np.mean(list(own.values()), axis=0) >= 0.5
        for key, mask in own.items():
            shared = (mask & usual).sum() / (mask | usual).sum()
            if shared < MIN_MASK_AGREEMENT:
                found[key] = (
                    f"the mask shares {shared:.1%} of its pixels with the mouse's other masks, "
                    f"usual are {MIN_MASK_AGREEMENT:.0%} or more"
                )
    return found


def _elsewhere(recording: Recording) -> list[str]:
    if not recording.other_files:
        return []
    return [f"data lie in other files too ({', '.join(recording.other_files)}), of which the checksum says nothing"]


def with_notes(quality: pd.DataFrame, notes: Sequence[str]) -> pd.DataFrame:
    """The quality table with a row appended for each note on all recordings; such a row has no mouse."""
    if not notes:
        return quality
    # Integers stay integers in columns with empty cells.
    whole = quality.astype(dict.fromkeys(quality.select_dtypes("integer"), "Int64"))
    return pd.concat([whole, pd.DataFrame({"warnings": list(notes)})], ignore_index=True)


def recordings_and_notes(quality: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The table of the recordings and the notes that `with_notes` joined.

    Examples
    --------
    >>> quality = pd.DataFrame({"mouse": ["Ms1"], "epochs": [9], "warnings": [None]})
    >>> table, notes = recordings_and_notes(with_notes(quality, ["1 file is left aside"]))
    >>> table["epochs"].tolist(), notes
    ([9], ['1 file is left aside'])
    """
    of_recording = quality["mouse"].notna()
    return quality[of_recording].convert_dtypes(), quality.loc[~of_recording, "warnings"].tolist()
