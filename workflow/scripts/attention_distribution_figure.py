"""Draw the distribution of the attention weights of each predicted state."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.explanations import read_attention
    from wfci_sleep.figures.attention import plot_attention_distribution
    from wfci_sleep.figures.style import save

    epochs, weights, _ = read_attention(snakemake.input.attention)
    figure = plot_attention_distribution(weights, epochs["y_pred"].to_numpy(), snakemake.params.classes)
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
