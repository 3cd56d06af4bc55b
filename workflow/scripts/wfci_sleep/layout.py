"""The shape of a recording: scoring epochs, frames, the brain mask, and what networks see of an epoch."""

EPOCH_S = 10.0
"""Length of a scoring epoch in seconds."""

FRAME_RATE_HZ = 16.8
"""Nominal frame rate."""

EPOCH_FRAMES = 168
"""Frames of an epoch."""

FRAME_SHAPE = (128, 128)
"""Rows and columns of a frame."""

STANDARD_MASK_PIXELS = 11_214
"""Pixels of the standard brain mask, `parcelisbrain` of the authors' atlas."""

N_PARCELS = 40
"""Parcels of the atlas: 1 to 20 in the left hemisphere, k + 20 opposite to k."""

FRAMES, GRAPHS = "frames", "visibility-graphs"
"""What networks see of an epoch: keys of `preprocessing.inputs.INPUTS`."""


def hemisphere_columns(hemisphere: str, n_columns: int = 128) -> slice:
    """Columns of a hemisphere: `left` is the first half, `right` the second, `both` all.

    Examples
    --------
    >>> hemisphere_columns("right")
    slice(64, None, None)
    """
    half = n_columns // 2
    return {"both": slice(None), "left": slice(0, half), "right": slice(half, None)}[hemisphere]
