"""Gather the facts of the report's opening page: what was run on what, and how well it went."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.files import read_table, written_atomically
    from wfci_sleep.overview import overview

    params = snakemake.params
    metrics = {params.main: read_table(snakemake.input.metrics)}
    text = overview(params.configuration, params.defaults, read_table(snakemake.input.quality), metrics)
    with written_atomically(snakemake.output.overview) as temporary:
        temporary.write_text(text, encoding="utf-8")
