"""Train the network on one fold, going on where a killed job stopped; keep the weights of its best pass."""

from wfci_sleep.step import step

with step(snakemake):
    from pathlib import Path

    from wfci_sleep import training
    from wfci_sleep.files import read_table, write_table, written_atomically
    from wfci_sleep.folds import fold_epochs
    from wfci_sleep.gpus import take_gpus
    from wfci_sleep.windows import labelled_epochs

    settings = {section: snakemake.params[section] for section in ("labels", "model", "training")}
    recordings = [tuple(key) for key in snakemake.params.recordings]
    labelled = labelled_epochs(snakemake.input.indices, recordings)
    epochs = fold_epochs(read_table(snakemake.input.folds), labelled, int(snakemake.wildcards.fold))
    shards = dict(zip(recordings, snakemake.input.shards, strict=True))

    take_gpus(snakemake.resources.gpu)
    options = settings["training"]
    training.prepare_tensorflow(options["seed"], snakemake.threads, options["deterministic"])
    # Beside the outputs, but none of them: it outlives a killed job.
    state = Path(snakemake.output.model).with_name("training-state.pickle")
    trained = training.train(epochs, shards, settings, snakemake.output.tensorboard, state, training.visible_gpus())
    write_table(trained.confusion, snakemake.output.confusion)
    with written_atomically(snakemake.output.history) as temporary:
        trained.history.to_csv(temporary, index=False)
    with written_atomically(snakemake.output.model) as temporary:
        trained.model.save(temporary)
    trained.state.end()
