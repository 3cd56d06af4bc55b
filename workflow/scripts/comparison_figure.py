"""Draw the experiments beside each other, mouse by mouse."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.comparison import plot_comparison
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table

    params = snakemake.params
    metrics = {name: read_table(path) for name, path in zip(params.experiments, snakemake.input.metrics, strict=True)}
    save(plot_comparison(metrics, params.reference), snakemake.output.svg, snakemake.output.png, params.note)
