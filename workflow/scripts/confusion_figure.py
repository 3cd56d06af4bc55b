"""Draw the confusion matrix of all test epochs of an experiment."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.confusion import plot_confusion
    from wfci_sleep.figures.style import save
    from wfci_sleep.metrics import read_test_predictions

    predictions = read_test_predictions(snakemake.input.predictions)
    figure = plot_confusion(predictions["y_true"], predictions["y_pred"], snakemake.params.classes)
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
