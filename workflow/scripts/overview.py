"""Gather the facts of the report's opening page: what was run on what, and how well it went."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.files import read_table, written_atomically
    from wfci_sleep.overview import overview

    config = snakemake.params.configuration
    metrics = {
        name: read_table(path) for name, path in zip(config["experiments"], snakemake.input.metrics, strict=True)
    }
    text = overview(config, snakemake.params.defaults, read_table(snakemake.input.quality), metrics)
    with written_atomically(snakemake.output.overview) as temporary:
        temporary.write_text(text, encoding="utf-8")
