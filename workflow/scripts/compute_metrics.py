"""Measure the performance of an experiment: pooled, per fold and per mouse, with confidence intervals."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import json

    from wfci_sleep.analysis.performance import doubts, metrics_document, metrics_table
    from wfci_sleep.files.atomic import write_table, written_atomically
    from wfci_sleep.scoring.predictions import read_test_predictions
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.epochs import FOLDS

    analysis = snakemake.params.analysis
    classes, folds = snakemake.params.classes, read_table(snakemake.input.folds, FOLDS)
    predictions = read_test_predictions(snakemake.input.predictions, classes, folds=folds)
    table = metrics_table(predictions, classes, analysis["bootstrap_resamples"], analysis["seed"])
    for line in doubts(table):
        tell(f"{snakemake.wildcards.experiment}, {line}")
    write_table(table, snakemake.output.table)
    with written_atomically(snakemake.output.document) as temporary:
        temporary.write_text(json.dumps(metrics_document(table), indent=2) + "\n", encoding="utf-8")
