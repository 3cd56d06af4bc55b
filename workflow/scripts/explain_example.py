"""Explain one test epoch with the network that was not trained on it: frames, class activation maps, attention."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    from wfci_sleep.run.gpus import take_gpus
    from wfci_sleep.scoring import predict
    from wfci_sleep.scoring.examples import Example, choose_epoch, write_example
    from wfci_sleep.scoring.predictions import read_test_predictions
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import RECORDINGS
    from wfci_sleep.training import fit

    states = snakemake.params.labels["classes"]
    recordings = read_table(snakemake.input.recordings, RECORDINGS)
    predictions = read_test_predictions(snakemake.input.predictions, states, recordings)
    chosen = predictions.iloc[choose_epoch(predictions, snakemake.wildcards.which, states)]
    key, epoch = (chosen["mouse"], chosen["recording"]), int(chosen["epoch"])
    shards = dict(zip(map(tuple, snakemake.params.recordings), snakemake.input.shards, strict=True))

    take_gpus(snakemake.resources.gpu)
    fit.prepare_tensorflow(seed=0, threads=snakemake.params.threads)
    windows, network = snakemake.params.windows, snakemake.input.models[chosen["fold"] - 1]
    model, _ = predict.fitting_network(network, windows, states, shards[key], tell)
    frames, found = predict.explain_epoch(model, shards[key], epoch)
    example = Example(
        *key,
        epoch,
        window_s=float(windows["seconds"]),
        states=states,
        y_true=int(chosen["y_true"]),
        y_pred=int(found.probabilities[0].argmax()),
        probabilities=found.probabilities[0],
        frames=frames,
        attention=found.attention[0],
        heat={method: maps[0] for method, maps in found.heat.items()},
    )
    write_example(snakemake.output[0], example)
    print(f"{key[0]}, {key[1]}, epoch {epoch}: {states[example.y_pred]}, p = {example.probabilities.max():.3f}")
