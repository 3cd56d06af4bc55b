"""Draw the mean attention over the window, by predicted state."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.explanations import read_attention
    from wfci_sleep.figures.attention import plot_attention_time_course
    from wfci_sleep.figures.style import save

    epochs, weights, window_s = read_attention(snakemake.input.attention)
    figure = plot_attention_time_course(weights, epochs["y_pred"].to_numpy(), snakemake.params.classes, window_s)
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
