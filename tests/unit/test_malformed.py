"""Malformed recordings: each ends in one line that names the file, or in a warning; none takes memory or crashes."""

import fcntl
import os
import re
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import scipy.io
from conftest import square_mask, write_atlas, write_recording

from wfci_sleep.data import matlab, matv5
from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.data.matlab_recordings import VARIABLES
from wfci_sleep.data.recordings import MAX_EPOCHS, Recording
from wfci_sleep.errors import InputError
from wfci_sleep.preprocessing.checks import check_recording

EPOCH = (168, 128, 128)
NOT_HDF5 = "not a readable MATLAB v7.3 (HDF5) file"


def check(path, atlas):
    """All that the workflow reads of a recording; its warnings."""
    return check_recording(path, atlas, {}, path.with_suffix(".tsv")).row["warnings"]


def whole(**arguments):
    return lambda path: write_recording(path, **{"scores": [0, 1], **arguments})


def with_variable(name, value=None, **declared):
    """A sound recording of two epochs but for one variable: written whole, or only declared."""

    def write(path):
        write_recording(path, [0, 1], drop=[name])
        with h5py.File(path, "r+") as file:
            file.create_dataset(name, data=value, **declared)

    return write


def declared(n_epochs, n_scores, dtype="f8"):
    """Shapes alone: no value is stored, the file has a few KB."""

    def write(path):
        write_recording(path, [0], drop=["data", "scoringindex_file"])
        with h5py.File(path, "r+") as file:
            file.create_dataset("data", (n_epochs, *EPOCH), dtype, chunks=(1, *EPOCH))
            file.create_dataset("scoringindex_file", (n_scores, 1), "f8", chunks=(min(n_scores, 1000), 1))

    return write


def chunk_of_several_gb(path):
    write_recording(path, [0, 1], drop=["data"])
    with h5py.File(path, "r+") as file:
        file.create_dataset("data", (97, *EPOCH), "f8", chunks=(97, *EPOCH))


def cut_off(path):
    content = write_recording(path, [0]).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def zeros(epoch):
    return np.zeros(EPOCH, dtype=np.float32)


def damaged_chunk(path):
    write_recording(path, [0, 1, 3], zeros)
    with h5py.File(path, "r+") as file:
        file["data"].id.write_direct_chunk((1, 0, 0, 0), b"no deflated bytes")


def group(path):
    write_recording(path, [0, 1], drop=["data"])
    with h5py.File(path, "r+") as file:
        file["data/values"] = np.zeros(3)


def empty_in_matlab(path):
    write_recording(path, [0, 1], drop=["data"])
    with h5py.File(path, "r+") as file:
        file["data"] = np.array([0, 0], dtype=np.uint64)
        file["data"].attrs["MATLAB_empty"] = 1


def linked(link):
    """A recording whose data are a link to another file; or to none, if it was taken away."""

    def write(path):
        other = write_recording(path.with_name("other.mat"), [0, 1])
        write_recording(path, [0, 1], drop=["data"])
        with h5py.File(path, "r+") as file:
            link(file, other)

    return write


def to_the_variable(file, other):
    file["data"] = h5py.ExternalLink(other.name, "/data")


def by_way_of_a_group(file, other):
    file["others"] = h5py.ExternalLink(other.name, "/")
    file["data"] = h5py.SoftLink("/others/data")


def to_nothing(file, other):
    to_the_variable(file, other)
    other.unlink()


def stored_elsewhere(file, other):
    external = [(str(other), 0, h5py.h5f.UNLIMITED)]
    file.create_dataset("data", (1, *EPOCH), "f4", external=external)


def never_written(name, shape):
    return with_variable(name, shape=shape, dtype="f8")


def name_with_line_end(path):
    write_recording(path, [0], drop=["xform_mask"])
    with h5py.File(path, "r+") as file:
        file["xform\nmask"] = 1.0


def link_loop(path):
    os.symlink(path, path)


def dangling_link(path):
    os.symlink("gone.mat", path)


def pipe(path):
    os.mkfifo(path)


def v5(path, **variables):
    sound = {"data": np.zeros(EPOCH[::-1], dtype=np.float32), "scoringindex_file": [[0.0]], "xform_mask": square_mask()}
    scipy.io.savemat(path, sound | variables, do_compression=True)
    return path


def v5_declaring_terabytes(path):
    scipy.io.savemat(path, {"data": np.zeros((3, 5))})
    content = path.read_bytes()
    shape, huge = (np.array(shape, "<i4").tobytes() for shape in ((3, 5), (2**20, 2**20)))
    assert content.count(shape) == 1
    path.write_bytes(content.replace(shape, huge))


def v5_header_and_garbage(path):
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + np.random.default_rng(1).bytes(2000))


def v5_cut_off(path):
    content = v5(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


MALFORMED = {
    "absent": (lambda path: None, "does not exist, expected a MATLAB v7.3 (HDF5) file"),
    "link loop": (link_loop, "cannot be opened (Too many levels of symbolic links)"),
    "dangling link": (dangling_link, "is a link to gone.mat, which does not exist"),
    "directory": (lambda path: path.mkdir(), "is a directory or a device"),
    "pipe": (pipe, "is a directory or a device"),
    "empty file": (lambda path: path.touch(), NOT_HDF5),
    "text file": (lambda path: path.write_text("epoch\tscore\n"), f"{NOT_HDF5} (it is none of MATLAB's files)"),
    "cut off": (cut_off, NOT_HDF5),
    "damaged chunk": (damaged_chunk, "the chunk of data that begins at epoch 1, frame 0, column 0, row 0 is damaged: "),
    "no data": (whole(drop=["data"]), "variable data is missing, found scoringindex_file, xform_mask, expected data"),
    "no scores": (whole(drop=["scoringindex_file"]), "variable scoringindex_file is missing, found data, xform_mask"),
    "no mask": (whole(drop=["xform_mask"]), "variable xform_mask is missing, found data, scoringindex_file"),
    "line end in a name": (name_with_line_end, r"missing, found data, scoringindex_file, xform\nmask, expected"),
    "group": (group, "data is a struct or a sparse matrix, expected an array of double or single"),
    "empty in MATLAB": (empty_in_matlab, "data is empty, expected double or single"),
    "null data": (with_variable("data", h5py.Empty("f8")), "data is empty, expected double or single"),
    "link to another file": (linked(to_the_variable), "data is a link to another file, other.mat; copy the values"),
    "link through a group": (linked(by_way_of_a_group), "data is a link to another file, "),
    "link to no file": (linked(to_nothing), "data is a link to another file, other.mat; copy the values into this one"),
    "external storage": (linked(stored_elsewhere), "data is stored in another file, "),
    "scores never written": (never_written("scoringindex_file", (2, 1)), "scoringindex_file was never written whole"),
    "mask never written": (never_written("xform_mask", (128, 128)), "xform_mask was never written whole"),
    "no epochs": (with_variable("data", shape=(0, *EPOCH)), "data holds no epoch, expected at least one"),
    "two axes": (with_variable("data", shape=(168, 128)), "data is 128 x 168 in MATLAB's order"),
    "five axes": (with_variable("data", shape=(1, 2, *EPOCH)), "data is 128 x 128 x 168 x 2 x 1 in MATLAB's order"),
    "other frame": (with_variable("data", shape=(2, 168, 64, 128)), "data is 128 x 64 x 168 x 2 in MATLAB's order"),
    "axes not reversed": (with_variable("data", shape=(128, 128, 168, 2)), "data is 2 x 168 x 128 x 128 in MATLAB's"),
    "scalar data": (with_variable("data", 1.0), "data is a single value in MATLAB's order"),
    "integer data": (with_variable("data", shape=(2, *EPOCH), dtype="i2"), "data holds int16, expected double"),
    "complex data": (with_variable("data", shape=(2, *EPOCH), dtype="c8"), "data holds complex64, expected double"),
    "too many scores": (whole(n_epochs=1), "scoringindex_file is 1 x 2, expected one score for each of the 1 epochs"),
    "too few scores": (whole(n_epochs=3), "scoringindex_file is 1 x 2, expected one score for each of the 3 epochs"),
    "a table of scores": (
        whole(scores=[[0, 1], [1, 0]], n_epochs=4),
        "scoringindex_file is 2 x 1 x 2, expected one score for each of the 4 epochs",
    ),
    "fraction": (whole(scores=[0, 1.5]), "scoringindex_file holds 1.5 at epoch 1, expected 0 (wake), 1 (NREM)"),
    "NaN score": (whole(scores=[np.nan, 0]), "scoringindex_file holds nan at epoch 0, expected 0 (wake)"),
    "negative score": (whole(scores=[0, -1]), "scoringindex_file holds -1 at epoch 1"),
    "text scores": (with_variable("scoringindex_file", ["wake", "nrem"]), "holds object, expected numbers"),
    "mask of zeros": (whole(mask=np.zeros((128, 128), bool)), "xform_mask is zero everywhere, expected 1"),
    "mask of NaN": (
        with_variable("xform_mask", np.full((128, 128), np.nan)),
        "xform_mask holds no value above zero, expected 1 on the brain's pixels",
    ),
    "mask of another size": (whole(mask=np.ones((64, 128), bool)), "xform_mask is 64 x 128, expected 128 x 128"),
    "text mask": (with_variable("xform_mask", "brain"), "xform_mask holds object, expected numbers"),
    "NaN everywhere": (
        whole(frames=lambda epoch: np.full(EPOCH, np.nan)),
        "data has no finite value in the mask, only NaN or infinity",
    ),
    "huge": (declared(10**9, 10**9), "data declares 1000000000 epochs, expected one imaging run, at most 8640 epochs"),
    "huge, no scores": (declared(10**9, 1), "data declares 1000000000 epochs"),
    "just too long": (declared(MAX_EPOCHS + 1, MAX_EPOCHS + 1), "data declares 8641 epochs"),
    "huge scores": (declared(2, 10**10), "scoringindex_file is 1 x 10000000000, expected one score for each of the 2"),
    "huge chunk": (chunk_of_several_gb, "data is stored in chunks of 2.14 GB, which are read whole, expected at most"),
    "v5, declares too much": (v5_declaring_terabytes, "a MATLAB v5 file that declares 8796.09 GB"),
    "v5, garbage": (v5_header_and_garbage, "not a readable"),
    "v5, cut off": (v5_cut_off, "not a readable"),
    "v5, no data": (lambda path: scipy.io.savemat(path, {"x": 1}), "variable data is missing, found x, expected data"),
    "v5, empty data": (lambda path: v5(path, data=[]), "data is 0 x 0 in MATLAB's order"),
    "v5, integers": (lambda path: v5(path, data=np.zeros(EPOCH[::-1], "i2")), "data holds int16, expected double"),
    "v5, sparse mask": (
        lambda path: v5(path, xform_mask=scipy.sparse.csc_matrix(square_mask(), dtype=float)),
        "xform_mask is a struct or a sparse matrix, expected an array of numbers",
    ),
    "v5, struct": (
        lambda path: v5(path, scoringindex_file={"a": 1}),
        "scoringindex_file is a struct or a sparse matrix, expected an array of numbers",
    ),
    "v5, cell": (
        lambda path: v5(path, scoringindex_file=np.array([["wake"]], dtype=object)),
        "scoringindex_file holds <U4, expected numbers",
    ),
}


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    return load_atlas(write_atlas(tmp_path_factory.mktemp("atlas") / "atlas.mat"))


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_files_end_in_one_line_and_little_memory(tmp_path, atlas, kind):
    write, message = MALFORMED[kind]
    path = tmp_path / "Ms1-fc1.mat"
    write(path)
    tracemalloc.start()
    with pytest.raises(InputError) as caught:
        check(path, atlas)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert message in line
    assert len(line.splitlines()) == 1
    # An epoch in double precision is 22 MB, read and converted: nothing of the size that a file declares.
    assert peak < 150e6


UNUSUAL = {
    "all artefacts": (whole(scores=[2, 2]), "no epoch is scored, all are artefacts: nothing of the recording is used"),
    "nothing but zeros": (whole(), "100.0% of the mask's pixels are constant"),
    "a missing pixel": (
        whole(frames=lambda epoch: np.where(np.arange(128) == 40, np.float32(np.nan), zeros(epoch))),
        "0.0125 of the mask's values are not finite numbers",
    ),
    "too large for float32": (
        whole(frames=lambda epoch: np.eye(128) * 1e300 + zeros(epoch), dtype="f8"),
        "0.0109 of the",
    ),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_unusual_files_are_read_with_a_warning(tmp_path, atlas, kind):
    write, message = UNUSUAL[kind]
    path = tmp_path / "Ms1-fc1.mat"
    write(path)
    assert message in check(path, atlas)


def test_a_recording_that_another_program_writes_is_read_or_waited_for(tmp_path, atlas):
    path = write_recording(tmp_path / "Ms1-fc1.mat", [0, 1], lambda epoch: np.full(EPOCH, epoch))
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as HDF5 does
        with Recording(path) as recording:
            assert (recording.frames(1) == 1).all()
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(InputError, match="; another program has it open to write it: wait until that has ended"):
            Recording(path)
    with pytest.raises(InputError, match="; save it again with -v7.3, or fetch it again"):
        Recording(path)


def test_the_longest_recording_opens_without_reading_it(tmp_path):
    path = tmp_path / "long.mat"
    declared(MAX_EPOCHS, MAX_EPOCHS)(path)
    with h5py.File(path, "r+") as file:
        file["scoringindex_file"][...] = 0
    tracemalloc.start()
    with Recording(path) as recording:
        assert len(recording.scores) == recording.n_epochs == MAX_EPOCHS
        assert np.isnan(recording.frames(MAX_EPOCHS - 1)).all()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80e6


def test_a_large_v5_file_is_refused_before_it_is_loaded(tmp_path, monkeypatch):
    path = v5(tmp_path / "old.mat")
    values = np.prod(EPOCH) + 128 * 128 + 1
    monkeypatch.setattr(matlab, "MAX_BYTES_AT_ONCE", 8 * values)
    with Recording(path) as recording:
        assert recording.n_epochs == 1
    monkeypatch.setattr(matlab, "MAX_BYTES_AT_ONCE", 8 * values - 1)
    message = "a MATLAB v5 file that declares 0.02 GB .*; save it with -v7.3"
    with pytest.raises(InputError, match=f"old.mat: {message}"):
        Recording(path)
    monkeypatch.setattr(scipy.io, "loadmat", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(InputError, match=message):  # what the process of its own does
        matv5.write_npz(8 * values - 1, path, VARIABLES)


def without_compression(path):
    scipy.io.savemat(path, scipy.io.loadmat(path, variable_names=VARIABLES))
    return path


@pytest.mark.parametrize("kind", ["v7.3", "v5", "v5, uncompressed"])
def test_flipped_bytes_end_in_an_input_error_or_not_at_all(tmp_path, kind):
    path = tmp_path / "Ms1-fc1.mat"
    sound = (write_recording(path, [0], zeros) if kind == "v7.3" else v5(path)).read_bytes()
    if kind == "v5, uncompressed":
        sound = without_compression(path).read_bytes()
        # In the names, types and sizes of the variables: most of the file is values.
        places_of = np.r_[128:200, len(sound) - 200 : len(sound)]
    else:
        places_of = np.arange(len(sound))
    rng = np.random.default_rng(20)

    def outcome(number):
        path = tmp_path / f"{number}.mat"
        path.write_bytes(damaged[number])
        try:
            with Recording(path) as recording:
                assert len(recording.scores) == recording.n_epochs
                assert recording.frames(0).shape == EPOCH
        except InputError as error:
            assert str(error).startswith(f"{path}: ")
            assert len(str(error).splitlines()) == 1
            return "refused"
        return "read"

    damaged = []
    for _ in range(20 if kind == "v5" else 40):
        content = np.frombuffer(sound, dtype=np.uint8).copy()
        places = rng.choice(places_of, size=20 if kind != "v5, uncompressed" else 3)
        content[places] = rng.integers(256, size=len(places))
        damaged.append(content.tobytes())
    with ThreadPoolExecutor(2) as pool:
        assert "refused" in list(pool.map(outcome, range(len(damaged))))


def with_a_type_that_no_value_has(path, place, type_of_values):
    """Damage the one byte of an uncompressed v5 file after which scipy reads beyond its table of types."""
    content = bytearray(path.read_bytes())
    assert content[place] == type_of_values
    content[place] = 255
    path.write_bytes(content)


def test_a_v5_file_that_may_crash_its_reader_ends_in_one_line(tmp_path):
    """What scipy makes of such a byte depends on the memory behind its table: a crash or an error."""
    path = without_compression(v5(tmp_path / "Ms1-fc1.mat"))
    with_a_type_that_no_value_has(path, 184, 7)
    with pytest.raises(InputError, match=re.escape(f"{path}: not a readable MATLAB v5 file (")):
        Recording(path)
    atlas = write_atlas(tmp_path / "atlas.mat")
    with_a_type_that_no_value_has(atlas, 192, 2)
    with pytest.raises(InputError, match=re.escape(f"{atlas}: not a readable MATLAB v5 file (")):
        load_atlas(atlas)


def test_a_reader_that_crashes_is_called_that(tmp_path, monkeypatch):
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(crashing))
    path = without_compression(v5(tmp_path / "Ms1-fc1.mat"))
    crashed = "not a readable MATLAB v5 file (damaged, its reader crashed with SIGSEGV); save it again with -v7.3"
    with pytest.raises(InputError, match=re.escape(f"{path}: {crashed}")):
        Recording(path)
