"""Draw the attention weights near a change of the predicted state against all others."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.explanations import read_attention
    from wfci_sleep.figures.attention import plot_attention_transitions
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table
    from wfci_sleep.hypnogram import session_positions

    epochs, weights, _ = read_attention(snakemake.input.attention)
    positions = session_positions(epochs, read_table(snakemake.input.recordings))
    figure = plot_attention_transitions(weights, positions, epochs["y_pred"].to_numpy(), epochs["mouse"].tolist())
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
