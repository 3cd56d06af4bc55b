"""Draw weighted F1 and kappa against the length of the window, published and ours."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.figures.style import save
    from wfci_sleep.figures.window_length import plot_window_length
    from wfci_sleep.files import read_table
    from wfci_sleep.published import length_caveat, length_table

    params = snakemake.params
    metrics = {seconds: read_table(path) for seconds, path in zip(params.seconds, snakemake.input.metrics, strict=True)}
    caveat = length_caveat(params.protocol, params.classes)
    figure = plot_window_length(length_table(metrics), f"this run, {params.protocol}, 95 % interval", caveat)
    save(figure, snakemake.output.svg, snakemake.output.png, params.note)
