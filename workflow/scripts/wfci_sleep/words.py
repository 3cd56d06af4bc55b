"""What settings are called where people read them: on the report's opening page and in the methods."""

NORMALISATIONS = {
    "temporal-zscore": "each pixel z-scored over the window's frames",
    "spatial-zscore": "each frame z-scored over its pixels",
    "min-max": "each window scaled to 0..1",
}
HEMISPHERES = {"both": "both hemispheres", "left": "the left hemisphere", "right": "the right hemisphere"}
MASKS = {
    "recording": "inside the recording's mask",
    "atlas": "inside the atlas's brain",
    "both": "inside the recording's mask and the atlas's brain",
}
LOSSES = {"focal": "focal loss (gamma {gamma:g})", "cross-entropy": "cross-entropy"}
