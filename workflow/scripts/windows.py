"""Cut one recording into windows: a shard of the scored epochs, and an index that says what was left out and why."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.errors import InputError
    from wfci_sleep.files import write_table
    from wfci_sleep.recordings import Recording
    from wfci_sleep.shards import write_shard
    from wfci_sleep.windows import Windowing, window_index

    settings = snakemake.params.windows
    with Recording(snakemake.input.recording) as recording:
        mask = load_atlas(snakemake.input.atlas).mask(recording.mask, settings["mask"])
        try:
            windowing = Windowing(settings, mask)
        except InputError as error:
            raise InputError(f"{snakemake.input.recording}: {error}") from error
        index = window_index(recording.scores, recording.labels)
        kept = index[index["kept"]]
        windows = (
            (epoch, label, windowing.pixels(recording, epoch))
            for epoch, label in zip(kept["epoch"], kept["label"], strict=True)
        )
        write_shard(snakemake.output.shard, windows, windowing.mask)
    write_table(index, snakemake.output.index)
    print(f"{len(kept)} of {len(index)} epochs kept, {windowing.mask.sum()} pixels a frame")
