"""Score the validation and test epochs of one fold: predictions, calibration, attention weights, Grad-CAM."""

from wfci_sleep.step import step

with step(snakemake):
    import json

    from wfci_sleep import scoring, training
    from wfci_sleep.explanations import mouse_maps, write_attention, write_gradcam
    from wfci_sleep.files import read_table, write_table, written_atomically
    from wfci_sleep.folds import fold_epochs
    from wfci_sleep.gpus import take_gpus
    from wfci_sleep.model import load_network
    from wfci_sleep.windows import labelled_epochs

    classes = snakemake.params.labels["classes"]
    recordings = [tuple(key) for key in snakemake.params.recordings]
    labelled = labelled_epochs(snakemake.input.indices, recordings)
    epochs = fold_epochs(read_table(snakemake.input.folds), labelled, int(snakemake.wildcards.fold))
    shards = dict(zip(recordings, snakemake.input.shards, strict=True))

    take_gpus(snakemake.resources.gpu)
    training.prepare_tensorflow(seed=0, threads=snakemake.threads)
    model = load_network(snakemake.input.model)
    scores = scoring.score_fold(model, epochs, shards, classes, snakemake.params.batch_size)
    predictions = scores.predictions
    write_table(predictions, snakemake.output.predictions, float_format="%.6g")
    n_validation = int((predictions["split"] == "validation").sum())
    fit = {"temperature": scores.temperature, "n_validation": n_validation, "fitted_on": "validation"}
    with written_atomically(snakemake.output.calibration) as temporary:
        temporary.write_text(json.dumps(fit, indent=2) + "\n", encoding="utf-8")
    tested = predictions["split"] == "test"
    write_attention(
        snakemake.output.attention, predictions[tested], scores.attention[tested], snakemake.params.windows["seconds"]
    )
    mice = predictions.loc[tested, "mouse"].unique()
    hemisphere = snakemake.params.windows["hemisphere"]
    maps = {
        method: mouse_maps(heat, scores.examples, mice, classes, hemisphere) for method, heat in scores.heat.items()
    }
    write_gradcam(snakemake.output.gradcam, maps)
