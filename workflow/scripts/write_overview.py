"""Gather the facts of the report's opening page: what was run on what, and how well it went."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.files.atomic import written_atomically
    from wfci_sleep.report.overview import overview
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import QUALITY
    from wfci_sleep.tables.results import FOLD_STATES, METRICS
    from wfci_sleep.training.fold_states import fold_warnings

    params = snakemake.params
    warnings = fold_warnings(read_table(snakemake.input.states, FOLD_STATES))
    metrics = {params.main: read_table(snakemake.input.metrics, METRICS)}
    quality = read_table(snakemake.input.quality, QUALITY)
    text = overview(params.configuration, params.defaults, quality, metrics, warnings)
    with written_atomically(snakemake.output.overview) as temporary:
        temporary.write_text(text, encoding="utf-8")
