"""Make one synthetic recording in the layout of the PhysioNet database, from the configuration's seed."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.data.listing import parse_name
    from wfci_sleep.data.synthetic import synthesise_recording

    mouse_index = int(snakemake.wildcards.mouse.removeprefix("Ms"))
    _, run_index = parse_name(snakemake.wildcards.recording)
    synthesise_recording(snakemake.output[0], mouse_index, run_index, snakemake.params.settings)
