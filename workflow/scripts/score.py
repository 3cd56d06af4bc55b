"""Score the validation and test epochs of one fold: predictions, calibration, attention weights if any, Grad-CAM."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import json

    from wfci_sleep.data.atlas import load_atlas
    from wfci_sleep.files.atomic import write_table, written_atomically
    from wfci_sleep.layout import FRAMES
    from wfci_sleep.models.registry import kind_of_network
    from wfci_sleep.run.gpus import take_gpus
    from wfci_sleep.scoring import predict
    from wfci_sleep.scoring.explanations import (
        link_masks,
        mouse_maps,
        mouse_masks,
        recorded_shape,
        write_attention,
        write_gradcam,
    )
    from wfci_sleep.training import fit
    from wfci_sleep.training.folds import labelled_epochs, read_fold
    from wfci_sleep.training.shards import check_shards

    classes = snakemake.params.labels["classes"]
    recordings = [tuple(key) for key in snakemake.params.recordings]
    labelled = labelled_epochs(snakemake.input.indices, recordings)
    epochs = read_fold(snakemake.input.folds, int(snakemake.wildcards.fold), labelled, **snakemake.params.expected)
    shards = dict(zip(recordings, snakemake.input.shards, strict=True))
    scored = epochs[epochs["split"] != "train"]
    check_shards(shards, labelled, scored)

    take_gpus(snakemake.resources.gpu)
    fit.prepare_tensorflow(seed=0, threads=snakemake.params.threads)
    windows, of_first = snakemake.params.windows, shards[scored["mouse"].iloc[0], scored["recording"].iloc[0]]
    model, temperature = predict.fitting_network(snakemake.input.model, windows, classes, of_first, tell)
    scores = predict.score_fold(
        model, epochs, shards, classes, snakemake.params.batch_size, temperature, snakemake.params.channels
    )
    predictions = scores.predictions
    write_table(predictions, snakemake.output.predictions, float_format="%.6g")
    n_validation = int((predictions["split"] == "validation").sum())
    fit = {"temperature": scores.temperature, "n_validation": n_validation, "fitted_on": "validation"}
    with written_atomically(snakemake.output.calibration) as temporary:
        temporary.write_text(json.dumps(fit, indent=2) + "\n", encoding="utf-8")
    tested = predictions["split"] == "test"
    if scores.attention is not None:
        write_attention(snakemake.output.attention, predictions[tested], scores.attention[tested], windows["seconds"])
    used = dict.fromkeys(predictions.loc[tested, ["mouse", "recording"]].itertuples(index=False, name=None))
    if kind_of_network(model).input == FRAMES:
        surveys = dict(zip(recordings, snakemake.input.surveys, strict=True))
        masks = mouse_masks(used, surveys, windows, load_atlas(snakemake.input.atlas))
        shape = recorded_shape(windows["hemisphere"])
    else:  # visibility graphs: links between moments
        shape = model.input.shape[1:3]
        masks = link_masks((mouse for mouse, _ in used), shape[0])
    maps = {method: mouse_maps(heat, scores.examples, masks, classes, shape) for method, heat in scores.heat.items()}
    write_gradcam(snakemake.output.gradcam, maps)
