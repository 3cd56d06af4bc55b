"""Synthetic recordings: the layout of the database, the session, and what distinguishes the states."""

import tracemalloc

import h5py
import numpy as np
import pytest
import scipy.io

from wfci_sleep.data import synthetic, synthetic_activity, synthetic_sessions
from wfci_sleep.data.mat73 import Stream, write_mat73
from wfci_sleep.errors import InputError
from wfci_sleep.layout import FRAME_RATE_HZ

SMALL = {"mice": 2, "runs_per_mouse": 2, "epochs_per_run": 7, "seed": 7}
DEMO = {"mice": 4, "runs_per_mouse": 2, "epochs_per_run": 36, "seed": 42}
WAKE, NREM, ARTEFACT, REM = 0, 1, 2, 3


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """The small data set's files by (mouse, run)."""
    folder = tmp_path_factory.mktemp("synthetic")
    paths = {(mouse, run): folder / f"Ms{mouse}-fc{run}.mat" for mouse in (1, 2) for run in (1, 2)}
    for (mouse, run), path in paths.items():
        synthetic.synthesise_recording(path, mouse, run, SMALL)
    return paths


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    path = tmp_path_factory.mktemp("atlas") / "atlas.mat"
    synthetic.synthesise_atlas(path)
    return path


def read(path, name):
    with h5py.File(path) as file:
        return file[name][()]


def images(path, epoch):
    """One epoch as (frame, row, column)."""
    with h5py.File(path) as file:
        return file["data"][epoch].swapaxes(1, 2)


# --- layout -----------------------------------------------------------------------------------------------------------


def test_user_block_is_matlabs(recordings):
    with open(recordings[1, 1], "rb") as file:
        block, signature = file.read(512), file.read(8)
    assert block.startswith(b"MATLAB 7.3 MAT-file, Platform: ")
    assert b"Created on: " in block[:116] and block[:116].rstrip().endswith(b"HDF5 schema 1.00 .")
    assert block[116:124] == bytes(8)
    assert block[124:128] == b"\x00\x02IM"
    assert block[128:] == bytes(384)
    assert signature == b"\x89HDF\r\n\x1a\n"


def test_axes_are_reversed_and_classes_named(recordings):
    with h5py.File(recordings[1, 1]) as file:
        assert file["data"].shape == (7, 168, 128, 128)
        assert file["data"].dtype == np.float32
        assert file["data"].chunks[0] == 1
        assert file["data"].compression == "gzip" and file["data"].shuffle
        assert file["xform_mask"].shape == (128, 128)
        for name, matlab_class in [("data", b"single"), ("scoringindex_file", b"double"), ("xform_mask", b"double")]:
            attribute = file[name].attrs.get_id("MATLAB_class")
            assert attribute.dtype.kind == "S", "MATLAB reads strings of fixed length only"
            assert file[name].attrs["MATLAB_class"] == matlab_class


def test_masks_come_as_double_and_as_logical(recordings):
    with h5py.File(recordings[1, 1]) as odd, h5py.File(recordings[2, 1]) as even:
        assert odd["xform_mask"].dtype == np.float64
        assert even["xform_mask"].dtype == np.uint8
        assert even["xform_mask"].attrs["MATLAB_class"] == b"logical"
        assert even["xform_mask"].attrs["MATLAB_int_decode"] == 1
        for file in (odd, even):
            assert set(np.unique(file["xform_mask"])) == {0, 1}


def test_scores_come_in_both_orientations(recordings):
    assert read(recordings[1, 1], "scoringindex_file").shape == (1, 7)
    assert read(recordings[1, 2], "scoringindex_file").shape == (4, 1)


def test_scores_in_the_file_are_the_sessions(recordings):
    for (mouse, run), path in recordings.items():
        np.testing.assert_array_equal(
            read(path, "scoringindex_file").ravel(), synthetic_sessions.session_scores(mouse, SMALL)[run - 1]
        )


def test_mask_lies_as_in_matlab(recordings):
    """In (row, column) the brain is narrow in front and about as large on the left as on the right."""
    mask = read(recordings[1, 1], "xform_mask").T > 0
    assert mask[2].sum() < mask[100].sum()
    assert abs(mask[:, :64].sum() - mask[:, 64:].sum()) < 0.1 * mask.sum()


def test_stream_keeps_row_column_frame_and_epoch(tmp_path):
    """Every element of a stream is found where MATLAB would look for it."""
    shape = (4, 3, 6, 2)
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    blocks = (values[..., epoch] for epoch in range(2))
    write_mat73(tmp_path / "a.mat", {"data": Stream(shape, values.dtype, blocks, slab=2)})
    stored = read(tmp_path / "a.mat", "data")
    assert stored.shape == shape[::-1]
    assert stored[1, 4, 2, 3] == values[3, 2, 4, 1]
    np.testing.assert_array_equal(stored.T, values)


def test_stream_that_ends_early_is_refused(tmp_path):
    stream = Stream((2, 2, 2, 3), np.dtype(np.float32), iter([np.zeros((2, 2, 2), np.float32)]), slab=2)
    with pytest.raises(ValueError, match="1 blocks came"):
        write_mat73(tmp_path / "a.mat", {"data": stream})


# --- reproducibility --------------------------------------------------------------------------------------------------


def test_bytes_depend_on_the_seed_alone(recordings, tmp_path):
    synthetic.synthesise_recording(tmp_path / "again.mat", 1, 2, SMALL)
    assert (tmp_path / "again.mat").read_bytes() == recordings[1, 2].read_bytes()
    synthetic.synthesise_recording(tmp_path / "other.mat", 1, 2, {**SMALL, "seed": 8})
    assert (tmp_path / "other.mat").read_bytes() != recordings[1, 2].read_bytes()


def test_mice_and_runs_differ(recordings):
    epochs = {key: images(path, 0) for key, path in recordings.items()}
    keys = list(epochs)
    for i, one in enumerate(keys):
        for other in keys[i + 1 :]:
            assert not np.array_equal(epochs[one], epochs[other])
    masks = {key: read(path, "xform_mask") > 0 for key, path in recordings.items()}
    np.testing.assert_array_equal(masks[1, 1], masks[1, 2])
    assert not np.array_equal(masks[1, 1], masks[2, 1])


def test_atlas_bytes_are_reproducible(atlas, tmp_path):
    synthetic.synthesise_atlas(tmp_path / "again.mat")
    assert (tmp_path / "again.mat").read_bytes() == atlas.read_bytes()


def test_memory_does_not_grow_with_the_recording(tmp_path):
    def peak(epochs):
        settings = {**SMALL, "runs_per_mouse": 1, "epochs_per_run": epochs}
        tracemalloc.start()
        synthetic.synthesise_recording(tmp_path / "a.mat", 1, 1, settings)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    epoch_bytes = 128 * 128 * 168 * 4
    # Bursts and background courses grow a little: far less than an epoch of pixels each.
    assert peak(9) - peak(5) < 0.5 * epoch_bytes


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_table_of_recordings():
    table = synthetic_sessions.synthetic_recordings(DEMO)
    assert list(table.columns) == ["mouse", "recording", "order"]
    assert table["recording"].tolist()[:3] == ["Ms1-fc1", "Ms1-fc2", "Ms2-fc1"]
    assert table["mouse"].nunique() == 4 and len(table) == 8


@pytest.mark.parametrize("seed", [42, 1, 2, 3])
def test_sessions_hold_every_state_and_rem_follows_nrem(seed):
    settings = {**DEMO, "seed": seed}
    for mouse in range(1, 5):
        runs = synthetic_sessions.session_scores(mouse, settings)
        assert [len(run) for run in runs] == [36, 24]
        assert all(ARTEFACT in run for run in runs)
        artefacts = runs[0] == ARTEFACT
        assert np.any(artefacts[1:] & artefacts[:-1])
        session = np.concatenate(runs)
        assert min((session == state).sum() for state in (WAKE, NREM, REM)) >= 4
        seen = session[session != ARTEFACT]
        before_rem = seen[:-1][(seen[1:] == REM) & (seen[:-1] != REM)]
        assert seen[0] != REM and set(before_rem) == {NREM}
        assert 0.01 < np.mean(session == ARTEFACT) < 0.1


def test_a_session_too_short_is_an_error():
    with pytest.raises(InputError, match="too short"):
        synthetic_sessions.session_scores(1, {**DEMO, "runs_per_mouse": 1, "epochs_per_run": 2})


def test_a_single_run_is_not_shortened():
    (run,) = synthetic_sessions.session_scores(1, {**DEMO, "runs_per_mouse": 1})
    assert len(run) == 36


# --- atlas ------------------------------------------------------------------------------------------------------------


def test_atlas_has_forty_mirrored_parcels(atlas):
    contents = scipy.io.loadmat(atlas)
    seeds = contents["AtlasSeeds"]
    assert seeds.dtype == np.uint8 and seeds.shape == (128, 128)
    np.testing.assert_array_equal(np.unique(seeds), np.arange(41))
    left, right = seeds[:, :64], seeds[:, 64:]
    assert left.max() == 20 and right[right > 0].min() == 21
    np.testing.assert_array_equal(np.where(left > 0, left + 20, 0), right[:, ::-1])
    assert np.bincount(seeds.ravel()).min() >= 20
    np.testing.assert_array_equal(seeds > 0, synthetic_activity.brain_outline())


def test_atlas_names_follow_the_database(atlas):
    contents = scipy.io.loadmat(atlas)
    assert contents["parcelnames"].shape == (1, 40)
    names = [str(cell[0]) for cell in contents["parcelnames"][0]]
    assert names[0] == "Olf L" and names[19] == "Assoc L" and names[20] == "Olf R" and names[39] == "Assoc R"
    assert "Synthetic" in str(contents["description"][0])


def test_front_of_the_atlas_is_up(atlas):
    seeds = scipy.io.loadmat(atlas)["AtlasSeeds"]
    rows = [np.nonzero(seeds == parcel)[0].mean() for parcel in (1, 4, 12, 17)]
    assert rows == sorted(rows)


# --- signal -----------------------------------------------------------------------------------------------------------


def test_global_signal_is_regressed_out(recordings):
    path = recordings[1, 1]
    mask = read(path, "xform_mask").T > 0
    scores = read(path, "scoringindex_file").ravel()
    for epoch in np.flatnonzero(scores != ARTEFACT)[:3]:
        frames = images(path, epoch)
        assert np.abs(frames[:, mask].mean(axis=1)).max() < 1e-4
        assert 0.005 < frames[:, mask].std() < 0.03
        assert not frames[:, ~mask].any()


def test_artefacts_are_large(recordings):
    path = recordings[1, 1]
    scores = read(path, "scoringindex_file").ravel()
    spread = np.array([images(path, epoch).std() for epoch in range(len(scores))])
    assert spread[scores == ARTEFACT].min() > 2 * spread[scores != ARTEFACT].max()


@pytest.fixture(scope="module")
def activity():
    """Frames (n, 168, 16, 16) of each state from three mice, on a coarse grid and without camera or artefacts."""
    grid = np.arange(16) * 8 + 3.5
    mask = synthetic_activity.brain_outline().reshape(16, 8, 16, 8).mean(axis=(1, 3)) > 0.5
    frames = {WAKE: [], NREM: [], REM: []}
    for mouse_index in (1, 2, 3):
        rng = np.random.default_rng(mouse_index)
        scores = np.repeat([WAKE, NREM, REM], 10)
        mouse = synthetic.Mouse.draw(rng)
        run = synthetic.Activity(rng, scores, mouse, grid, grid, mask)
        for epoch, score in enumerate(scores):
            pixels = run.epoch(epoch)
            image = np.zeros((168, 16, 16))
            image.swapaxes(1, 2)[:, mask.T] = pixels - pixels.mean(axis=1, keepdims=True)
            frames[score].append(image)
    return {state: np.array(epochs) for state, epochs in frames.items()}


def power(frames, low, high):
    """Mean power map (16, 16) between two frequencies."""
    spectrum = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hz = np.fft.rfftfreq(frames.shape[1], 1 / FRAME_RATE_HZ)
    return spectrum[:, (hz >= low) & (hz < high)].mean(axis=(0, 1))


def in_areas(power_map, areas):
    seeds = synthetic.parcels()[3::8, 3::8] % 20
    numbers = [(list(synthetic.AREAS).index(area) + 1) % 20 for area in areas]
    return power_map[np.isin(seeds, numbers) & (synthetic.parcels()[3::8, 3::8] > 0)].mean()


def test_nrem_is_frontal_and_rem_posterior(activity):
    nrem, rem = power(activity[NREM], 0.2, 2), power(activity[REM], 0.2, 2)
    assert in_areas(nrem, ["M1", "M2"]) > 3 * in_areas(nrem, ["Retro", "V2 Med"])
    assert in_areas(rem, ["Retro", "V2 Med"]) > 3 * in_areas(rem, ["M1", "M2"])


def test_wake_is_faster_than_nrem_at_the_same_place(activity):
    fast = {state: in_areas(power(activity[state], 2.5, 6), ["M1", "M2"]) for state in (WAKE, NREM)}
    slow = {state: in_areas(power(activity[state], 0.2, 2), ["M1", "M2"]) for state in (WAKE, NREM)}
    assert fast[WAKE] / slow[WAKE] > 3 * fast[NREM] / slow[NREM]


def test_slow_waves_travel_backwards(activity):
    """In the mean over NREM the back of motor cortex follows its front."""
    front, back = activity[NREM][:, :, 4, 5:11].mean(axis=2), activity[NREM][:, :, 8, 5:11].mean(axis=2)
    later = np.mean(front[:, :-2] * back[:, 2:])
    earlier = np.mean(front[:, 2:] * back[:, :-2])
    assert later > earlier


def test_left_hemisphere_is_columns_0_to_63():
    """A source on one side only stays on its side of the midline."""
    rng = np.random.default_rng(0)
    columns = np.arange(128)
    mask = np.ones((128, 128), dtype=bool)
    run = synthetic.Activity(rng, np.array([NREM]), synthetic.Mouse.draw(rng), columns, columns, mask)
    burst = run._bursts.iloc[:1].assign(row=50.0, lateral=40.0, right=0.0)
    image = run._footprints(burst, lag=0.0).reshape(128, 128).T
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert (row, column) in {(50, 23), (50, 24)}
    assert not image[:, 64:].any()
