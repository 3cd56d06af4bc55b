"""Draw how well epochs are scored by their distance to the next change of state."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.style import save
    from wfci_sleep.figures.transition_distance import plot_transition_distance
    from wfci_sleep.files import read_table

    params = snakemake.params
    figure = plot_transition_distance(read_table(snakemake.input.table), params.classes)
    save(figure, snakemake.output.svg, snakemake.output.png, params.note)
