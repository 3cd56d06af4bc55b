"""The Paxinos atlas of the database: parcels, brain mask, mean traces of parcels."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wfci_sleep.data.matlab import MatlabFile, in_matlab
from wfci_sleep.data.recordings import LARGEST
from wfci_sleep.errors import InputError, first_line
from wfci_sleep.files.atomic import check_file
from wfci_sleep.layout import FRAME_SHAPE, N_PARCELS


@dataclass(frozen=True)
class Atlas:
    """Parcels and brain mask on the grid of a frame.

    Attributes
    ----------
    parcels : array of uint8, shape (128, 128)
        Number of the parcel, 0 outside.
    names : list of str, length 40
        Names of parcels 1-40. The hemisphere follows from the number: the file calls three left parcels "R".
    brain : array of bool, shape (128, 128)
        The standard brain mask `parcelisbrain` if the file has it, otherwise the pixels of all parcels.
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
        """Mean of each parcel inside the recording's mask; NaN values are left out.

        Parameters
        ----------
        frames : array of float, shape (n_frames, 128, 128)
        recording_mask : array of bool, shape (128, 128)

        Returns
        -------
        array of float64, shape (n_frames, 40)
            NaN for a parcel without a pixel.
        """
        inside = recording_mask & (self.parcels > 0)
        membership = np.eye(N_PARCELS)[self.parcels[inside] - 1]
        pixels = frames[:, inside].astype(np.float64)
        known = np.abs(pixels) <= LARGEST
        if known.all():
            sums, counts = pixels @ membership, membership.sum(axis=0)
        else:
            sums, counts = np.where(known, pixels, 0) @ membership, known @ membership
        return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def load_atlas(path: str | Path) -> Atlas:
    """Read an atlas file, MATLAB v5 (`atlas.mat`) or v7.3 (`AtlasandIsbrain.mat`).

    Raises
    ------
    InputError
        If the file cannot be read, `AtlasSeeds` or `parcelnames` is missing or has another size.
    """
    check_file(path, "expected a MATLAB atlas file")
    try:
        with MatlabFile(path, ("AtlasSeeds", "parcelnames"), ("parcelisbrain",)) as file:
            parcels = _image(file, "AtlasSeeds")
            brain = _image(file, "parcelisbrain") if "parcelisbrain" in file.names else parcels
            names = file.texts("parcelnames")
    except InputError:
        raise
    except Exception as error:  # h5py raises errors of every type
        raise InputError(f"{path}: not a readable MATLAB atlas file ({first_line(error)})") from error
    if not np.isin(parcels, np.arange(N_PARCELS + 1)).all() or len(names) != N_PARCELS:
        raise InputError(
            f"{path}: found parcels {parcels.min():g}..{parcels.max():g} and {len(names)} names, "
            f"expected parcels 0..{N_PARCELS} and {N_PARCELS} names"
        )
    return Atlas(parcels.astype(np.uint8), _with_hemispheres(names), brain > 0)


def _image(file: MatlabFile, name: str) -> np.ndarray:
    variable = file.variable(name)
    if variable.shape != FRAME_SHAPE[::-1]:
        rows, columns = FRAME_SHAPE
        raise InputError(f"{file.path}: {name} is {in_matlab(variable.shape)}, expected {rows} x {columns}")
    return file.values(name, variable).T


def _with_hemispheres(names: Iterable[str]) -> list[str]:
    areas = [name.strip().removesuffix(" L").removesuffix(" R") for name in names]
    return [f"{area} {'L' if number <= N_PARCELS // 2 else 'R'}" for number, area in enumerate(areas, start=1)]
