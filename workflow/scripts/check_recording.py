"""Check one recording in one pass: its quality as a row, its parcels' traces as a table, its mean frame as an image."""

from wfci_sleep.step import step

with step(snakemake) as tell:
    import pandas as pd

    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.errors import InputError
    from wfci_sleep.files import sha256_of, write_table
    from wfci_sleep.quality import quality_row, quality_warnings
    from wfci_sleep.recordings import Recording
    from wfci_sleep.survey import survey_recording, write_survey

    path, expected = snakemake.input.recording, snakemake.params.sha256
    with Recording(path) as recording:
        # What can be wrong with little to read comes first.
        scores = pd.Series(recording.scores).value_counts().sort_index().to_dict()
        print(f"{path}: {recording.n_epochs} epochs, {recording.mask.sum()} pixels in the mask, scores {scores}")
        atlas = load_atlas(snakemake.input.atlas)
        sha256 = sha256_of(path)
        if expected is not None and sha256 != expected:
            raise InputError(
                f"{path}: SHA-256 is {sha256}, the database lists {expected}; delete the file to have it fetched again"
            )
        survey = survey_recording(recording, atlas, snakemake.output.traces)
        row = quality_row(recording, survey, atlas)
    for warning in quality_warnings(row):
        tell(f"warning: {path}: {warning}")
    write_survey(snakemake.output.images, survey)
    write_table(pd.DataFrame([row | {"sha256": sha256}]), snakemake.output.check)
