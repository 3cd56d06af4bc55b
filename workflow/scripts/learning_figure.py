"""Draw the learning curves of every fold of an experiment."""

from wfci_sleep.step import step

with step(snakemake):
    import pandas as pd

    from wfci_sleep.figures.learning import plot_learning_curves
    from wfci_sleep.figures.style import save

    histories = [pd.read_csv(path).assign(fold=fold) for fold, path in enumerate(snakemake.input.history, start=1)]
    figure = plot_learning_curves(pd.concat(histories, ignore_index=True))
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
