"""Count bouts and transitions of every mouse, as scored by the expert and by the network."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.files import read_table, write_table
    from wfci_sleep.hypnogram import fragmentation_tables, session_hypnograms
    from wfci_sleep.metrics import read_test_predictions

    predictions = read_test_predictions(snakemake.input.predictions)
    hypnograms = session_hypnograms(predictions, read_table(snakemake.input.recordings), snakemake.params.classes)
    fragmentation, bouts, transitions = fragmentation_tables(hypnograms)
    write_table(fragmentation, snakemake.output.fragmentation)
    write_table(bouts, snakemake.output.bouts)
    write_table(transitions, snakemake.output.transitions)
