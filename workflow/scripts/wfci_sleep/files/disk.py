"""Full disks: recognises errors that mean one, names the disk, checks for room before writing."""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from wfci_sleep.errors import InputError

LEAST_FREE_BYTES = 2**20
"""A disk with less counts as full whatever a library's error says: HDF5's mentions only its cache."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_WORDS = tuple(os.strerror(number) for number in _FULL)


def in_units(n_bytes: float) -> str:
    """A number of bytes in a readable unit.

    Examples
    --------
    >>> in_units(2_100_000_000), in_units(300)
    ('2.1 GB', '300 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


def full_disk(error: BaseException, paths: Iterable[str | os.PathLike]) -> str | None:
    """The message for an error that comes from a full disk.

    Parameters
    ----------
    error : exception
    paths : iterable of path
        Files that were being written; the message names the fullest of their disks.

    Returns
    -------
    str or None
        A line, or None if the error has another cause.
    """
    folders = [_existing(path) for path in paths]
    if not folders:
        return None
    folder = min(folders, key=lambda folder: shutil.disk_usage(folder).free)
    usage = shutil.disk_usage(folder)
    if not _says_full(error) and usage.free >= LEAST_FREE_BYTES:
        return None
    if _says_full(error) and usage.free >= LEAST_FREE_BYTES:
        # The step has freed its space since, or a quota is used up.
        found = f"or its quota is used up, now {in_units(usage.free)} of {in_units(usage.total)} are free"
    else:
        found = f"{in_units(usage.free)} of {in_units(usage.total)} are free"
    return (
        f"{folder}: the disk at {_mount_point(folder)} is full, {found}; make room and run the same command again, "
        "what is finished is kept"
    )


def check_room(path: str | os.PathLike, needed: int) -> None:
    """Stop if there is no room for a file that is about to be written.

    Parameters
    ----------
    path : path
        File to write.
    needed : int
        Its size in bytes.

    Raises
    ------
    InputError
        Naming the disk, the needed and the free space.
    """
    folder = _existing(path)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{path}: takes {in_units(needed)}, the disk at {_mount_point(folder)} has {in_units(free)} free; "
            "make room and run the same command again, what is finished is kept"
        )


def _says_full(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "errno", None) in _FULL or any(words in str(error) for words in _WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def _existing(path: str | os.PathLike) -> Path:
    """The nearest existing folder above a path."""
    folder = Path(path).absolute().parent
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _mount_point(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if os.path.ismount(each))
