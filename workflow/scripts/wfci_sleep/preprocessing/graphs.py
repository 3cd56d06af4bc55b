"""From a recording's table of parcels to shards of visibility graphs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files.disk import check_room
from wfci_sleep.files.shard_writing import ShardWriter, encoded_graphs, graph_bytes
from wfci_sleep.layout import EPOCH_FRAMES, N_PARCELS
from wfci_sleep.preprocessing.visibility import packed_graphs
from wfci_sleep.preprocessing.windowings import lead_frames, n_frames
from wfci_sleep.tables import Rule, read_table
from wfci_sleep.tables.recordings import PARCELS

_WHOLE = Rule(
    "epoch",
    f"{EPOCH_FRAMES} lines of each epoch, in order from 0",
    lambda table: table["epoch"] == np.arange(len(table)) // EPOCH_FRAMES,
)
_TRACES = replace(PARCELS, rules=(_WHOLE,), empty=True)  # of a recording that is left out


def cut_graphs(
    sources: Mapping[str, str | os.PathLike],
    windows: Sequence[Mapping],
    labels: np.ndarray,
    paths: Sequence[str | os.PathLike],
    threads: int = 1,
) -> str:
    """Write the visibility graphs of a recording's parcels, a shard of each windowing; see `inputs.Cut`.

    Parameters
    ----------
    sources : mapping
        `traces`: the table that `survey.survey_recording` writes.
    windows : sequence of mapping
        The `windows` settings: `seconds` and `compression` of each.
    labels : array of int, shape (n_epochs,)
        Label of each epoch; epochs with a negative label get no window, but neighbours' windows may use their frames.
    paths : sequence of path
        Shard of each windowing.
    threads : int, optional
        Without effect: reading the table is most of the work.

    Returns
    -------
    str
        How many parcels have graphs, and which have no value and so no link.

    Raises
    ------
    InputError
        If the table is damaged, or is not one of so many epochs and 40 parcels.
    """
    traces_path = sources["traces"]
    table = read_table(traces_path, _TRACES)
    parcels = table.drop(columns=["epoch", "time_s"])
    if parcels.shape != (len(labels) * EPOCH_FRAMES, N_PARCELS):
        raise InputError(
            f"{traces_path}: holds {len(parcels)} frames of {parcels.shape[1]} parcels, expected "
            f"{len(labels) * EPOCH_FRAMES} of {N_PARCELS}; {_TRACES.remedy}"
        )
    traces = parcels.to_numpy(dtype=np.float64)
    kept = np.flatnonzero(np.asarray(labels) >= 0).tolist()
    lengths = [n_frames(each["seconds"]) for each in windows]
    stored = [each for each, one in zip(lengths, windows, strict=True) if one["compression"] == "none"]
    check_room(paths[0], len(kept) * N_PARCELS * sum(map(graph_bytes, stored)))
    for path, each, length in zip(paths, windows, lengths, strict=True):
        # Frames beyond the recording are missing.
        lead = lead_frames(length)
        padded = np.pad(traces, [(lead, length), (0, 0)], constant_values=np.nan)
        with ShardWriter(path, each["compression"]) as shard:
            for epoch in kept:
                first = epoch * EPOCH_FRAMES
                graphs = packed_graphs(padded[first : first + length])
                shard.write(encoded_graphs(epoch, int(labels[epoch]), graphs, length))
    without = parcels.columns[parcels.isna().all()].tolist()
    said = f"graphs of {N_PARCELS - len(without)} parcels"
    return f"{said} ({', '.join(without)}: no value, no link)" if without else said
