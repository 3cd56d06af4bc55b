# Scores of a fold in one read of its data: predictions, calibration, attention weights, Grad-CAM.

# Experiments whose networks have no attention over time.
WITHOUT_ATTENTION = [name for name in EXPERIMENTS if lacks(name, ("attention",))]


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
    wildcard_constraints:
        experiment=one_of(name for name in EXPERIMENTS if name not in WITHOUT_ATTENTION),
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
        channels=channels,
        threads=of_training("threads"),
        recordings=lambda wildcards: recording_keys(),
        expected=expected_of_fold,
    message:
        "Scoring {wildcards.experiment}, fold {wildcards.fold}"
    script:
        "../scripts/score.py"


if WITHOUT_ATTENTION:

    use rule score as score_without_attention with:
        output:
            predictions=f"{RESULTS}/{{experiment}}/fold-{{fold}}/predictions.tsv",
            calibration=f"{RESULTS}/{{experiment}}/fold-{{fold}}/calibration.json",
            gradcam=f"{RESULTS}/{{experiment}}/fold-{{fold}}/gradcam.h5",
        wildcard_constraints:
            experiment=one_of(WITHOUT_ATTENTION),
