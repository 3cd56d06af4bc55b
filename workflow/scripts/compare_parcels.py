"""Set the measures of networks that see one parcel each below each other."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.analysis.parcel_scores import parcel_scores
    from wfci_sleep.data.atlas import load_atlas
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.tables import read_tables
    from wfci_sleep.tables.results import METRICS

    metrics = read_tables(snakemake.params.parcels, snakemake.input.metrics, METRICS)
    write_table(parcel_scores(metrics, load_atlas(snakemake.input.atlas)), snakemake.output[0])
