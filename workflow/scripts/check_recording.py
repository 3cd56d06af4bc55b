"""Check one recording in one read: write its quality, its epochs, the traces of its parcels, its mean images."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    from contextlib import suppress

    import pandas as pd

    from wfci_sleep.data.atlas import load_atlas
    from wfci_sleep.data.exclusions import check_excluded
    from wfci_sleep.data.recordings import EmptyRecordingError
    from wfci_sleep.errors import InputError
    from wfci_sleep.files.atomic import check_sha256, sha256_of, write_table
    from wfci_sleep.preprocessing.checks import check_recording, left_out
    from wfci_sleep.preprocessing.survey import write_survey

    path, published, exclude = snakemake.input.recording, snakemake.params.sha256, snakemake.params.exclude
    atlas, traces = load_atlas(snakemake.input.atlas), snakemake.output.traces
    try:
        # First: a reader would stumble over a file that is cut off somewhere, and say something else of it.
        check_sha256(path, published)
        row, epochs, survey = check_recording(path, atlas, exclude, traces)
    except InputError as error:
        if not (isinstance(error, EmptyRecordingError) or snakemake.resources.leave_out_bad):
            raise
        tell(f"warning: {error}; the recording is left out")
        row, epochs, survey = left_out(str(error).removeprefix(f"{path}: "), atlas, traces)
    else:
        check_excluded(path, row["epochs"], exclude)
    for warning in filter(None, row["warnings"].split("; ")):
        tell(f"warning: {path}: {warning}")
    row["sha256"] = published
    with suppress(OSError):  # one that is left out may be unreadable
        row["sha256"] = published or sha256_of(path)
    print(pd.Series(row).to_string())
    write_survey(snakemake.output.images, survey)
    write_table(epochs, snakemake.output.epochs)
    write_table(pd.DataFrame([row]), snakemake.output.check)
