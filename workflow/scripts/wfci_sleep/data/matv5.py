"""MATLAB v5 files: read by scipy in a separate process, as a damaged file can crash it, and written."""

import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wfci_sleep.errors import InputError, first_line
from wfci_sleep.files.atomic import written_atomically

TIMEOUT_S = 600
"""Longer than the largest file takes on a slow disk."""

_MAGIC = b"MATLAB 5.0"
_TEXT_BYTES = 116  # at the beginning of a MATLAB file, v5 and v7.3
_BYTES_A_VALUE = 8  # a v5 file may store doubles in fewer bytes; in memory they are doubles again
_ALL_NAMES = "names of all variables"  # MATLAB's own names hold no space


@dataclass(frozen=True)
class Variables:
    """What a MATLAB v5 file holds.

    Attributes
    ----------
    names : list of str
        All variables.
    arrays : dict of name to array
        The requested ones that are arrays of numbers or cells of text (arrays of str), with MATLAB's axes.
    """

    names: list[str]
    arrays: dict[str, np.ndarray]


def is_v5(path: str | os.PathLike) -> bool:
    """Whether a file begins as MATLAB v5."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read_v5(path: str | os.PathLike, names: Sequence[str], most_bytes: int) -> Variables:
    """Read some variables of a MATLAB v5 file.

    Parameters
    ----------
    path : path
    names : sequence of str
        Requested variables; those that are missing, structs or sparse matrices come without an array.
    most_bytes : int
        Limit of their total size.

    Raises
    ------
    InputError
        If the file cannot be read, or declares more than `most_bytes`.
    """
    folders = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}
    # -P: no import from the working folder.
    command = [sys.executable, "-P", "-m", "wfci_sleep.data.matv5", str(most_bytes), os.fspath(path), *names]
    with tempfile.TemporaryFile() as file:  # without a name: no file stays behind if this process is killed
        try:
            done = subprocess.run(
                command, stdout=file, stderr=subprocess.PIPE, env=environment, timeout=TIMEOUT_S, text=True
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"{path}: the MATLAB v5 file could not be read within {TIMEOUT_S} s") from None
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            raise InputError(f"{path}: {_unreadable(f'damaged, its reader crashed with {name}')}")
        if done.returncode > 0:
            raise InputError(f"{path}: {(done.stderr.splitlines() or [_unreadable('no reason given')])[-1]}")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            found = dict(arrays)
    return Variables(json.loads(str(found.pop(_ALL_NAMES))), found)


def write_v5(path: str | os.PathLike, variables: Mapping[str, object], text: str) -> None:
    """Write a MATLAB v5 file, atomically; the same variables give the same bytes.

    Parameters
    ----------
    path : path
    variables : mapping of name to array or text
        Arrays of one axis become rows, arrays of objects cells.
    text : str
        What the head of the file says, ASCII, cut after 116 characters.
    """
    from scipy.io import savemat  # here, as Snakemake asks this module's users for names each time it starts

    with written_atomically(path) as temporary:
        savemat(temporary, dict(variables), do_compression=True, oned_as="row")
        with temporary.open("r+b") as file:
            file.write(header_text(f"{_MAGIC.decode()} MAT-file, {text}"))  # SciPy's own text holds the time of writing


def header_text(text: str) -> bytes:
    """The text at the beginning of a MATLAB file, v5 or v7.3, in its 116 bytes.

    Examples
    --------
    >>> header_text("MATLAB 5.0 MAT-file").rstrip(), len(header_text(200 * "x"))
    (b'MATLAB 5.0 MAT-file', 116)
    """
    return text.encode("ascii")[:_TEXT_BYTES].ljust(_TEXT_BYTES)


def write_npz(most_bytes: int, path: str, names: Sequence[str]) -> None:
    """Main function of the separate process: writes the variables to standard output, which is a file."""
    import scipy.io

    declared = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    size = _BYTES_A_VALUE * sum(math.prod(shape) for name, shape in declared.items() if name in names)
    if size > most_bytes:
        raise InputError(
            f"a MATLAB v5 file that declares {size / 1e9:.2f} GB and can only be read whole, "
            f"expected at most {most_bytes / 1e9:.2f} GB; save it with -v7.3"
        )
    # mat_dtype: doubles stay doubles, though v5 stores whole numbers in fewer bytes.
    variables = scipy.io.loadmat(path, variable_names=names, mat_dtype=True)
    found = {name: _array(variables[name]) for name in names if name in variables}
    arrays = {name: array for name, array in found.items() if array is not None}
    arrays[_ALL_NAMES] = np.array(json.dumps(list(declared)))
    np.savez(sys.stdout.buffer, allow_pickle=False, **arrays)


def _array(variable: object) -> np.ndarray | None:
    """A variable as an array without Python objects, or None."""
    if not isinstance(variable, np.ndarray):
        return None
    if not variable.dtype.hasobject:
        return variable
    cells = variable.ravel().tolist()
    if all(isinstance(cell, np.ndarray) and cell.dtype.kind == "U" for cell in cells):
        return np.array([str(np.squeeze(cell)) for cell in cells]).reshape(variable.shape)
    return None


def _unreadable(reason: str) -> str:
    return f"not a readable MATLAB v5 file ({reason}); save it again with -v7.3, or fetch it again"


def _bound_memory(most_bytes: int) -> None:
    """Limit this process's memory to what the variables need: as stored, as arrays, and as doubles."""
    import scipy.io  # noqa: F401, its own memory is not to count

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, highest = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped + 4 * most_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if highest < 0 else min(wanted, highest), highest))


if __name__ == "__main__":
    try:
        _bound_memory(int(sys.argv[1]))
        write_npz(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
    except InputError as error:
        sys.exit(str(error))
    except Exception as error:  # scipy's parser raises errors of every type
        sys.exit(_unreadable(first_line(error)))
