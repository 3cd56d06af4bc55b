"""Draw bouts and transitions of every mouse, as counted in one of the two ways."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.fragmentation import plot_fragmentation
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table

    tables = [read_table(snakemake.input[name]) for name in ("fragmentation", "bouts", "transitions")]
    counted = [table[table["counting"] == snakemake.params.counting] for table in tables]
    save(plot_fragmentation(*counted), snakemake.output.svg, snakemake.output.png, snakemake.params.note)
