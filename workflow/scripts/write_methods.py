"""Write the methods section of a paper, with the run's own settings, numbers and versions."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.files.atomic import written_atomically
    from wfci_sleep.preprocessing.quality import recordings_and_notes
    from wfci_sleep.report.methods import methods
    from wfci_sleep.run.provenance import read_provenance
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import QUALITY

    quality, _ = recordings_and_notes(read_table(snakemake.input.quality, QUALITY))
    provenance = read_provenance(snakemake.input.provenance)
    text = methods(snakemake.params.configuration, quality, provenance)
    with written_atomically(snakemake.output[0]) as temporary:
        temporary.write_text(text, encoding="utf-8")
