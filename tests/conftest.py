"""Small files in the real layout, written with h5py alone so that the library is not checked against itself."""

import functools
import subprocess
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

ROWS = COLUMNS = 128
FRAMES = 168


def square_mask() -> np.ndarray:
    """A mask that is neither symmetric nor touches the border: rows 20-99, columns 30-109."""
    mask = np.zeros((ROWS, COLUMNS), dtype=bool)
    mask[20:100, 30:110] = True
    return mask


@functools.cache
def deflated_zeros(dtype: str) -> bytes:
    return zlib.compress(np.zeros((FRAMES, COLUMNS, ROWS), dtype).tobytes(), 1)


def write_recording(
    path: Path,
    scores: Sequence[float],
    frames: Callable[[int], np.ndarray] | None = None,
    mask: np.ndarray | None = None,
    n_epochs: int | None = None,
    drop: Sequence[str] = (),
    dtype: str = "f4",
) -> Path:
    """Write a MATLAB v7.3 recording: reversed axes, 512-byte user block, one chunk an epoch.

    `frames(epoch)` gives (frame, row, column); zeros unless given.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = square_mask() if mask is None else mask
    n_epochs = len(scores) if n_epochs is None else n_epochs
    with h5py.File(path, "w", userblock_size=512) as file:
        if "data" not in drop:
            shape = (n_epochs, FRAMES, COLUMNS, ROWS)
            data = file.create_dataset(
                "data", shape, dtype, chunks=(1, *shape[1:]), compression="gzip", compression_opts=1
            )
            for epoch in range(n_epochs):
                if frames is None:
                    data.id.write_direct_chunk((epoch, 0, 0, 0), deflated_zeros(dtype))
                else:
                    data[epoch] = np.swapaxes(frames(epoch), 1, 2)
        if "scoringindex_file" not in drop:
            file["scoringindex_file"] = np.asarray(scores, dtype=np.float64)[:, None]
        if "xform_mask" not in drop:
            file["xform_mask"] = mask.T.astype(np.float64)
    return path


def write_atlas(path: Path, size: int = ROWS) -> Path:
    """Write an atlas.mat (v5) of 40 square parcels, 20 a hemisphere."""
    seeds = np.zeros((size, size), dtype=np.uint8)
    for number in range(40):
        half, place = divmod(number, 20)
        row, column = divmod(place, 4)
        seeds[10 + 20 * row : 28 + 20 * row, 64 * half + 4 + 15 * column : 64 * half + 17 + 15 * column] = number + 1
    names = np.array([[f"Area{number % 20} L" for number in range(40)]], dtype=object)
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"AtlasSeeds": seeds, "parcelnames": names})
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """Let a folder be a file system of its own, of a size as `mount` takes it, while the block runs."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
