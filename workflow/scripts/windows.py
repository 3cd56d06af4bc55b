"""Cut one recording into windows: shards of the scored epochs, and an index that says what was left out and why."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.cutting import cut_recording
    from wfci_sleep.errors import InputError
    from wfci_sleep.files import write_table
    from wfci_sleep.recordings import Recording
    from wfci_sleep.windows import Windowing, window_index

    settings = snakemake.params.windows
    with Recording(snakemake.input.recording) as recording:
        kind = settings[0]["mask"]
        mask = recording.mask if kind == "recording" else load_atlas(snakemake.input.atlas).mask(recording.mask, kind)
        try:
            windowings = [Windowing(each, mask) for each in settings]
        except InputError as error:
            raise InputError(f"{snakemake.input.recording}: {error}") from error
        cut_recording(recording, windowings, recording.labels, snakemake.output.shards, snakemake.threads)
        index = window_index(recording.scores, recording.labels)
    for path in snakemake.output.indices:
        write_table(index, path)
    seconds = ", ".join(str(each["seconds"]) for each in settings)
    print(f"{index['kept'].sum()} of {len(index)} epochs kept, {windowings[0].mask.sum()} pixels a frame, {seconds} s")
