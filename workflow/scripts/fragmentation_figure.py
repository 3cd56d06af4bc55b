"""Draw bout lengths and transitions of every mouse, expert beside network."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.fragmentation import plot_fragmentation
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table

    table = read_table(snakemake.input.fragmentation)
    figure = plot_fragmentation(table[table["counting"] == "gaps-end-bouts"])
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
