# Folds, and a trained network for each.


rule make_folds:
    input:
        indices=indices,
        checks=checks,
    output:
        folds=f"{RESULTS}/{{experiment}}/folds.tsv",
        states=f"{RESULTS}/{{experiment}}/folds-states.tsv",
    log:
        f"{LOGS}/{{experiment}}/folds.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/folds.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
        leave_out_bad=LEAVE_OUT_BAD,
    params:
        code=code_of("make_folds"),
        classes=classes,
        folds=setting("folds"),
        recordings=lambda wildcards: recording_keys(),
    message:
        "Splitting the epochs of {wildcards.experiment} into folds"
    script:
        "../scripts/make_folds.py"


rule train:
    input:
        folds=f"{RESULTS}/{{experiment}}/folds.tsv",
        shards=shards,
        indices=indices,
        weights=given_weights,
    output:
        model=f"{RESULTS}/{{experiment}}/fold-{{fold}}/model.keras",
        history=f"{RESULTS}/{{experiment}}/fold-{{fold}}/history.csv",
        confusion=f"{RESULTS}/{{experiment}}/fold-{{fold}}/confusion.tsv",
        tensorboard=directory(f"{RESULTS}/{{experiment}}/fold-{{fold}}/tensorboard"),
    log:
        f"{LOGS}/{{experiment}}/train/fold-{{fold}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/train/fold-{{fold}}.tsv"
    conda:
        "../../envs/tensorflow.yaml"
    threads: of_training("threads")
    resources:
        mem_mb=8000,
        runtime=2880,
        gpu=1,
    params:
        code=code_of("train"),
        run=RUN,
        windows=setting("windows"),
        labels=setting("labels"),
        model=setting("model"),
        training=setting("training"),
        recordings=lambda wildcards: recording_keys(),
        expected=expected_of_fold,
    message:
        "Training {wildcards.experiment}, fold {wildcards.fold}"
    script:
        "../scripts/train.py"
