"""Draw the hypnograms of one mouse: the network above, the expert at the bottom, further scorers between them."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.agreement import kappa_in_words
    from wfci_sleep.figures.hypnogram import HUMAN, plot_hypnogram
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table
    from wfci_sleep.hypnogram import session_hypnograms, session_values
    from wfci_sleep.metrics import read_test_predictions
    from wfci_sleep.scorers import read_scorers

    mouse, params = snakemake.wildcards.mouse, snakemake.params
    predictions = read_test_predictions(snakemake.input.predictions)
    predictions = predictions[predictions["mouse"] == mouse]
    recordings = read_table(snakemake.input.recordings)
    others = read_scorers(params.scorers, snakemake.input.scorers, recordings, params.classes)
    # Empty if the mouse has no test epoch with a score; the figure then says so.
    hypnograms = session_hypnograms(predictions, recordings, params.classes, others).get(mouse, {})
    agreement = read_table(snakemake.input.agreement)
    notes = {
        scorer: f"{kappa_in_words(agreement, mouse, scorer, HUMAN)} with the human"
        for scorer in hypnograms
        if scorer != HUMAN
    }
    columns = [f"p_{name}" for name in params.classes]
    probabilities = session_values(predictions, columns, recordings) if hypnograms else None
    figure = plot_hypnogram(hypnograms, mouse, probabilities, notes)
    save(figure, snakemake.output.svg, snakemake.output.png, params.note)
