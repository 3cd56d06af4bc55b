"""Compare the experiments with the main one, mouse by mouse."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.comparison import comparison_table
    from wfci_sleep.files import read_table, write_table

    params = snakemake.params
    metrics = {name: read_table(path) for name, path in zip(params.experiments, snakemake.input, strict=True)}
    write_table(comparison_table(metrics, params.experiments, params.reference, params.synthetic), snakemake.output[0])
