"""Count bouts and transitions of every mouse, measure its sleep, and compare the scorers with each other."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.agreement import agreement_table
    from wfci_sleep.files import read_table, write_table
    from wfci_sleep.hypnogram import fragmentation_tables, session_hypnograms, sleep_table
    from wfci_sleep.metrics import read_test_predictions
    from wfci_sleep.scorers import read_scorers

    params = snakemake.params
    predictions = read_test_predictions(snakemake.input.predictions)
    recordings = read_table(snakemake.input.recordings)
    others = read_scorers(params.scorers, snakemake.input.scorers, recordings, params.classes)
    hypnograms = session_hypnograms(predictions, recordings, params.classes, others)
    fragmentation, bouts, transitions = fragmentation_tables(hypnograms)
    write_table(fragmentation, snakemake.output.fragmentation)
    write_table(bouts, snakemake.output.bouts)
    write_table(transitions, snakemake.output.transitions)
    write_table(sleep_table(hypnograms), snakemake.output.sleep)
    analysis = params.analysis
    agreement = agreement_table(hypnograms, analysis["bootstrap_resamples"], analysis["seed"])
    write_table(agreement, snakemake.output.agreement)
