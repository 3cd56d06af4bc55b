# Predictions, their calibration, attention weights and Grad-CAM of a fold, in one run over its data.


rule score:
    input:
        folds=f"{RESULTS}/{{experiment}}/folds.tsv",
        model=f"{RESULTS}/{{experiment}}/fold-{{fold}}/model.keras",
        shards=shards,
        indices=indices,
    output:
        predictions=f"{RESULTS}/{{experiment}}/fold-{{fold}}/predictions.tsv",
        calibration=f"{RESULTS}/{{experiment}}/fold-{{fold}}/calibration.json",
        attention=f"{RESULTS}/{{experiment}}/fold-{{fold}}/attention.h5",
        gradcam=f"{RESULTS}/{{experiment}}/fold-{{fold}}/gradcam.h5",
    log:
        f"{LOGS}/{{experiment}}/score/fold-{{fold}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/score/fold-{{fold}}.tsv"
    conda:
        "../../envs/tensorflow.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=1,
    params:
        windows=setting("windows"),
        labels=setting("labels"),
        batch_size=lambda wildcards: EXPERIMENTS[wildcards.experiment]["training"]["batch_size"],
        recordings=lambda wildcards: recording_keys(),
    message:
        "Scoring {wildcards.experiment}, fold {wildcards.fold}"
    script:
        "../scripts/score.py"
