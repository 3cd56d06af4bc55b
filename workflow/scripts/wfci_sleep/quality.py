"""Is a recording sound? One row of numbers, and what about them a person should look at."""

from collections.abc import Mapping

from wfci_sleep.atlas import Atlas
from wfci_sleep.errors import InputError
from wfci_sleep.recordings import EPOCH_FRAMES, FRAME_SHAPE, Recording
from wfci_sleep.states import EPOCH_S, GAP, STATES
from wfci_sleep.survey import RecordingSurvey

STANDARD_MASK_PIXELS = 11_214
"""Pixels of the standard brain mask, `parcelisbrain` of the authors' atlas."""

MASK_SIZE_RANGE = (0.5, 1.4)
"""Size of a usual mask, relative to the standard one."""

MAX_CONSTANT_SHARE = 0.01
"""More constant pixels than this in the mask are a dead patch of the camera, or a mask that is too wide."""

MIN_ATLAS_OVERLAP = 0.8
"""With less of the mask inside the atlas's brain, the recording is likely not registered to the atlas."""

MAX_ARTEFACT_SHARE = 0.5
"""Share of artefacts above which little of the recording is used."""

MIN_EPOCHS = 6
"""A run with fewer epochs (a minute) was likely broken off."""


def quality_row(recording: Recording, survey: RecordingSurvey, atlas: Atlas) -> dict[str, object]:
    """What a recording holds, in the order of the columns of the quality table.

    Parameters
    ----------
    recording : Recording
    survey : RecordingSurvey
        What `survey_recording` returned for it.
    atlas : Atlas

    Returns
    -------
    dict
        epochs, frames (of an epoch), rows, columns, dtype (as stored), duration_s; wake, nrem, rem, artefact (epochs);
        nan_share (of the mask's values), constant_share (of the mask's pixels), mask_pixels, atlas_overlap (share of
        the mask's pixels inside the atlas's brain); warnings (see `quality_warnings`), joined by "; ".

    Raises
    ------
    InputError
        If no value in the mask is a finite number.
    """
    mask, labels = recording.mask, recording.labels
    if survey.nan_share == 1:
        raise InputError(
            f"{recording.path}: data has no finite value in the mask, only NaN or infinity, expected dF/F; "
            "export the recording again or leave it out"
        )
    row = {
        "epochs": recording.n_epochs,
        "frames": EPOCH_FRAMES,
        "rows": FRAME_SHAPE[0],
        "columns": FRAME_SHAPE[1],
        "dtype": recording.dtype.name,
        "duration_s": recording.n_epochs * EPOCH_S,
        **{state.name: int((labels == label).sum()) for label, state in enumerate(STATES)},
        "artefact": int((labels == GAP).sum()),
        "nan_share": survey.nan_share,
        "constant_share": survey.constant_share,
        "mask_pixels": int(mask.sum()),
        "atlas_overlap": float(atlas.brain[mask].mean()),
    }
    return row | {"warnings": "; ".join(quality_warnings(row))}


def quality_warnings(row: Mapping[str, object]) -> list[str]:
    """What is unusual about a recording, though it can be used.

    A warning is given for

    - any value in the mask that is not a finite number;
    - more than `MAX_CONSTANT_SHARE` of the mask's pixels constant over the whole recording;
    - a mask outside `MASK_SIZE_RANGE` times the standard brain's `STANDARD_MASK_PIXELS`;
    - less than `MIN_ATLAS_OVERLAP` of the mask inside the atlas's brain;
    - no scored epoch: all are artefacts, and nothing of the recording is used;
    - else more than `MAX_ARTEFACT_SHARE` of the epochs artefacts;
    - only one state scored;
    - fewer than `MIN_EPOCHS` epochs.

    Parameters
    ----------
    row : mapping
        A row of the quality table.

    Returns
    -------
    list of str
        Empty when all is as it should be.
    """
    epochs, artefacts, pixels = row["epochs"], row["artefact"], row["mask_pixels"]
    least, most = (round(factor * STANDARD_MASK_PIXELS) for factor in MASK_SIZE_RANGE)
    scored = [state.name for state in STATES if row[state.name]]
    found = []
    if row["nan_share"] > 0:
        found.append(f"{row['nan_share']:.3g} of the mask's values are not finite numbers")
    if row["constant_share"] > MAX_CONSTANT_SHARE:
        found.append(
            f"{row['constant_share']:.1%} of the mask's pixels are constant, usual are {MAX_CONSTANT_SHARE:.0%}"
        )
    if not least <= pixels <= most:
        found.append(f"the mask has {pixels} pixels, usual are {least} to {most}")
    if row["atlas_overlap"] < MIN_ATLAS_OVERLAP:
        found.append(
            f"{row['atlas_overlap']:.1%} of the mask lie inside the atlas, usual are {MIN_ATLAS_OVERLAP:.0%} or more: "
            "is the recording registered to it?"
        )
    if not scored:
        found.append("no epoch is scored, all are artefacts: nothing of the recording is used")
    elif artefacts > MAX_ARTEFACT_SHARE * epochs:
        found.append(f"{artefacts} of {epochs} epochs are artefacts")
    if len(scored) == 1:
        found.append(f"only {scored[0]} is scored")
    if epochs < MIN_EPOCHS:
        found.append(f"{epochs} epochs, usual are {MIN_EPOCHS} or more")
    return found
