"""Split the scored epochs of an experiment into folds."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.files import write_table
    from wfci_sleep.folds import make_folds
    from wfci_sleep.windows import labelled_epochs

    recordings = [tuple(key) for key in snakemake.params.recordings]
    mice = list(dict.fromkeys(mouse for mouse, _ in recordings))
    folds = make_folds(labelled_epochs(snakemake.input, recordings), mice, snakemake.params.folds)
    print(folds.groupby(["fold", "split"])["mouse"].agg(["unique", "size"]).to_string())
    write_table(folds, snakemake.output[0])
