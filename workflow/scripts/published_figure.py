"""Draw the published numbers beside ours."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.published import plot_published
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table

    save(
        plot_published(read_table(snakemake.input.table)),
        snakemake.output.svg,
        snakemake.output.png,
        snakemake.params.note,
    )
