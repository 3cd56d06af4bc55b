"""Explain one test epoch with the network that was not trained on it: frames, class activation maps, attention."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep import scoring, training
    from wfci_sleep.examples import Example, choose_epoch, write_example
    from wfci_sleep.gpus import take_gpus
    from wfci_sleep.metrics import read_test_predictions
    from wfci_sleep.model import load_network

    states = snakemake.params.labels["classes"]
    predictions = read_test_predictions(snakemake.input.predictions)
    chosen = predictions.iloc[choose_epoch(predictions, snakemake.wildcards.which, states)]
    key, epoch = (chosen["mouse"], chosen["recording"]), int(chosen["epoch"])
    shards = dict(zip(map(tuple, snakemake.params.recordings), snakemake.input.shards, strict=True))

    take_gpus(snakemake.resources.gpu)
    training.prepare_tensorflow(seed=0, threads=snakemake.threads)
    model = load_network(snakemake.input.models[chosen["fold"] - 1])
    frames, found = scoring.explain_epoch(model, shards[key], epoch)
    example = Example(
        *key,
        epoch,
        window_s=float(snakemake.params.windows["seconds"]),
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
