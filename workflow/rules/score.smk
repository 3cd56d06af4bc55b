# Scores of a fold in one read of its data: predictions, calibration, attention weights, Grad-CAM.


rule score:
    input:
        folds=f"{RESULTS}/{{experiment}}/folds.tsv",
        model=f"{RESULTS}/{{experiment}}/fold-{{fold}}/model.keras",
        shards=shards,
        indices=indices,
        surveys=surveys,
        atlas=f"{RESOURCES}/atlas.mat",
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
    threads: of_training("threads")
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=1,
    params:
        code=code_of("score"),
        windows=setting("windows"),
        labels=setting("labels"),
        batch_size=of_training("batch_size"),
        threads=of_training("threads"),
        recordings=lambda wildcards: recording_keys(),
        expected=expected_of_fold,
    message:
        "Scoring {wildcards.experiment}, fold {wildcards.fold}"
    script:
        "../scripts/score.py"
