"""Average one recording: the trace of every parcel as a table, the mean frame and its spread over time as images."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.recordings import Recording
    from wfci_sleep.survey import survey_recording, write_survey

    with Recording(snakemake.input.recording) as recording:
        images = survey_recording(recording, load_atlas(snakemake.input.atlas), snakemake.output.traces)
    write_survey(snakemake.output.images, images)
