"""Cutting: reads a recording once and writes the shards of its windows, in threads and with little memory."""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np

from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.data.formats import open_recording
from wfci_sleep.data.recordings import Recording
from wfci_sleep.errors import InputError
from wfci_sleep.files.disk import check_room
from wfci_sleep.files.shard_writing import ShardWriter, encoded_window
from wfci_sleep.layout import EPOCH_FRAMES
from wfci_sleep.preprocessing.windowings import n_frames
from wfci_sleep.preprocessing.windows import Windowing

BYTES_AT_ONCE = 48 * 10**6
"""Limit per read when epochs share a chunk of the file; otherwise a thread reads one epoch at a time."""


Around = tuple[np.ndarray | None, np.ndarray, np.ndarray | None]
"""Frames before, of and after an epoch; None beyond the recording."""


def cut_frames(
    sources: Mapping[str, str],
    windows: Sequence[Mapping],
    labels: np.ndarray,
    paths: Sequence[str],
    threads: int = 1,
) -> str:
    """Cut a recording's file into windows of frames, see `inputs.Cut`.

    Parameters
    ----------
    sources : mapping
        `recording` and `atlas`: the files.
    windows : sequence of mapping
        `windows` sections, equal except for their length.
    labels, paths, threads
        As for `cut_recording`.

    Returns
    -------
    str
        How many pixels of a frame the windows hold.

    Raises
    ------
    InputError
        If a file cannot be used, or no pixel is left.
    """
    atlas = load_atlas(sources["atlas"])
    with open_recording(sources["recording"]) as recording:
        try:
            windowings = [Windowing.of_recording(each, recording.mask, atlas) for each in windows]
        except InputError as error:
            raise InputError(f"{sources['recording']}: {error}") from error
        cut_recording(recording, windowings, labels, paths, threads)
    return f"{windowings[0].mask.sum()} pixels a frame"


def cut_recording(
    recording: Recording,
    windowings: Sequence[Windowing],
    labels: np.ndarray,
    paths: Sequence[str | os.PathLike],
    threads: int = 1,
) -> None:
    """Cut a recording into windows of one or several lengths, reading its file once; write a shard of each length.

    Memory does not grow with the recording.

    Parameters
    ----------
    recording : Recording
    windowings : sequence of Windowing
        Equal except for their length.
    labels : array of int, shape (n_epochs,)
        Label of each epoch; epochs with a negative label get no window, but neighbours' windows may use their frames.
    paths : sequence of path
        Shard of each windowing.
    threads : int, optional
        Threads that read, normalise and encode.
    """
    kept = np.flatnonzero(labels >= 0)
    check_room(paths[0], len(kept) * sum(map(_window_bytes, windowings)))
    cutter = windowings[0]
    longest = max(n_frames(windowing.settings["seconds"]) for windowing in windowings)
    n_neighbours = 1 if longest > EPOCH_FRAMES else 0
    length = min(longest, EPOCH_FRAMES)
    needed = np.unique(np.clip(kept[:, None] + np.arange(-n_neighbours, n_neighbours + 1), 0, len(labels) - 1))

    def read(group: tuple[int, int]) -> Iterator[tuple[int, np.ndarray]]:
        first, stop = group
        return zip(range(first, stop), cutter.frames(recording, first, stop, length), strict=True)

    def encode(epoch: int, around: Around) -> list[list[bytes]]:
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
            # Read and encoded in one call, so that few epochs are held at a time.
            cut = mapped(lambda group: [encode(epoch, (None, own, None)) for epoch, own in read(group)], groups)
            records = (record for group in cut for record in group)
        for each in records:
            for shard, record in zip(shards, each, strict=True):
                shard.write(record)


def _window_bytes(windowing: Windowing) -> int:
    """Bytes of a window on disk; 0 if it is compressed, as its size is unknown."""
    settings = windowing.settings
    if settings["compression"] != "none":
        return 0
    return n_frames(settings["seconds"]) * int(windowing.mask.sum()) * np.dtype(settings["storage"]).itemsize


def _groups(epochs: np.ndarray, n_each: int, most: int) -> list[tuple[int, int]]:
    """First and stop of runs of at most `most` epochs that lie in the same chunks.

    Examples
    --------
    >>> _groups(np.array([0, 1, 2, 3, 5, 6, 7]), n_each=4, most=3)
    [(0, 3), (3, 4), (5, 8)]
    """
    groups: list[tuple[int, int]] = []
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
) -> Iterator[tuple[int, Around]]:
    """Each epoch with the frames before, of and after it, None beyond the recording; three epochs are held."""
    held: dict[int, np.ndarray] = {}
    for epoch in epochs.tolist():
        while min(epoch + 1, n_epochs - 1) not in held:
            number, own = next(frames)
            held[number] = own
        held = {number: own for number, own in held.items() if number >= epoch - 1}
        yield epoch, (held.get(epoch - 1), held[epoch], held.get(epoch + 1))


def _keep_freed_memory() -> None:
    """Tell the C library to keep freed memory for reuse.

    By default glibc returns an epoch's memory to the system, which zeroes it for the next epoch: a fifth of the time.
    With one arena for all threads the peak doesn't depend on which thread allocates.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # not every C library has it
    if mallopt is not None:
        m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8
        mallopt(m_arena_max, 1)
        mallopt(m_mmap_threshold, 2**25)  # the highest value allowed
        mallopt(m_trim_threshold, 2**28)


@contextmanager
def _mapping(threads: int) -> Iterator[Callable[[Callable, Iterable], Iterator]]:
    """A `map` in threads: results come in order, and at most `threads` calls run ahead of the consumer."""
    if threads == 1:
        yield map
        return
    with ThreadPoolExecutor(threads) as pool:

        def map_ahead(function: Callable, items: Iterable) -> Iterator:
            running: deque[Future] = deque()
            for item in items:
                running.append(pool.submit(function, item))
                if len(running) >= threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()

        yield map_ahead
