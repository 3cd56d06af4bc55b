# Which recordings are there? Their table, their files, and what is made for each of them.

import re
from functools import cache

from wfci_sleep.data import folders
from wfci_sleep.data.exclusions import check_excluded, excluded_epochs, excluded_recordings
from wfci_sleep.tables import read_table
from wfci_sleep.tables.recordings import INDEX, RECORDINGS


def synthetic_recordings():
    """Table of the recordings that will be synthesised: mouse, recording, order, path."""
    from wfci_sleep.data import synthetic_sessions

    table = synthetic_sessions.synthetic_recordings(DATASET["synthetic"])
    keys = zip(table["mouse"], table["recording"])
    return table.assign(path=[f"{RESOURCES}/raw/{mouse}/{recording}.mat" for mouse, recording in keys])


def local_recordings():
    """Table of the user's recordings: mouse, recording, order, path."""
    return or_stop(folders.local_recordings, DATASET["local"]["path"])


def physionet_index():
    """Table of the database's files that the run needs; known once the checkpoint has run."""
    return or_stop(read_table, checkpoints.list_database.get().output.index, INDEX)


def physionet_recordings():
    """Table of the database's recordings: mouse, recording, order, path."""
    index = physionet_index()
    # The atlas is in the index as well, without a mouse.
    return index[index["mouse"].notna()].astype({"order": int})


@cache
def listed_recordings():
    """Table of all recordings that there are in natural order: mouse, recording, order, path, why_excluded."""
    listing = {"synthetic": synthetic_recordings, "local": local_recordings, "physionet": physionet_recordings}
    table = listing[DATASET["source"]]()[["mouse", "recording", "order", "path"]]
    reasons = or_stop(excluded_recordings, DATASET["exclude"], table)
    return table.assign(why_excluded=[reasons.get(key, "") for key in zip(table["mouse"], table["recording"])])


@cache
def recording_table():
    """Table of all recordings of the run, which are those that the configuration does not exclude."""
    table = listed_recordings()
    return table[table["why_excluded"] == ""]


@cache
def listing_notes():
    """Notes on how the recordings were found, for the user: files left aside, mice that may be the same."""
    if DATASET["source"] == "physionet":
        return Path(checkpoints.list_database.get().output.notes).read_text(encoding="utf-8").splitlines()
    if DATASET["source"] == "local":
        return or_stop(folders.local_notes, DATASET["local"]["path"], mice(), DATASET["atlas"])
    return []


@cache
def recording_keys():
    """(mouse, recording) of every recording."""
    table = recording_table()
    return list(zip(table["mouse"], table["recording"]))


@cache
def raw_paths():
    """(mouse, recording) -> .mat file."""
    return dict(zip(recording_keys(), recording_table()["path"]))


def is_counted(mouse, recording, path, when):
    """Whether the file is still the one that was counted then."""
    listed = DATASET["source"] == "physionet" or raw_paths().get((mouse, recording)) == path
    return listed and not (os.path.exists(path) and os.path.getmtime(path) > when)


@cache
def known_epochs():
    """(mouse, recording, path) -> number of epochs, for recordings where it is known before any job.

    Those of synthetic recordings are in the configuration; others were counted when they were checked.
    """
    if DATASET["source"] == "synthetic":
        from wfci_sleep.data.synthetic_sessions import epochs_of_runs

        table, lengths = recording_table(), epochs_of_runs(DATASET["synthetic"])
        epochs = [lengths[order - 1] for order in table["order"]]
        return dict(zip(zip(table["mouse"], table["recording"], table["path"]), epochs))
    path = Path(f"{RESOURCES}/recordings.tsv")
    try:
        table, when = read_table(path, RECORDINGS), path.stat().st_mtime
    except (InputError, OSError):  # not made yet, or damaged
        return {}
    keys = zip(table["mouse"], table["recording"], table["path"])
    return {key: epochs for key, epochs in zip(keys, table["epochs"]) if epochs and is_counted(*key, when)}


def recordings_with_epochs():
    """Table of all recordings with their numbers of epochs; 0 where the number is not known yet."""
    table = listed_recordings()
    keys = zip(table["mouse"], table["recording"], table["path"])
    return table.assign(epochs=[known_epochs().get(key, 0) for key in keys])


def check_excluded_epochs():
    """Stop for an epoch of dataset.exclude that a recording doesn't have."""
    for (mouse, recording, path), n_epochs in known_epochs().items():
        or_stop(check_excluded, path, n_epochs, excluded_epochs(DATASET["exclude"], mouse, recording))


def mice():
    """Names of the mice, in natural order."""
    return list(dict.fromkeys(recording_table()["mouse"]))


def raw_recording(wildcards):
    """The .mat file of a recording; a user's own is read in place, whatever storage the run has."""
    path = raw_paths()[wildcards.mouse, wildcards.recording]
    return local(path) if DATASET["source"] == "local" else path


def threads_of_a_recording(wildcards):
    """Cores for one recording: one, or up to eight where there are more cores than recordings."""
    return min(8, max(1, (workflow.cores or 1) // len(recording_keys())))


def published_sha256(path):
    """Published SHA-256 of a file of the database; None for any other file."""
    return physionet_index().set_index("path")["sha256"].get(path) if DATASET["source"] == "physionet" else None


def for_each_recording(pattern, **wildcards):
    """A path for each recording."""
    return [pattern.format(mouse=mouse, recording=recording, **wildcards) for mouse, recording in recording_keys()]


def checks(wildcards):
    """The table that the check of each recording wrote."""
    return for_each_recording(f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv")


def surveys(wildcards):
    """The images of each recording, or of those of the mouse that the wildcards name."""
    paths = {key: f"{RESOURCES}/surveys/{key[0]}/{key[1]}.h5" for key in recording_keys()}
    return [path for (mouse, _), path in paths.items() if mouse == wildcards.get("mouse", mouse)]


def source_atlas():
    """The atlas file that the run starts from; a user's own is read in place."""
    if DATASET["atlas"] is not None:
        return local(DATASET["atlas"])
    if DATASET["source"] == "synthetic":
        return f"{RESOURCES}/raw/atlas.mat"
    if DATASET["source"] == "physionet":
        index = physionet_index()
        return index.loc[index["mouse"].isna(), "path"].item()
    return local(or_stop(folders.find_atlas, DATASET["local"]["path"]))


def downloads(wildcards):
    """Files to fetch: the recordings and the atlas."""
    if not DATASET["keep_raw"]:
        stop("downloads would be deleted as soon as they are there: dataset.keep_raw is false")
    return [*raw_paths().values(), source_atlas()]
