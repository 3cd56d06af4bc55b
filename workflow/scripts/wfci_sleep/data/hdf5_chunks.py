"""Reads and inflates chunks of an HDF5 dataset in several threads.

HDF5 itself serves one thread at a time and inflates while it holds its lock. This module asks HDF5 once where the
chunks lie, then reads them from the file and inflates them itself.
"""

import itertools
import math
import os
from collections.abc import Iterator
from functools import cached_property

import deflate
import h5py
import numpy as np

from wfci_sleep.errors import InputError

SMALLEST_CHUNK = 2**14
"""For chunks with fewer bytes HDF5 itself is faster than a loop in Python."""

_SHUFFLE, _DEFLATE = h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE


class ChunkedFrames:
    """Frames stored as (epoch, frame, column, row) in chunks of any shape.

    Parameters
    ----------
    dataset : h5py.Dataset, shape (n_epochs, n_frames, n_columns, n_rows)
        `can_read` says whether this class can read it.
    """

    def __init__(self, dataset: h5py.Dataset):
        self._path = dataset.file.filename
        self._dataset = dataset
        # Read once, as each access waits for HDF5's lock.
        self._chunk_shape, self._dtype, self._fill_value = dataset.chunks, dataset.dtype, dataset.fillvalue
        self._filters = _filters(dataset)
        self._chunk_bytes = _chunk_bytes(dataset)
        self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115, closed by `close`

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @staticmethod
    def can_read(dataset: h5py.Dataset | np.ndarray) -> bool:
        """Whether the dataset has chunks large enough, MATLAB's filters and this machine's byte order."""
        return (
            isinstance(dataset, h5py.Dataset)
            and dataset.chunks is not None
            and dataset.ndim == 4
            and dataset.dtype.isnative
            and _chunk_bytes(dataset) >= SMALLEST_CHUNK
            and _filters(dataset) in ([], [_DEFLATE], [_SHUFFLE, _DEFLATE])
            and _lies_where_it_says(dataset)
        )

    @property
    def n_epochs_each(self) -> int:
        """Epochs that a chunk spans."""
        return self._chunk_shape[0]

    def read(self, first: int, stop: int, n_frames: int, needed: np.ndarray) -> np.ndarray:
        """The first frames of the epochs `first` to `stop`.

        Parameters
        ----------
        first, stop, n_frames : int
        needed : array of bool, shape (n_columns, n_rows)
            Pixels that are needed; chunks without any are not read and come out as zero.

        Returns
        -------
        array of the stored type, shape (stop - first, n_frames, n_columns, n_rows)
            A view of a chunk, which is read-only, where one chunk holds everything.

        Raises
        ------
        InputError
            If a chunk cannot be inflated to what it should hold.
        """
        n_epochs_each, n_frames_each, *tile_shape = self._chunk_shape
        first_epoch = first - first % n_epochs_each
        tiles = list(_tiles(needed, *tile_shape))
        if stop <= first_epoch + n_epochs_each and n_frames <= n_frames_each and needed.shape == tuple(tile_shape):
            return self._chunk((first_epoch, 0, 0, 0))[first - first_epoch : stop - first_epoch, :n_frames]
        values = np.zeros((stop - first, n_frames, *needed.shape), dtype=self._dtype)
        epochs, frames = range(first_epoch, stop, n_epochs_each), range(0, n_frames, n_frames_each)
        for epoch, frame, (column, row) in itertools.product(epochs, frames, tiles):
            stored = self._chunk((epoch, frame, column, row))[max(first - epoch, 0) : stop - epoch]
            place = values[max(epoch - first, 0) :, frame:, column:, row:]
            # A chunk may reach beyond the last epoch, frame, column or row.
            common = tuple(slice(min(sizes)) for sizes in zip(stored.shape, place.shape, strict=True))
            place[common] = stored[common]
        return values

    def _chunk(self, corner: tuple[int, int, int, int]) -> np.ndarray:
        if corner not in self._places:
            # Never written: the fill value, as HDF5 returns it.
            return np.broadcast_to(np.array(self._fill_value, dtype=self._dtype), self._chunk_shape)
        filter_mask, offset, size = self._places[corner]
        # A damaged size must not reserve memory: no chunk of this shape takes more than twice its bytes.
        data: bytes | bytearray = os.pread(self._file.fileno(), min(size, 2 * self._chunk_bytes), offset)
        # A set bit of the mask means that this chunk skipped the filter.
        filters = [name for number, name in enumerate(self._filters) if not filter_mask >> number & 1]
        try:
            if _DEFLATE in filters:
                data = deflate.zlib_decompress(data, self._chunk_bytes)
            if len(data) != self._chunk_bytes:
                raise ValueError(f"{len(data)} bytes")
        except (ValueError, deflate.DeflateError) as error:
            epoch, frame, column, row = corner
            raise InputError(
                f"{self._path}: the chunk of data that begins at epoch {epoch}, frame {frame}, column {column}, "
                f"row {row} is damaged: it does not inflate to the {self._chunk_bytes} bytes that it should hold; "
                "fetch the file again"
            ) from error
        if _SHUFFLE in filters:
            data = np.frombuffer(data, np.uint8).reshape(self._dtype.itemsize, -1).T.tobytes()
        return np.frombuffer(data, self._dtype).reshape(self._chunk_shape)

    @cached_property
    def _places(self) -> dict[tuple[int, ...], tuple[int, int, int]]:
        """Corner of each written chunk -> (filter mask, offset in the file, size)."""
        places = {}

        def add(chunk: h5py.h5d.StoreInfo) -> None:
            places[chunk.chunk_offset] = chunk.filter_mask, chunk.byte_offset, chunk.size

        self._dataset.id.chunk_iter(add)
        return places


def _tiles(needed: np.ndarray, n_columns_each: int, n_rows_each: int) -> Iterator[tuple[int, int]]:
    """Corner of each tile of a frame with a needed pixel."""
    columns, rows = np.nonzero(needed)
    corners = np.stack([columns - columns % n_columns_each, rows - rows % n_rows_each], axis=1)
    yield from map(tuple, np.unique(corners, axis=0).tolist())


def _chunk_bytes(dataset: h5py.Dataset) -> int:
    return dataset.dtype.itemsize * math.prod(dataset.chunks)


def _filters(dataset: h5py.Dataset) -> list[int]:
    properties = dataset.id.get_create_plist()
    return [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]


def _lies_where_it_says(dataset: h5py.Dataset) -> bool:
    """Whether chunk offsets count from the start of the file: some versions of HDF5 omit the user block."""
    if dataset.id.get_num_chunks() == 0:
        return True
    chunk = dataset.id.get_chunk_info(0)
    _, expected = dataset.id.read_direct_chunk(chunk.chunk_offset)
    with open(dataset.file.filename, "rb") as file:
        file.seek(chunk.byte_offset)
        return file.read(chunk.size) == expected
