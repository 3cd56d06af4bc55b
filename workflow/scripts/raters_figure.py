"""Draw the hypnograms of the expert and of every further scorer of one mouse beside each other."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.agreement import kappa_in_words
    from wfci_sleep.figures.hypnogram import HUMAN
    from wfci_sleep.figures.raters import plot_raters
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table
    from wfci_sleep.hypnogram import session_hypnograms
    from wfci_sleep.metrics import read_test_predictions
    from wfci_sleep.scorers import read_scorers

    mouse, params = snakemake.wildcards.mouse, snakemake.params
    predictions = read_test_predictions(snakemake.input.predictions)
    predictions = predictions[predictions["mouse"] == mouse]
    recordings = read_table(snakemake.input.recordings)
    others = read_scorers(params.scorers, snakemake.input.scorers, recordings, params.classes)
    hypnograms = session_hypnograms(predictions, recordings, params.classes, others).get(mouse, {})
    agreement = read_table(snakemake.input.agreement)
    notes = {rater: kappa_in_words(agreement, mouse, HUMAN, rater) for rater in params.scorers}
    figure = plot_raters(hypnograms, params.scorers, mouse, notes)
    save(figure, snakemake.output.svg, snakemake.output.png, params.note)
