"""Set the numbers of the publications beside those of this run's experiments."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.files import read_table, write_table
    from wfci_sleep.published import beside_published

    params = snakemake.params
    metrics, agreement = (
        {name: read_table(path) for name, path in zip(params.experiments, paths, strict=True)}
        for paths in (snakemake.input.metrics, snakemake.input.agreement)
    )
    table = beside_published(metrics, agreement, params.experiments, params.main, params.synthetic)
    write_table(table, snakemake.output[0])
