"""Train the network on one fold, going on where a killed job stopped; keep the weights of its best training epoch."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    from pathlib import Path

    from wfci_sleep.files.atomic import write_table, written_atomically
    from wfci_sleep.models.cards import card_of, write_card
    from wfci_sleep.run.gpus import take_gpus
    from wfci_sleep.training import fit
    from wfci_sleep.training.folds import labelled_epochs, read_fold
    from wfci_sleep.training.shards import check_shards

    fold, code = int(snakemake.wildcards.fold), snakemake.params.code
    settings = {section: snakemake.params[section] for section in ("windows", "labels", "model", "training")}
    recordings = [tuple(key) for key in snakemake.params.recordings]
    labelled = labelled_epochs(snakemake.input.indices, recordings)
    epochs = read_fold(snakemake.input.folds, fold, labelled, **snakemake.params.expected)
    shards = dict(zip(recordings, snakemake.input.shards, strict=True))
    check_shards(shards, labelled, epochs[epochs["split"] != "test"])

    take_gpus(snakemake.resources.gpu)
    options = settings["training"]
    fit.prepare_tensorflow(options["seed"], options["threads"], options["deterministic"])
    # Beside the outputs, but none of them: it outlives a killed job.
    state = Path(snakemake.output.model).with_name("training-state.npz")
    trained = fit.train(
        epochs,
        shards,
        settings | {"code": code},
        snakemake.output.tensorboard,
        state,
        fit.visible_gpus(),
        lambda line: tell(f"{snakemake.wildcards.experiment}, fold {fold}: {line}"),
    )
    made = {"run": snakemake.params.run, "experiment": snakemake.wildcards.experiment, "fold": fold, "code": code}
    write_table(trained.confusion, snakemake.output.confusion)
    with written_atomically(snakemake.output.history) as temporary:
        trained.history.to_csv(temporary, index=False)
    with written_atomically(snakemake.output.model) as temporary:
        trained.model.save(temporary)
        write_card(temporary, card_of(settings, epochs, trained.temperature, **made))
    trained.state.end()
