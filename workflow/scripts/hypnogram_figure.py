"""Draw the hypnograms of one mouse: the network above, the expert below."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.hypnogram import plot_hypnogram
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table
    from wfci_sleep.hypnogram import session_hypnograms
    from wfci_sleep.metrics import read_test_predictions

    mouse = snakemake.wildcards.mouse
    predictions = read_test_predictions(snakemake.input.predictions)
    predictions = predictions[predictions["mouse"] == mouse]
    hypnograms = session_hypnograms(predictions, read_table(snakemake.input.recordings), snakemake.params.classes)
    titles = {"cnn-bilstm": "CNN-BiLSTM", "human": "Human"}
    panels = {titles[scorer]: hypnogram for scorer, hypnogram in hypnograms.get(mouse, {}).items()}
    save(plot_hypnogram(panels, mouse), snakemake.output.svg, snakemake.output.png, snakemake.params.note)
