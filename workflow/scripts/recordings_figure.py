"""Draw the recordings of a run: their states, the sizes of their masks, and which ones have warnings."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.recordings import plot_recordings
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table

    figure = plot_recordings(read_table(snakemake.input.quality))
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
