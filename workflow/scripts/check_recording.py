"""Open one recording, check every variable, and note its number of epochs and its SHA-256."""

from wfci_sleep.step import step

with step(snakemake):
    import pandas as pd

    from wfci_sleep.files import sha256_of, write_table
    from wfci_sleep.recordings import Recording

    path = snakemake.input[0]
    with Recording(path) as recording:
        scores = pd.Series(recording.scores).value_counts().sort_index()
        print(
            f"{path}: {recording.n_epochs} epochs, {recording.mask.sum()} pixels in the mask, scores {scores.to_dict()}"
        )
        checked = pd.DataFrame({"epochs": [recording.n_epochs], "sha256": [sha256_of(path)]})
    write_table(checked, snakemake.output[0])
