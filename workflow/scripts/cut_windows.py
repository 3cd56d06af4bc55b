"""Cut one recording into windows: shards of the scored epochs, and an index that says what was left out and why."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.files.shard_writing import ShardWriter
    from wfci_sleep.preprocessing.inputs import input_of
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.epochs import WINDOWS

    settings, shards = snakemake.params.windows, snakemake.output.shards
    index = read_table(snakemake.input.epochs, WINDOWS)
    if index.empty:
        # The recording is left out: its file may be of no use.
        for path, each in zip(shards, settings, strict=True):
            with ShardWriter(path, each["compression"]):
                print(f"{path}: no window")
    else:
        cut = input_of(settings[0]).cutter()
        said = cut(dict(snakemake.input.items()), settings, index["label"].to_numpy(), shards, snakemake.threads)
        seconds = ", ".join(str(each["seconds"]) for each in settings)
        print(f"{index['kept'].sum()} of {len(index)} epochs, {said}, {seconds} s")
    for path in snakemake.output.indices:
        write_table(index, path)
