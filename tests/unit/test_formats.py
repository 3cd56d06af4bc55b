"""A second format is one reader and one row: a stub in ten lines goes the way of a MATLAB file, to the same shard."""

import numpy as np
import pandas as pd
import pytest
from conftest import square_mask, write_atlas, write_recording

from wfci_sleep import Recording
from wfci_sleep.data import formats
from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.data.folders import local_notes, local_recordings
from wfci_sleep.data.matlab_recordings import MatlabRecording
from wfci_sleep.data.recordings import MAX_EPOCHS, EmptyRecordingError
from wfci_sleep.errors import InputError
from wfci_sleep.preprocessing.checks import check_recording
from wfci_sleep.preprocessing.cutting import cut_recording
from wfci_sleep.preprocessing.windows import Windowing

SCORES = [0, 2, 1, 3, 1]
WINDOWS = {
    "normalisation": "temporal-zscore",
    "hemisphere": "left",
    "mask": "recording",
    "spatial_binning": 2,
    "storage": "float16",
    "compression": "none",
}


class NpzRecording(Recording):
    title = "NumPy (.npz)"
    n_epochs = property(lambda self: len(self._arrays["frames"]))
    dtype = property(lambda self: self._arrays["frames"].dtype)

    def _open(self):
        self._arrays = dict(np.load(self.path))

    def _read_mask(self):
        return self._arrays["mask"]

    def _read_scores(self):
        return self._arrays["scores"]

    def _read_frames(self, first, stop, n_frames, mask):
        return self._arrays["frames"][first:stop, :n_frames]


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(formats.READERS, ".npz", lambda: NpzRecording)


def write_npz(path, scores=SCORES, mask=None, frames=None):
    frames = np.zeros((len(scores), 168, 128, 128), dtype=np.float32) if frames is None else frames
    np.savez(path, frames=frames, scores=np.array(scores), mask=square_mask() if mask is None else mask)
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """One recording in both formats, with values that are missing or constant."""
    folder = tmp_path_factory.mktemp("pair")
    frames = np.random.default_rng(5).normal(0.01, 0.02, size=(len(SCORES), 168, 128, 128)).astype(np.float32)
    frames[2, 7:9, 50, 60], frames[:, :, 70, 40], frames[3] = np.nan, 0.5, np.nan
    matlab = write_recording(folder / "Ms1-fc1.mat", SCORES, lambda epoch: frames[epoch])
    return matlab, write_npz(folder / "Ms2-fc1.npz", frames=frames)


def test_the_reader_is_chosen_by_the_ending(pair, tmp_path):
    matlab, npz = pair
    for path, reader in ((matlab, MatlabRecording), (npz, NpzRecording)):
        for opened in (Recording, formats.open_recording):
            with opened(path) as recording:
                assert type(recording) is reader
                assert recording.frames(2).dtype == np.float32
    # A recording sheet may name a file of any other ending, which is taken for MATLAB's.
    (tmp_path / "renamed.h5").symlink_to(matlab)
    with Recording(tmp_path / "renamed.h5") as recording:
        assert recording.scores.tolist() == SCORES


def test_a_folder_lists_every_format(pair):
    table = local_recordings(pair[0].parent)
    assert table[["mouse", "recording", "path"]].to_numpy().tolist() == [
        ["Ms1", "Ms1-fc1", str(pair[0])],
        ["Ms2", "Ms2-fc1", str(pair[1])],
    ]


def test_files_left_aside_are_told_of_every_format(tmp_path):
    for name in ("Ms1-fc1.mat", "rest.NPZ", "atlas.mat", "notes.txt"):
        (tmp_path / name).touch()
    (note,) = local_notes(tmp_path, ["Ms1"])
    assert "1 .mat or .npz file is left aside" in note
    assert "rest.NPZ" in note


def test_both_formats_are_checked_and_surveyed_alike(pair, tmp_path):
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    matlab, npz = (check_recording(path, atlas, {4: "moves"}, tmp_path / f"{path.stem}.tsv") for path in pair)
    # Sums are taken in the order of the memory.
    pd.testing.assert_frame_equal(pd.DataFrame([npz.row]), pd.DataFrame([matlab.row]), rtol=1e-12, atol=0)
    pd.testing.assert_frame_equal(npz.epochs, matlab.epochs)
    assert matlab.epochs["reason"].tolist() == ["", "artefact", "", "no finite value in the mask", "excluded: moves"]
    assert npz.survey.no_signal == matlab.survey.no_signal
    for name in ("mean_frame", "std_frame", "mask", "jumps"):
        np.testing.assert_allclose(getattr(npz.survey, name), getattr(matlab.survey, name), rtol=1e-6, err_msg=name)
    assert (tmp_path / "Ms2-fc1.tsv").read_bytes() == (tmp_path / "Ms1-fc1.tsv").read_bytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_both_formats_give_the_same_shards(pair, tmp_path, threads):
    shards = []
    for path in pair:
        shards.append([tmp_path / f"{path.stem}-{seconds}.tfrecord" for seconds in (5, 15)])
        with Recording(path) as recording:
            windowings = [Windowing({**WINDOWS, "seconds": seconds}, recording.mask) for seconds in (5, 15)]
            cut_recording(recording, windowings, recording.labels, shards[-1], threads)
    for matlab, npz in zip(*shards, strict=True):
        assert npz.read_bytes() == matlab.read_bytes()


def cut_off(path):
    content = write_npz(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


WRONG = {
    "absent": (lambda path: None, "does not exist, expected a NumPy (.npz) file"),
    "directory": (lambda path: path.mkdir(), "is a directory or a device, expected a NumPy (.npz) file"),
    "empty": (lambda path: path.touch(), "not a readable NumPy (.npz) file (it is empty); fetch or export it again"),
    "cut off": (cut_off, "not a readable NumPy (.npz) file ("),
    "integers": (
        lambda path: write_npz(path, frames=np.zeros((5, 168, 128, 128), dtype="i2")),
        "frames holds int16, expected double or single",
    ),
    "no epoch": (lambda path: write_npz(path, []), "frames holds no epoch, expected at least one"),
    "mask of another size": (lambda path: write_npz(path, mask=np.ones((64, 128))), "mask is 64 x 128, expected 128 x"),
    "mask of zeros": (lambda path: write_npz(path, mask=np.zeros((128, 128))), "mask is zero everywhere, expected 1"),
    "no mask": (lambda path: np.savez(path, frames=np.zeros((1, 168, 128, 128)), scores=[0]), "mask cannot be read ("),
    "few scores": (
        lambda path: np.savez(path, frames=np.zeros((2, 168, 128, 128)), scores=[0], mask=square_mask()),
        "scores has 1 entries, expected one score for each of the 2 epochs",
    ),
    "scores in a row": (
        lambda path: np.savez(path, frames=np.zeros((2, 168, 128, 128)), scores=[[0, 1]], mask=square_mask()),
        "scores is 1 x 2, expected one score for each of the 2 epochs",
    ),
    "scores as text": (lambda path: write_npz(path, ["wake", "rem"]), "scores holds <U4, expected numbers"),
    "complex scores": (lambda path: write_npz(path, [0j, 1j]), "scores holds complex128, expected numbers"),
    "scalar data": (
        lambda path: write_npz(path, [0], frames=np.float32(1)),
        "frames cannot be read (len() of unsized object); fetch or export it again",
    ),
    "mask as text": (lambda path: write_npz(path, mask=np.full((128, 128), "brain")), "mask holds <U5, expected num"),
    "mask of NaN": (
        lambda path: write_npz(path, mask=np.full((128, 128), np.nan)),
        "mask holds no value above zero, expected 1 on the brain's pixels",
    ),
    "unknown score": (lambda path: write_npz(path, [0, 7]), "scores holds 7 at epoch 1, expected 0 (wake)"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_every_reader_is_checked_and_its_errors_name_the_file(tmp_path, kind):
    write, message = WRONG[kind]
    path = tmp_path / "Ms1-fc1.npz"
    write(path)
    with pytest.raises(EmptyRecordingError if kind == "no epoch" else InputError) as caught:
        Recording(path).scores  # noqa: B018
    assert str(caught.value).startswith(f"{path}: {message}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("shape", [(2, 100, 128, 128), (2, 168, 128, 64), (2,), (2, 168, 128, 128, 1)])
def test_frames_of_another_shape_are_refused(tmp_path, shape):
    path = tmp_path / "Ms1-fc1.npz"
    values = np.zeros(shape, dtype=np.float32)
    NpzFlat = type("NpzFlat", (NpzRecording,), {"_read_frames": lambda self, first, stop, *_: values[first:stop]})
    write_npz(path, [0, 1])
    with NpzFlat(path) as recording, pytest.raises(InputError) as caught:
        recording.frames(1)
    found = " x ".join(map(str, (1, *shape[1:])))
    assert str(caught.value) == (
        f"{path}: frames from epoch 1 on are {found}, float32, "
        "expected 1 x 168 x 128 x 128 (epoch, frame, row, column), double or single"
    )


def test_frames_of_another_type_are_refused(tmp_path, monkeypatch):
    path = write_npz(tmp_path / "Ms1-fc1.npz", [0])
    frames = np.zeros((1, 168, 128, 128), dtype="i2")
    monkeypatch.setattr(NpzRecording, "_read_frames", lambda *_: frames)
    with Recording(path) as recording, pytest.raises(InputError, match="are 1 x 168 x 128 x 128, int16, expected"):
        recording.frames(0)


def test_a_file_that_declares_more_than_a_day_is_refused(tmp_path, monkeypatch):
    path = write_npz(tmp_path / "Ms1-fc1.npz", [0])
    monkeypatch.setattr(NpzRecording, "n_epochs", MAX_EPOCHS + 1)
    with pytest.raises(InputError, match="frames declares 8641 epochs, expected one imaging run, at most 8640 epochs"):
        Recording(path)
