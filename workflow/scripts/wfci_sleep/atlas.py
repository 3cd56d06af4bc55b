"""The Paxinos atlas of the database: parcels, brain mask, mean traces of parcels."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.recordings import FRAME_SHAPE

N_PARCELS = 40
"""Parcels 1-20 lie in the left hemisphere, 21-40 in the right."""


@dataclass(frozen=True)
class Atlas:
    """Parcels and brain mask on the grid of a frame.

    Attributes
    ----------
    parcels : array of uint8, shape (128, 128)
        Number of the parcel, 0 outside.
    names : list of str, length 40
        Names of parcels 1-40, hemisphere taken from the number (the file calls three left parcels "R").
    brain : array of bool, shape (128, 128)
        The standard brain mask `parcelisbrain` where the file has it, else every pixel of a parcel.
    """

    parcels: np.ndarray
    names: list[str]
    brain: np.ndarray

    def mask(self, recording_mask: np.ndarray, kind: str) -> np.ndarray:
        """Pixels to use, by the setting `windows.mask`.

        Parameters
        ----------
        recording_mask : array of bool, shape (128, 128)
            `xform_mask` of the recording.
        kind : {"recording", "atlas", "both"}

        Returns
        -------
        array of bool, shape (128, 128)
        """
        return {"recording": recording_mask, "atlas": self.brain, "both": recording_mask & self.brain}[kind]

    def parcel_traces(self, frames: np.ndarray, recording_mask: np.ndarray) -> np.ndarray:
        """Mean of each parcel inside the recording's mask; pixels that are NaN are left out.

        Parameters
        ----------
        frames : array of float, shape (n_frames, 128, 128)
        recording_mask : array of bool, shape (128, 128)

        Returns
        -------
        array of float32 (float64 if the frames are), shape (n_frames, 40)
            NaN for a parcel without a pixel.
        """
        inside = recording_mask & (self.parcels > 0)
        membership = np.eye(N_PARCELS, dtype=np.float32)[self.parcels[inside] - 1]
        pixels = frames[:, inside]
        known = np.isfinite(pixels)
        if known.all():
            sums, counts = pixels @ membership, membership.sum(axis=0)
        else:
            sums, counts = np.where(known, pixels, 0) @ membership, known.astype(np.float32) @ membership
        return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def load_atlas(path: str | Path) -> Atlas:
    """Read an atlas file, MATLAB v5 (`atlas.mat`) or v7.3 (`AtlasandIsbrain.mat`).

    Raises
    ------
    InputError
        If the file cannot be read, `AtlasSeeds` or `parcelnames` is missing or has another size.
    """
    try:
        variables = _read_v73(path) if h5py.is_hdf5(path) else _read_v5(path)
    except Exception as error:  # scipy and h5py raise whatever their parsers stumble over
        raise InputError(f"{path}: not a readable MATLAB atlas file ({str(error).splitlines()[0]})") from error
    for name in ("AtlasSeeds", "parcelnames"):
        if name not in variables:
            raise InputError(f"{path}: variable {name} is missing, expected AtlasSeeds and parcelnames")
    parcels, names = variables["AtlasSeeds"], variables["parcelnames"]
    if parcels.shape != FRAME_SHAPE:
        found = " x ".join(map(str, parcels.shape))
        raise InputError(f"{path}: AtlasSeeds is {found}, expected {FRAME_SHAPE[0]} x {FRAME_SHAPE[1]}")
    if not np.isin(parcels, np.arange(N_PARCELS + 1)).all() or len(names) != N_PARCELS:
        raise InputError(
            f"{path}: found parcels {parcels.min():g}..{parcels.max():g} and {len(names)} names, "
            f"expected parcels 0..{N_PARCELS} and {N_PARCELS} names"
        )
    brain = variables.get("parcelisbrain", parcels) > 0
    return Atlas(parcels.astype(np.uint8), _with_hemispheres(names), brain)


def _with_hemispheres(names: list[str]) -> list[str]:
    areas = [name.strip().removesuffix(" L").removesuffix(" R") for name in names]
    return [f"{area} {'L' if number <= N_PARCELS // 2 else 'R'}" for number, area in enumerate(areas, start=1)]


def _read_v5(path: str | Path) -> dict:
    import scipy.io  # here, as most steps that know of the atlas never read a file of it

    variables = scipy.io.loadmat(path)
    if "parcelnames" in variables:
        variables["parcelnames"] = [str(np.squeeze(cell)) for cell in variables["parcelnames"].ravel()]
    return variables


def _read_v73(path: str | Path) -> dict:
    with h5py.File(path, "r") as file:
        variables = {name: file[name][()].T for name in ("AtlasSeeds", "parcelisbrain") if name in file}
        if "parcelnames" in file:
            cells = (file[reference][()] for reference in file["parcelnames"][()].ravel())
            variables["parcelnames"] = ["".join(map(chr, cell.ravel())) for cell in cells]
    return variables
