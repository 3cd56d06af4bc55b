"""What networks see of an epoch: a kind of network takes one of `INPUTS`, whose windows are cut into shards.

A new input is a module beside this one and an entry here. Arrays and files are imported only when something is cut.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from wfci_sleep.layout import FRAME_SHAPE, FRAMES, GRAPHS, N_PARCELS, STANDARD_MASK_PIXELS
from wfci_sleep.preprocessing.windowings import frame_shape, n_frames

if TYPE_CHECKING:  # the start of Snakemake would wait for it
    import numpy as np

Cut: TypeAlias = Callable[[Mapping[str, str], Sequence[Mapping], "np.ndarray", Sequence[str], int], str]
"""Function of the files to cut from, the `windows` sections, the label of each epoch, the shards to write and the
number of threads. It returns a line on what the windows hold."""

_MASKED_SHARE = STANDARD_MASK_PIXELS / (FRAME_SHAPE[0] * FRAME_SHAPE[1])
_BYTES = {"float16": 2, "float32": 4}


@dataclass(frozen=True)
class Input:
    """What a network sees of an epoch.

    Attributes
    ----------
    sources : tuple of str
        What windows are cut from: names of files of a recording, as `workflow/rules/preprocess.smk` knows them.
    settings : tuple of str
        Keys of the `windows` section that windows depend on.
    shape : function of the `windows` section
        Shape of a window as it is stored.
    megabytes : function of the `windows` section
        Megabytes of a window on disk: the standard mask's pixels, or bits for the pairs of frames; uncompressed.
    cutter : function without arguments
        Returns the function that cuts a recording, see `Cut`.
    """

    sources: tuple[str, ...]
    settings: tuple[str, ...]
    shape: Callable[[Mapping], tuple[int, int, int]]
    megabytes: Callable[[Mapping], float]
    cutter: Callable[[], Cut]


def _frames() -> Cut:
    from wfci_sleep.preprocessing.cutting import cut_frames

    return cut_frames


def _graphs() -> Cut:
    from wfci_sleep.preprocessing.graphs import cut_graphs

    return cut_graphs


def _frames_shape(windows: Mapping) -> tuple[int, int, int]:
    return (n_frames(windows["seconds"]), *frame_shape(windows))


def _frames_megabytes(windows: Mapping) -> float:
    n, rows, columns = _frames_shape(windows)
    return n * rows * columns * _MASKED_SHARE * _BYTES[windows["storage"]] / 1e6


def _graphs_shape(windows: Mapping) -> tuple[int, int, int]:
    length = n_frames(windows["seconds"])
    return length, length, N_PARCELS


def _graphs_megabytes(windows: Mapping) -> float:
    length, _, n_parcels = _graphs_shape(windows)
    return n_parcels * length * (length - 1) / 2 / 8 / 1e6


INPUTS = {
    FRAMES: Input(
        ("recording", "atlas"),
        ("seconds", "normalisation", "hemisphere", "mask", "spatial_binning", "storage", "compression"),
        _frames_shape,
        _frames_megabytes,
        _frames,
    ),
    GRAPHS: Input(("traces",), ("seconds", "compression"), _graphs_shape, _graphs_megabytes, _graphs),
}


def input_of(windows: Mapping) -> Input:
    """The input that a resolved `windows` section is about; frames if it does not say, as sections once did not.

    Examples
    --------
    >>> input_of({"input": "visibility-graphs"}).sources
    ('traces',)
    """
    return INPUTS[windows.get("input", FRAMES)]


def window_shape(windows: Mapping) -> tuple[int, int, int]:
    """Shape of a stored window: frames, rows, columns; or frames, frames, parcels of the atlas for visibility graphs.

    Examples
    --------
    >>> window_shape({"input": "frames", "seconds": 10, "hemisphere": "left", "spatial_binning": 8})
    (168, 16, 8)
    >>> window_shape({"input": "visibility-graphs", "seconds": 5})
    (84, 84, 40)
    >>> windows = {"seconds": 10, "hemisphere": "both", "spatial_binning": 1, "storage": "float16"}
    >>> round(input_of(windows).megabytes(windows), 2)
    3.77
    """
    return input_of(windows).shape(windows)
