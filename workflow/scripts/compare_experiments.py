"""Compare the experiments with the main one, mouse by mouse."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.analysis.comparison import comparison_table
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.tables import read_tables
    from wfci_sleep.tables.results import METRICS

    params = snakemake.params
    metrics = read_tables(params.experiments, snakemake.input, METRICS)
    write_table(comparison_table(metrics, params.experiments, params.reference, params.synthetic), snakemake.output[0])
