"""Cutting: one pass over a recording, from its file to the shards of its windows, in threads and little memory."""

import ctypes
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
        return zip(range(first, stop), cutter.frames(recording, first, stop, length), strict=True)

    def encode(epoch: int, around: list[np.ndarray | None]) -> list[list[bytes]]:
        return [
            encoded_window(epoch, int(labels[epoch]), windowing.window(*around), windowing.mask)
            for windowing in windowings
        ]

    epoch_bytes = length * cutter.mask.size * cutter.settings["spatial_binning"] ** 2 * recording.dtype.itemsize
    groups = _groups(needed, recording.n_epochs_each, max(1, BYTES_AT_ONCE // epoch_bytes))
    _keep_freed_memory()
    with ExitStack() as stack:
        mapped = stack.enter_context(_mapping(threads))
        shards = [
            stack.enter_context(ShardWriter(path, windowing.settings["compression"]))
            for path, windowing in zip(paths, windowings, strict=True)
        ]
        if n_neighbours:
            frames = (one for group in mapped(read, groups) for one in group)
            records = mapped(lambda window: encode(*window), _with_neighbours(frames, kept, len(labels)))
        else:
            # In one go, so that few epochs are held at a time.
            cut = mapped(lambda group: [encode(epoch, [None, own, None]) for epoch, own in read(group)], groups)
            records = (record for group in cut for record in group)
        for each in records:
            for shard, record in zip(shards, each, strict=True):
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
    frames: Iterator[tuple[int, np.ndarray]], epochs: np.ndarray, n_epochs: int
) -> Iterator[tuple[int, list[np.ndarray | None]]]:
    """Each epoch with the frames before, of and after it, None beyond the recording; three epochs are held."""
    held = {}
    for epoch in epochs.tolist():
        while min(epoch + 1, n_epochs - 1) not in held:
            number, own = next(frames)
            held[number] = own
        held = {number: own for number, own in held.items() if number >= epoch - 1}
        yield epoch, [held.get(number) for number in (epoch - 1, epoch, epoch + 1)]


def _keep_freed_memory() -> None:
    """Tell the C library to use freed memory again.

    glibc hands what an epoch took back to the system, which zeroes it for the next one: a fifth of the time. One arena
    for all threads keeps the peak from depending on which thread took what.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8
        mallopt(m_arena_max, 1)
        mallopt(m_mmap_threshold, 2**25)  # the highest that is allowed
        mallopt(m_trim_threshold, 2**28)


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
