"""Ask the database which files it has: those that the run needs, with checksum, size and where they will lie."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import os

    import pandas as pd

    from wfci_sleep.analysis.raters import check_raters
    from wfci_sleep.data import physionet
    from wfci_sleep.data.addresses import configured_login
    from wfci_sleep.data.exclusions import excluded_recordings
    from wfci_sleep.errors import InputError
    from wfci_sleep.files.atomic import write_table, written_atomically
    from wfci_sleep.files.disk import in_units
    from wfci_sleep.training.folds import n_folds

    database = snakemake.params.database
    notes = []
    client = physionet.Client(snakemake.resources.patience_s, tell, configured_login(snakemake.config))
    index = physionet.index_database(
        database, snakemake.params.with_atlas, snakemake.params.raw, client, note=notes.append
    )
    recordings = index[index["mouse"].notna()]
    keys = pd.MultiIndex.from_frame(recordings[["mouse", "recording"]])
    excluded = recordings.index[keys.isin(list(excluded_recordings(snakemake.params.exclude, recordings)))]
    used = recordings.drop(excluded)
    mice = list(dict.fromkeys(used["mouse"]))
    for folds in snakemake.params.folds.values():
        n_folds(folds, mice)
    check_raters(snakemake.params.scorers, recordings)
    for note in notes:
        tell(f"warning: {note}")

    # Not kept, a file lies on disk while it is fetched and until its windows are cut.
    at_once = None if snakemake.params.keep_raw else 2 * database["connections"]
    folder = os.path.dirname(snakemake.output.index)
    needed, free = map(in_units, sizes := physionet.disk_space(index.drop(excluded), folder, at_once))
    total = in_units(index["bytes"].drop(excluded).fillna(0).sum())
    tell(f"{len(used)} recordings of {len(mice)} mice, {total}; {needed} of disk needed for them, {free} free")
    if sizes[0] > sizes[1]:
        raise InputError(
            f"{folder}: the recordings need {needed} of disk, {free} are free; make room, choose fewer mice or "
            "runs_per_mouse in dataset.physionet, or set dataset.keep_raw to false"
        )
    with written_atomically(snakemake.output.notes) as temporary:
        temporary.write_text("".join(f"{note}\n" for note in notes), encoding="utf-8")
    write_table(index, snakemake.output.index)
