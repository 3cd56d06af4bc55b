"""Set the numbers of the publications beside those of this run's experiments."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.files import read_table, write_table
    from wfci_sleep.published import beside_published

    names = list(snakemake.params.experiments)
    metrics = {name: read_table(path) for name, path in zip(names, snakemake.input, strict=True)}
    write_table(
        beside_published(metrics, snakemake.params.experiments, snakemake.params.synthetic), snakemake.output[0]
    )
