"""Draw weighted F1 and kappa against the length of the window, published and ours."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.style import save
    from wfci_sleep.figures.window_length import plot_window_length
    from wfci_sleep.files import read_table
    from wfci_sleep.published import WINDOW_PROTOCOL, caveat, length_table

    params = snakemake.params
    metrics = {seconds: read_table(path) for seconds, path in zip(params.seconds, snakemake.input.metrics, strict=True)}
    ours = f"this run, {params.settings['folds']['protocol']}, 95 % interval"
    figure = plot_window_length(length_table(metrics), ours, caveat(WINDOW_PROTOCOL, params.settings))
    save(figure, snakemake.output.svg, snakemake.output.png, params.note)
