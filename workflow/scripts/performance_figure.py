"""Draw accuracy, F1 and kappa of an experiment: pooled with its interval, and mouse by mouse."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.performance import plot_performance
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table

    figure = plot_performance(read_table(snakemake.input.metrics))
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
