# What the networks looked at, in numbers.


rule gradcam_parcels:
    input:
        gradcam=for_each_fold("gradcam.h5"),
        atlas=f"{RESOURCES}/atlas.mat",
    output:
        f"{RESULTS}/{{experiment}}/gradcam_parcels.tsv",
    log:
        f"{LOGS}/{{experiment}}/gradcam_parcels.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/gradcam_parcels.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        hemisphere=lambda wildcards: EXPERIMENTS[wildcards.experiment]["windows"]["hemisphere"],
    message:
        "Averaging Grad-CAM of {wildcards.experiment} over parcels"
    script:
        "../scripts/gradcam_parcels.py"


rule example:
    input:
        predictions=for_each_fold("predictions.tsv"),
        models=for_each_fold("model.keras"),
        shards=shards,
    output:
        f"{RESULTS}/{{experiment}}/examples/{{which}}.h5",
    log:
        f"{LOGS}/{{experiment}}/examples/{{which}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/examples/{{which}}.tsv"
    conda:
        "../../envs/tensorflow.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=1,
    params:
        windows=setting("windows"),
        labels=setting("labels"),
        recordings=lambda wildcards: recording_keys(),
    message:
        "Explaining an example of {wildcards.which} ({wildcards.experiment})"
    script:
        "../scripts/example.py"
