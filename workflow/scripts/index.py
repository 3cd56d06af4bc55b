"""Ask the database which files it has: those that the run needs, with checksum, size and where they will lie."""

from wfci_sleep.step import step

with step(snakemake) as tell:
    import os

    from wfci_sleep import physionet
    from wfci_sleep.errors import InputError
    from wfci_sleep.files import write_table
    from wfci_sleep.folds import n_folds

    database = snakemake.params.database
    index = physionet.index_database(database, snakemake.params.with_atlas, snakemake.params.raw, tell)
    recordings = index[index["mouse"].notna()]
    mice = list(dict.fromkeys(recordings["mouse"]))
    for folds in snakemake.params.folds.values():
        n_folds(folds, mice)

    # Not kept, a file lies on disk while it is fetched and until its windows are cut.
    at_once = None if snakemake.params.keep_raw else 2 * database["connections"]
    folder = os.path.dirname(snakemake.output[0])
    needed, free = map(physionet.in_units, sizes := physionet.disk_space(index, folder, at_once))
    total = physionet.in_units(index["bytes"].fillna(0).sum())
    tell(f"{len(recordings)} recordings of {len(mice)} mice, {total}; {needed} of disk needed for them, {free} free")
    if sizes[0] > sizes[1]:
        raise InputError(
            f"{folder}: the recordings need {needed} of disk, {free} are free; make room, choose fewer mice or "
            "runs_per_mouse in dataset.physionet, or set dataset.keep_raw to false"
        )
    write_table(index, snakemake.output[0])
