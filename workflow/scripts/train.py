"""Train the network on one fold and keep the weights of the pass with the lowest validation loss."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep import training
    from wfci_sleep.files import read_table, written_atomically
    from wfci_sleep.folds import fold_epochs
    from wfci_sleep.windows import labelled_epochs

    settings = {section: snakemake.params[section] for section in ("labels", "model", "training")}
    recordings = [tuple(key) for key in snakemake.params.recordings]
    labelled = labelled_epochs(snakemake.input.indices, recordings)
    epochs = fold_epochs(read_table(snakemake.input.folds), labelled, int(snakemake.wildcards.fold))
    shards = dict(zip(recordings, snakemake.input.shards, strict=True))

    training.prepare_tensorflow(settings["training"]["seed"], snakemake.threads)
    model, history = training.train(epochs, shards, settings, snakemake.output.tensorboard)
    with written_atomically(snakemake.output.history) as temporary:
        history.to_csv(temporary, index=False)
    with written_atomically(snakemake.output.model) as temporary:
        model.save(temporary)
