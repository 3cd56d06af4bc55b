"""The atlas: both file formats, hemispheres by number, masks, parcel traces, wrong files."""

import h5py
import numpy as np
import pytest
import scipy.io
from conftest import square_mask, write_atlas

from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.errors import InputError


def test_v5_atlas(tmp_path):
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    assert sorted(np.unique(atlas.parcels)) == list(range(41))
    # The file calls every parcel left; the number says otherwise.
    assert atlas.names[0] == "Area0 L"
    assert atlas.names[20] == "Area0 R"
    assert (atlas.brain == (atlas.parcels > 0)).all()


def test_v73_atlas_reads_like_v5(tmp_path):
    v5 = write_atlas(tmp_path / "atlas.mat")
    seeds = scipy.io.loadmat(v5)["AtlasSeeds"]
    with h5py.File(tmp_path / "big.mat", "w", userblock_size=512) as file:
        file["AtlasSeeds"] = seeds.T.astype(float)
        file["parcelisbrain"] = square_mask().T.astype(float)
        references = []
        for number in range(40):
            file[f"#refs#/{number}"] = np.array([[ord(letter)] for letter in f"Area{number % 20} L"], dtype=np.uint16)
            references.append([file[f"#refs#/{number}"].ref])
        file.create_dataset("parcelnames", data=np.array(references, dtype=h5py.ref_dtype), dtype=h5py.ref_dtype)
    small, big = load_atlas(v5), load_atlas(tmp_path / "big.mat")
    assert (small.parcels == big.parcels).all()
    assert small.names == big.names
    assert (big.brain == square_mask()).all()


def test_masks_by_setting(tmp_path):
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    mask = square_mask()
    assert (atlas.mask(mask, "recording") == mask).all()
    assert (atlas.mask(mask, "atlas") == atlas.brain).all()
    assert (atlas.mask(mask, "both") == (mask & atlas.brain)).all()


def test_parcel_traces_are_means_inside_the_mask(tmp_path, rng):
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    mask = square_mask()
    frames = rng.normal(size=(4, 128, 128)).astype(np.float32)
    hole = tuple(np.argwhere((atlas.parcels == 6) & mask)[0])
    frames[2, *hole] = np.nan
    traces = atlas.parcel_traces(frames, mask)
    assert traces.shape == (4, 40)
    for number in range(1, 41):
        inside = (atlas.parcels == number) & mask
        expected = np.nanmean(frames[:, inside], axis=1) if inside.any() else np.full(4, np.nan)
        np.testing.assert_allclose(traces[:, number - 1], expected, rtol=1e-5)
    assert np.isnan(traces[:, 0]).all()  # parcel 1 lies outside the mask


def test_wrong_atlas_files_end_in_one_line(tmp_path):
    with pytest.raises(InputError, match="AtlasSeeds is 120 x 120, expected 128 x 128"):
        load_atlas(write_atlas(tmp_path / "small.mat", size=120))
    (tmp_path / "text.mat").write_text("no atlas")
    with pytest.raises(InputError, match="not a readable MATLAB atlas file"):
        load_atlas(tmp_path / "text.mat")
    scipy.io.savemat(tmp_path / "other.mat", {"x": 1})
    with pytest.raises(InputError, match="variable AtlasSeeds is missing"):
        load_atlas(tmp_path / "other.mat")
    scipy.io.savemat(
        tmp_path / "codes.mat", {"AtlasSeeds": np.full((128, 128), 99), "parcelnames": np.array([["a"]], object)}
    )
    with pytest.raises(InputError, match=r"found parcels 99..99 and 1 names, expected parcels 0..40 and 40 names"):
        load_atlas(tmp_path / "codes.mat")
    with pytest.raises(InputError, match="gone.mat"):
        load_atlas(tmp_path / "gone.mat")
