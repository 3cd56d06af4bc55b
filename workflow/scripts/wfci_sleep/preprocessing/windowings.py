"""Window settings: their names, the shapes of their windows, and which windowings are cut together."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from wfci_sleep.layout import EPOCH_FRAMES, EPOCH_S, FRAME_SHAPE, FRAMES, hemisphere_columns

USUAL = {"mask": "recording", "spatial_binning": 1, "storage": "float16", "compression": "none"}
"""Default values, which a windowing's name leaves out; a test compares them with the configuration's."""

_IN_NAMES = {"mask": "mask_{}", "spatial_binning": "bin{}", "storage": "{}", "compression": "{}"}


def n_frames(seconds: int) -> int:
    """Number of frames of a window: floor(16.8 x seconds).

    Examples
    --------
    >>> [n_frames(seconds) for seconds in (1, 9, 10, 15, 20)]
    [16, 151, 168, 252, 336]
    """
    return EPOCH_FRAMES * seconds // int(EPOCH_S)


def lead_frames(length: int, epoch_frames: int = EPOCH_FRAMES) -> int:
    """Frames of a window before its epoch: a longer window is centred on the epoch, a shorter one starts with it.

    Parameters
    ----------
    length : int
        Frames of the window.
    epoch_frames : int, optional
        Frames of an epoch.

    Examples
    --------
    >>> [lead_frames(n_frames(seconds)) for seconds in (5, 10, 15)]
    [0, 0, 42]
    """
    return max(0, (length - epoch_frames) // 2)


def windowing_name(settings: Mapping) -> str:
    """Name of a set of window settings; those that differ from the defaults are appended.

    Examples
    --------
    >>> settings = {"seconds": 10, "normalisation": "temporal-zscore", "hemisphere": "both", "mask": "recording"}
    >>> settings |= {"spatial_binning": 1, "storage": "float16", "compression": "none"}
    >>> windowing_name(settings)
    '10s-temporal-zscore-both'
    >>> windowing_name({**settings, "mask": "atlas", "spatial_binning": 8, "storage": "float32"})
    '10s-temporal-zscore-both-mask_atlas-bin8-float32'
    >>> windowing_name({"input": "visibility-graphs", "seconds": 5, "compression": "none"})
    '5s-visibility-graphs'
    """
    return f"{settings['seconds']}s-{family_name(settings)}"


def family_name(settings: Mapping) -> str:
    """Common part of the names of windowings that differ in length only.

    It depends on every setting; settings unknown here are named with their key. So different windowings never share a
    name, nor a shard.

    Examples
    --------
    >>> settings = {"normalisation": "min-max", "hemisphere": "left", "mask": "recording", "compression": "gzip"}
    >>> family_name(settings)
    'min-max-left-gzip'
    >>> family_name({**settings, "detrend": [1, 2]})
    'min-max-left-gzip-detrend_1_2'
    """
    # Windows of frames go without the name of their input.
    seen = settings.get("input", FRAMES)
    first = [settings["normalisation"], settings["hemisphere"]] if seen == FRAMES else [seen]
    named = ("input", "seconds", "normalisation", "hemisphere")
    rest = {key: value for key, value in settings.items() if key not in named}
    known = [key for key in USUAL if key in rest and rest[key] != USUAL[key]]
    words = [_IN_NAMES[key].format(rest[key]) for key in known]
    words += [f"{key}_{rest[key]}" for key in sorted(rest.keys() - USUAL.keys())]
    # Without characters that a folder's name should not have.
    plain = [re.sub(r"(_|[^\w.+-])+", "_", word).strip("_") for word in words]
    return "-".join([*first, *plain])


def frame_shape(settings: Mapping) -> tuple[int, int]:
    """Rows and columns of a window's frames, after choosing the hemisphere and binning.

    Examples
    --------
    >>> frame_shape({"hemisphere": "left", "spatial_binning": 8})
    (16, 8)
    """
    rows, columns = FRAME_SHAPE
    columns = len(range(columns)[hemisphere_columns(settings["hemisphere"], columns)])
    return rows // settings["spatial_binning"], columns // settings["spatial_binning"]


def windowings_together(windowings: Iterable[Mapping], seconds: Sequence[int]) -> dict[str, dict[str, Mapping]]:
    """Windowings to cut together: families of which at least two of the sweep's lengths are in use.

    Parameters
    ----------
    windowings : iterable of mapping
        The `windows` settings in use.
    seconds : sequence of int
        Lengths of the sweep.

    Returns
    -------
    dict
        Name of the family -> name of each windowing -> its settings, for all of the sweep's lengths: a job's outputs
        must not depend on which lengths the experiments use today.

    Examples
    --------
    >>> short = {"seconds": 1, "normalisation": "min-max", "hemisphere": "left", "mask": "recording",
    ...          "spatial_binning": 1, "storage": "float16", "compression": "none"}
    >>> {name: list(family) for name, family in windowings_together([short, {**short, "seconds": 2}], [1, 2]).items()}
    {'min-max-left': ['1s-min-max-left', '2s-min-max-left']}
    """
    families: dict[str, list[Mapping]] = {}
    for settings in windowings:
        if settings["seconds"] in seconds:
            families.setdefault(family_name(settings), []).append(settings)
    return {
        name: {windowing_name({**used[0], "seconds": length}): {**used[0], "seconds": length} for length in seconds}
        for name, used in families.items()
        if len(used) > 1
    }


def length_sweep(experiments: Mapping[str, Mapping]) -> dict[str, dict[str, int]]:
    """The experiments that differ only in the length of their windows, for each kind of network.

    Parameters
    ----------
    experiments : mapping of name to settings
        As `resolve` gives them. The `analysis` section doesn't count.

    Returns
    -------
    dict of kind to dict of name to length in seconds
        The largest such group of the kind (the first of equally large ones) in order of length; of equal experiments
        the first. Kinds with one length are left out; if no kind has more, there is the one length of the first.

    Examples
    --------
    >>> model = {"kind": "cnn-bilstm"}
    >>> short, long = ({"model": model, "windows": {"seconds": seconds}} for seconds in (1, 9))
    >>> other = {"model": {"kind": "mvg-cnn"}, "windows": {"seconds": 9}}
    >>> length_sweep({"main": {**short, "labels": {}}, "long": long, "short": short, "again": long, "other": other})
    {'cnn-bilstm': {'short': 1, 'long': 9}}
    """
    groups: dict[str, dict[str, dict[int, str]]] = {}
    for name, settings in experiments.items():
        rest = {section: settings[section] for section in settings if section not in ("windows", "analysis")}
        windows = {key: value for key, value in settings["windows"].items() if key != "seconds"}
        of_kind = groups.setdefault(settings["model"]["kind"], {})
        group = of_kind.setdefault(json.dumps([rest, windows], sort_keys=True), {})
        group.setdefault(settings["windows"]["seconds"], name)
    largest = {kind: max(of_kind.values(), key=len) for kind, of_kind in groups.items()}
    sweeps = {kind: group for kind, group in largest.items() if len(group) > 1} or dict([next(iter(largest.items()))])
    return {kind: {group[seconds]: seconds for seconds in sorted(group)} for kind, group in sweeps.items()}
