"""Draw accuracy against confidence over all test epochs of an experiment, before and after calibration."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.reliability import plot_reliability
    from wfci_sleep.figures.style import save
    from wfci_sleep.metrics import read_test_predictions

    figure = plot_reliability(read_test_predictions(snakemake.input.predictions))
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
