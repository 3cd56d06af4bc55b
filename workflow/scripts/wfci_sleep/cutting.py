"""Cutting: one pass over a recording, from its file to the shards of its windows, in threads and little memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np

from wfci_sleep.recordings import EPOCH_FRAMES, Recording
from wfci_sleep.shards import ShardWriter, encoded_window
from wfci_sleep.windows import Windowing, n_frames

BYTES_AT_ONCE = 48 * 10**6
"""The most that a thread reads at a time where epochs share chunks of the file; but for that it is an epoch."""


def cut_recording(
    recording: Recording,
    windowings: Sequence[Windowing],
    labels: np.ndarray,
    paths: Sequence[str | os.PathLike],
    threads: int = 1,
) -> None:
    """Cut a recording into windows of one or several lengths, in one pass over its file; write a shard of each.

    Memory does not grow with the recording.

    Parameters
    ----------
    recording : Recording
    windowings : sequence of Windowing
        Equal but for their length.
    labels : array of int, shape (n_epochs,)
        Label of each epoch; an epoch whose label is negative gets no window, though its frames may lie in others.
    paths : sequence of path
        The shard of each windowing.
    threads : int, optional
        Threads that read, normalise and encode.
    """
    cutter = windowings[0]
    longest = max(n_frames(windowing.settings["seconds"]) for windowing in windowings)
    n_neighbours = 1 if longest > EPOCH_FRAMES else 0
    length = min(longest, EPOCH_FRAMES)
    kept = np.flatnonzero(labels >= 0)
    needed = np.unique(np.clip(kept[:, None] + np.arange(-n_neighbours, n_neighbours + 1), 0, len(labels) - 1))

    def read(group: tuple[int, int]) -> Iterator[tuple[int, np.ndarray]]:
        first, stop = group
        return zip(range(first, stop), cutter.signals(recording, first, stop, length), strict=True)

    def encode(window: tuple[int, list]) -> list[list[bytes]]:
        epoch, signals = window
        around = signals if n_neighbours else [None, *signals, None]
        return [
            encoded_window(epoch, int(labels[epoch]), windowing.window(*around), windowing.mask)
            for windowing in windowings
        ]

    epoch_bytes = length * int(cutter.mask.sum()) * cutter.settings["spatial_binning"] ** 2 * recording.dtype.itemsize
    groups = _groups(needed, recording.n_epochs_each, max(1, BYTES_AT_ONCE // epoch_bytes))
    with ExitStack() as stack:
        mapped = stack.enter_context(_mapping(threads))
        shards = [
            stack.enter_context(ShardWriter(path, windowing.settings["compression"]))
            for path, windowing in zip(paths, windowings, strict=True)
        ]
        signals = (signal for group in mapped(read, groups) for signal in group)
        for records in mapped(encode, _with_neighbours(signals, kept, n_neighbours, len(labels))):
            for shard, record in zip(shards, records, strict=True):
                shard.write(record)


def _groups(epochs: np.ndarray, n_each: int, most: int) -> list[tuple[int, int]]:
    """First and stop of runs of epochs that lie in the same chunks, of at most a number of epochs.

    Examples
    --------
    >>> _groups(np.array([0, 1, 2, 3, 5, 6, 7]), n_each=4, most=3)
    [(0, 3), (3, 4), (5, 8)]
    """
    groups = []
    for epoch in epochs.tolist():
        if groups:
            first, stop = groups[-1]
            if epoch == stop and epoch // n_each == first // n_each and stop - first < most:
                groups[-1] = (first, epoch + 1)
                continue
        groups.append((epoch, epoch + 1))
    return groups


def _with_neighbours(
    signals: Iterator[tuple[int, np.ndarray]], epochs: np.ndarray, n_neighbours: int, n_epochs: int
) -> Iterator[tuple[int, list[np.ndarray | None]]]:
    """Each epoch with the signals around it, None beyond the recording; no more are held than are needed."""
    held = {}
    for epoch in epochs.tolist():
        around = range(epoch - n_neighbours, epoch + n_neighbours + 1)
        while min(around[-1], n_epochs - 1) not in held:
            number, signal = next(signals)
            held[number] = signal
        held = {number: signal for number, signal in held.items() if number >= around[0]}
        yield epoch, [held.get(number) for number in around]


@contextmanager
def _mapping(threads: int) -> Iterator[Callable[[Callable, Iterable], Iterator]]:
    """A `map` whose calls run in threads: results come in order, and few calls run ahead of what was asked for."""
    if threads == 1:
        yield map
        return
    with ThreadPoolExecutor(threads) as pool:

        def map_ahead(function: Callable, items: Iterable) -> Iterator:
            running = deque()
            for item in items:
                running.append(pool.submit(function, item))
                if len(running) >= threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()

        yield map_ahead
