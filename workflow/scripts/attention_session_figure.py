"""Draw the attention weights of all epochs of one mouse, end to end."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.explanations import read_attention
    from wfci_sleep.figures.attention import plot_attention_session
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table
    from wfci_sleep.hypnogram import session_positions
    from wfci_sleep.states import EPOCH_S

    mouse = snakemake.wildcards.mouse
    epochs, weights, _ = read_attention(snakemake.input.attention)
    own = (epochs["mouse"] == mouse).to_numpy()
    start_s = session_positions(epochs[own], read_table(snakemake.input.recordings)) * EPOCH_S
    y_pred = epochs.loc[own, "y_pred"].to_numpy()
    figure = plot_attention_session(weights[own], start_s, y_pred, snakemake.params.classes, mouse)
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
