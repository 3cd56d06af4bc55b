"""Cutting: whatever the layout of the file, shards hold what the formula says, and nothing half-written stays."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import zlib

import h5py
import numpy as np
import pytest
from conftest import square_mask, write_recording
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import zscore

from wfci_sleep.data.hdf5_chunks import SMALLEST_CHUNK, ChunkedFrames
from wfci_sleep.data.recordings import Recording
from wfci_sleep.errors import InputError
from wfci_sleep.layout import EPOCH_FRAMES
from wfci_sleep.preprocessing.cutting import cut_recording
from wfci_sleep.preprocessing.windowings import n_frames
from wfci_sleep.preprocessing.windows import Windowing
from wfci_sleep.training.shards import read_shard

SETTINGS = {
    "seconds": 10,
    "normalisation": "temporal-zscore",
    "hemisphere": "both",
    "mask": "recording",
    "spatial_binning": 1,
    "storage": "float32",
    "compression": "none",
}
SHAPE = (3, EPOCH_FRAMES, 128, 128)


def stored(path, values, **storage):
    """A recording whose `data` is stored in a given way; the epochs are scored wake, NREM, REM."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("data", data=values, **storage)
        file["scoringindex_file"] = np.array([[0.0], [1.0], [3.0]])
        file["xform_mask"] = square_mask().T.astype(np.float64)
    return path


@pytest.fixture(scope="module")
def values():
    """Three epochs in the order of HDF5, with a constant pixel, a NaN pixel and single NaNs inside the mask."""
    rng = np.random.default_rng(3)
    values = rng.normal(0.01, 0.02, size=SHAPE)
    values[:, :, 50, 60] = 0.1
    values[:, :, 70, 40] = np.nan
    values[1, 5:9, 64, 64] = np.nan
    return values


def formula(frames, mask, method):
    """Normalised pixels of a window by scipy and by the definition, pixel by pixel where values are missing."""
    pixels = frames[:, mask].astype(np.float64)
    axis = {"temporal-zscore": 0, "spatial-zscore": 1, "min-max": None}[method]
    if method == "min-max":
        scaled = (pixels - np.nanmin(pixels)) / (np.nanmax(pixels) - np.nanmin(pixels))
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.asarray(zscore(pixels, axis=axis, nan_policy="omit"), dtype=np.float64)
        if axis == 0:
            scaled[:, np.nanmax(np.nan_to_num(pixels), 0) == np.nanmin(np.nan_to_num(pixels), 0)] = 0
    return np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0)


def cut(path, folder, changes=({},), threads=2):
    """Windows of a recording, cut by one or several settings: a list of (frames, label) each."""
    with Recording(path) as recording:
        windowings = [Windowing({**SETTINGS, **change}, recording.mask) for change in changes]
        paths = [folder / f"{number}.tfrecord" for number in range(len(changes))]
        cut_recording(recording, windowings, recording.labels, paths, threads)
    return [list(read_shard(path).as_numpy_iterator()) for path in paths]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # scipy's, of the pixels without a value
@pytest.mark.parametrize("method", ["temporal-zscore", "spatial-zscore", "min-max"])
@pytest.mark.parametrize("precision", ["f8", "f4"])
def test_shards_hold_what_the_formula_says(tmp_path, values, method, precision):
    values = values.astype(precision)
    path = stored(tmp_path / "a.mat", values, chunks=(1, 60, 128, 128), compression="gzip", compression_opts=1)
    changes = [{"normalisation": method, "storage": storage} for storage in ("float32", "float16")]
    exact, rounded = (cut(path, tmp_path, [change])[0] for change in changes)
    mask = square_mask()
    assert [int(label) for _, label in exact] == [0, 1, 2]
    for epoch in range(3):
        expected = formula(np.swapaxes(values[epoch], 1, 2), mask, method)
        np.testing.assert_allclose(exact[epoch][0][:, mask], expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(rounded[epoch][0][:, mask], expected, rtol=1e-3, atol=1e-6)
        assert not exact[epoch][0][:, ~mask].any()


@st.composite
def layouts(draw):
    """Ways to store (3, 168, 128, 128): contiguous, or chunks of any shape with any of HDF5's own filters."""
    if draw(st.booleans()) and draw(st.booleans()):
        return {}
    chunks = (
        draw(st.integers(1, 3)),
        draw(st.integers(9, 168)),
        draw(st.sampled_from([31, 64, 128])),
        draw(st.sampled_from([17, 100, 128])),
    )
    compression = draw(st.sampled_from([None, "gzip", "lzf"]))
    storage = {"chunks": chunks, "shuffle": draw(st.booleans()), "compression": compression}
    if compression == "gzip":
        storage["compression_opts"] = draw(st.integers(0, 2))
    return storage | {"fletcher32": draw(st.booleans())}


@settings(max_examples=25, deadline=None)
@given(layouts(), st.sampled_from(["<f8", "<f4", ">f4"]), st.sampled_from([1, 2]), st.data())
def test_any_layout_reads_alike(tmp_path_factory, values, layout, dtype, threads, data):
    path = stored(tmp_path_factory.mktemp("layout") / "a.mat", values.astype(dtype), **layout)
    mask = np.zeros((128, 128), dtype=bool)
    row, column = data.draw(st.integers(0, 127)), data.draw(st.integers(0, 127))
    mask[row : row + data.draw(st.integers(1, 60)), column : column + data.draw(st.integers(1, 60))] = True
    first = data.draw(st.integers(0, 2))
    stop = data.draw(st.integers(first + 1, 3))
    length = data.draw(st.integers(1, 168))
    with Recording(path) as recording:
        found = recording.stored_frames(first, stop, length, mask)[:, :, mask]
        np.testing.assert_array_equal(
            recording.frames(first), np.swapaxes(values[first].astype(dtype), 1, 2).astype("f4")
        )
    np.testing.assert_array_equal(found, np.swapaxes(values[first:stop, :length].astype(dtype), 2, 3)[:, :, mask])


def test_common_layouts_are_read_directly(tmp_path, values):
    for number, storage in enumerate([{"compression": "gzip"}, {"compression": "gzip", "shuffle": True}, {}]):
        path = stored(tmp_path / f"{number}.mat", values.astype("f4"), chunks=(1, 8, 128, 128), **storage)
        with h5py.File(path) as file:
            assert ChunkedFrames.can_read(file["data"])
    too_small = stored(tmp_path / "small.mat", values.astype("f4"), chunks=(1, 1, 32, 32))
    assert SMALLEST_CHUNK > 4 * 32 * 32
    with h5py.File(too_small) as file:
        assert not ChunkedFrames.can_read(file["data"])


@pytest.mark.parametrize("chunks", [(1, 84, 128, 128), (1, 84, 32, 32)])
def test_epochs_with_chunks_that_were_never_written_hold_nothing(tmp_path, chunks):
    path = write_recording(tmp_path / "a.mat", [0, 1, 0], drop=["data"])
    with h5py.File(path, "r+") as file:
        data = file.create_dataset("data", (3, 168, 128, 128), "f4", chunks=chunks, fillvalue=0.25)
        data[0, 84:] = 1
        data[2] = 2
    check_that_the_last_alone_is_there(path)


def test_epochs_whose_file_is_missing_hold_nothing(tmp_path):
    """A virtual dataset: the first epoch lies in a file that is gone, the second nowhere, the third beside it."""
    path = write_recording(tmp_path / "a.mat", [0, 1, 0], drop=["data"])
    layout = h5py.VirtualLayout((3, 168, 128, 128), "f4")
    layout[0] = h5py.VirtualSource("gone.mat", "data", (168, 128, 128))
    layout[2] = h5py.VirtualSource("there.mat", "data", (168, 128, 128))
    with h5py.File(path, "r+") as file, h5py.File(tmp_path / "there.mat", "w") as there:
        file.create_virtual_dataset("data", layout)
        there["data"] = np.full((168, 128, 128), 2, dtype="f4")
    check_that_the_last_alone_is_there(path)


def check_that_the_last_alone_is_there(path):
    with Recording(path) as recording:
        assert recording.unwritten.tolist() == [True, True, False]
        frames = np.stack(list(recording))
        assert np.isnan(frames[:2]).all()
        assert (frames[2] == 2).all()


def test_a_chunk_that_skipped_its_filter_is_read_as_it_is(tmp_path):
    path = write_recording(tmp_path / "a.mat", [0], lambda epoch: np.zeros((168, 128, 128)))
    written = np.random.default_rng(0).normal(size=(168, 128, 128)).astype("f4")
    with h5py.File(path, "r+") as file:
        file["data"].id.write_direct_chunk((0, 0, 0, 0), written.tobytes(), filter_mask=1)
    with Recording(path) as recording:
        np.testing.assert_array_equal(recording.frames(0), written.swapaxes(1, 2))


@pytest.mark.parametrize("seconds", [[10], [1, 10, 20], [15], [1, 2, 3]])
@pytest.mark.parametrize("threads", [1, 2])
def test_several_lengths_in_one_read_equal_single_ones(tmp_path, rng, seconds, threads):
    scores = [2, 0, 2, 2, 3, 1, 2, 0]
    frames = rng.normal(size=(len(scores), 168, 128, 128)).astype("f4")
    mask = np.zeros((128, 128), dtype=bool)
    mask[16:80, 40:120] = True
    path = write_recording(tmp_path / "a.mat", scores, lambda epoch: frames[epoch], mask)
    found = cut(path, tmp_path, [{"seconds": each, "spatial_binning": 4} for each in seconds], threads)
    kept = [epoch for epoch, score in enumerate(scores) if score != 2]
    whole = frames.reshape(-1, 32, 4, 32, 4).mean(axis=(2, 4))
    mask = mask[::4, ::4]
    for length, windows in zip(seconds, found, strict=True):
        assert [int(label) for _, label in windows] == [0, 2, 1, 0]
        before = max(0, (n_frames(length) - 168) // 2)
        for epoch, (window, _) in zip(kept, windows, strict=True):
            place = epoch * 168 - before + np.arange(n_frames(length))
            inside = (place >= 0) & (place < len(whole))
            expected = np.zeros((len(place), int(mask.sum())))
            expected[inside] = zscore(whole[place[inside]][:, mask].astype(np.float64), axis=0)
            np.testing.assert_allclose(window[:, mask], expected, atol=1e-4)


def damage(path, how):
    """Damage the second chunk of a recording."""
    with h5py.File(path, "r+") as file:
        chunk = file["data"].id.get_chunk_info(1)
    with open(path, "r+b") as file:
        if how == "cut off":
            file.truncate(chunk.byte_offset + chunk.size // 2)
        else:
            file.seek(chunk.byte_offset)
            file.write(os.urandom(4096) if how == "noise" else bytes(4096))


@pytest.mark.parametrize("how", ["noise", "zeros"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_damaged_chunk_is_named_and_no_shard_stays(tmp_path, values, how, threads):
    path = stored(tmp_path / "a.mat", values.astype("f4"), chunks=(1, 100, 128, 128), compression="gzip")
    damage(path, how)
    with pytest.raises(InputError) as caught:
        cut(path, tmp_path, threads=threads)
    line = str(caught.value)
    assert line.startswith(f"{path}: the chunk of data that begins at epoch 0, frame 100, column 0, row 0 is damaged: ")
    assert "\n" not in line
    assert list(tmp_path.iterdir()) == [path]


def test_a_chunk_of_the_wrong_size_is_named(tmp_path, values):
    path = stored(tmp_path / "a.mat", values.astype("f4"), chunks=(1, 100, 128, 128), compression="gzip")
    with h5py.File(path, "r+") as file:
        for content in (bytes(10), bytes(10**8)):
            file["data"].id.write_direct_chunk((1, 0, 0, 0), zlib.compress(content))
            file.flush()
            with (
                Recording(path) as recording,
                pytest.raises(InputError, match="epoch 1, frame 0, .* to the 6553600 bytes"),
            ):
                recording.frames(1)


PROGRAM = """
    import json, resource, sys
    from wfci_sleep.preprocessing.cutting import cut_recording
    from wfci_sleep.data.recordings import Recording
    from wfci_sleep.preprocessing.windows import Windowing
    if int(sys.argv[3]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    with Recording(sys.argv[1]) as recording:
        windowing = Windowing(json.loads(sys.argv[4]), recording.mask)
        print("open", flush=True)
        cut_recording(recording, [windowing], recording.labels, [sys.argv[2]], 2)
    # Not resource.getrusage, which begins with what the parent had.
    (peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print("peak", int(peak.split()[1]) * 1024)
"""


def cutting_process(path, shard, most_bytes=0):
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), str(shard), str(most_bytes)]
    command.append(json.dumps(SETTINGS))
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **paths}
    )


def test_a_full_disk_leaves_nothing(tmp_path, values):
    path = stored(tmp_path / "a.mat", values, chunks=(1, 168, 128, 128))
    (tmp_path / "out").mkdir()
    # A limit to the size of files fails in the middle of a write as a full disk does.
    process = cutting_process(path, tmp_path / "out" / "a.tfrecord", most_bytes=5_000_000)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "OSError: [Errno 27]" in errors
    assert list((tmp_path / "out").iterdir()) == []


def test_a_kill_leaves_nothing_that_looks_finished(tmp_path):
    path = write_recording(tmp_path / "a.mat", [0] * 200, n_epochs=200)
    shard = tmp_path / "out" / "a.tfrecord"
    process = cutting_process(path, shard)
    try:
        deadline = time.monotonic() + 120
        while not any(one.stat().st_size > 10**6 for one in shard.parent.glob(".*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not shard.exists()
    done = cutting_process(path, shard)
    done.communicate(timeout=120)
    assert done.returncode == 0
    assert shard.exists()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path, rng):
    epoch = zlib.compress(rng.normal(size=SHAPE[1:]).tobytes(), 1)
    peaks = []
    for n_epochs in (10, 60):
        path = write_recording(tmp_path / f"{n_epochs}.mat", [0] * n_epochs, n_epochs=n_epochs, dtype="f8")
        with h5py.File(path, "r+") as file:
            for number in range(n_epochs):
                file["data"].id.write_direct_chunk((number, 0, 0, 0), epoch)
        output, _ = cutting_process(path, tmp_path / f"{n_epochs}.tfrecord").communicate(timeout=300)
        peaks.append(int(output.split("peak")[1]))
    assert max(peaks) < 300e6
    assert peaks[1] < 1.1 * peaks[0]
