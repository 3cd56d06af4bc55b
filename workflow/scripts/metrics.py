"""Measure the performance of an experiment: pooled, per fold and per mouse, with confidence intervals."""

from wfci_sleep.step import step

with step(snakemake):
    import json

    from wfci_sleep.files import write_table, written_atomically
    from wfci_sleep.metrics import metrics_document, metrics_table, read_test_predictions

    analysis = snakemake.params.analysis
    predictions = read_test_predictions(snakemake.input)
    table = metrics_table(predictions, snakemake.params.classes, analysis["bootstrap_resamples"], analysis["seed"])
    write_table(table, snakemake.output.table)
    with written_atomically(snakemake.output.document) as temporary:
        temporary.write_text(json.dumps(metrics_document(table), indent=2) + "\n", encoding="utf-8")
