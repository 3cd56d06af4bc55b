"""Set the numbers of the publications beside those of this run's experiments."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.analysis.published import beside_published
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.tables import read_tables
    from wfci_sleep.tables.results import AGREEMENT, METRICS

    params = snakemake.params
    metrics = read_tables(params.experiments, snakemake.input.metrics, METRICS)
    agreement = read_tables(params.experiments, snakemake.input.agreement, AGREEMENT)
    table = beside_published(metrics, agreement, params.experiments, params.main, params.synthetic)
    write_table(table, snakemake.output[0])
